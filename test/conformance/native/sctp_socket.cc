#include "sctp_socket.h"

namespace vslog::conformance {

using namespace engine;  // the chunks' names

void SctpSocket::connect() { initiate(kSecond); }

/// Linux: net.sctp.rto_initial is 3 s, doubled each time.
void SctpSocket::initiate(Time again_after) {
  if (connected_ || over_) return;
  put(kSctpInit);
  machine_.clock().after(3 * again_after, [self = weak_from_this(), again_after] {
    if (const auto socket = self.lock()) socket->initiate(2 * again_after);
  });
}

void SctpSocket::accept(const Segment& first) { receive(first); }

void SctpSocket::receive(const Segment& s) {
  switch (s.packet.flags) {
    case kSctpInit: return put(kSctpInitAck);
    case kSctpInitAck: return put(kSctpCookieEcho);
    case kSctpCookieEcho:
      connected_ = true;
      return put(kSctpCookieAck);
    case kSctpCookieAck:
      connected_ = true;
      return;
    case kSctpData:
      put(kSctpSack);
      return deliver(s.data);
    case kSctpShutdown:
      put(kSctpShutdownAck);
      return deliver(0);
    case kSctpShutdownAck:
      put(kSctpShutdownComplete);
      deliver(0);
      return end(false);
    case kSctpShutdownComplete: return end(false);
    case kSctpAbort: return end(true);
    default: return;
  }
}

void SctpSocket::unreachable() {
  if (!connected_) end(true);
}

bool SctpSocket::write(char byte) {
  if (over_ || shutting_ || !connected_) return false;
  put(kSctpData, byte);
  return true;
}

void SctpSocket::shutdown() {
  if (over_ || shutting_ || at_end_) return;
  shutting_ = true;
  put(kSctpShutdown);
}

void SctpSocket::abort() {
  if (over_) return;
  if (connected_) put(kSctpAbort);
  end(false);
}

void SctpSocket::put(std::uint8_t chunk, char data) {
  Segment s = segment(chunk);
  s.data = data;
  machine_.send(s);
}

void SctpSocket::end(bool failed) {
  over_ = true;
  failed_ = failed_ || failed;
}

}  // namespace vslog::conformance
