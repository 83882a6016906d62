#include "tcp_socket.h"

#include <algorithm>

namespace vslog::conformance {
namespace {

using engine::kAck;
using engine::kFin;
using engine::kPsh;
using engine::kRst;
using engine::kSyn;

// Linux: TCP_TIMEOUT_INIT, TCP_RTO_MIN, TCP_RTO_MAX, tcp_retries2, TCP_TIMEWAIT_LEN (include/net/tcp.h).
constexpr Time kFirstRto = kSecond;
constexpr Time kMinRto = 200 * kMillisecond;
constexpr Time kMaxRto = 120 * kSecond;
constexpr unsigned kMaxTries = 15;
constexpr Time kTimeWait = 60 * kSecond;

}  // namespace

void TcpSocket::connect() {
  rto_ = kFirstRto;
  push(kSyn, 0);
}

void TcpSocket::accept(const Segment& first) {
  server_ = true;
  rto_ = kFirstRto;
  expected_ = first.seq + 1;
  push(kSyn | kAck, 0);
}

void TcpSocket::receive(const Segment& s) {
  const std::uint8_t flags = s.packet.flags;
  if ((flags & kRst) != 0) return die(true);
  if (time_wait_) {
    if ((flags & kFin) != 0) acknowledge();
    return;
  }
  if (!connected_ && !server_) {
    if ((flags & (kSyn | kAck)) != (kSyn | kAck)) return;
    expected_ = s.seq + 1;
    connected_ = true;
    acknowledged(s.ack);
    return acknowledge();
  }
  if ((flags & kSyn) != 0) {  // the other end has not had our answer
    if (server_ && !connected_) transmit(0);
    else acknowledge();
    return;
  }
  if ((flags & kAck) != 0) {
    acknowledged(s.ack);
    connected_ = true;
  }
  const bool carries = s.data != 0 || (flags & kFin) != 0;
  if (carries && s.seq == expected_) {
    ++expected_;
    const std::size_t before = outstanding_.size();
    if (s.data != 0) {
      acknowledge();
      deliver(s.data);
    } else {
      deliver(0);
      if (outstanding_.size() == before) acknowledge();  // else our own FIN has carried the acknowledgement
    }
  } else if (carries) {
    acknowledge();
  }
  finish_when_closed();
}

void TcpSocket::unreachable() {
  if (!connected_) die(true);  // an established connection takes it for a passing trouble
}

bool TcpSocket::write(char byte) {
  if (over_ || fin_sent_ || !connected_) return false;
  push(kPsh | kAck, byte);
  return true;
}

void TcpSocket::shutdown() {
  if (over_ || fin_sent_) return;
  if (!connected_) return die(false);
  closed_first_ = !at_end_;
  fin_sent_ = true;
  push(kFin | kAck, 0);
}

void TcpSocket::abort() {
  if (over_) return;
  if (connected_) {
    Segment s = segment(kRst | kAck);
    s.seq = una_;
    s.ack = expected_;
    machine_.send(s);
  }
  die(false);
}

void TcpSocket::push(std::uint8_t flags, char data) {
  outstanding_.push_back({flags, data});
  transmit(outstanding_.size() - 1);
  if (outstanding_.size() == 1) arm();
}

void TcpSocket::transmit(std::size_t index) {
  if (index >= outstanding_.size()) return;
  const Item& item = outstanding_[index];
  Segment s = segment(item.flags);
  s.seq = una_ + static_cast<std::uint32_t>(index);
  s.ack = expected_;
  s.data = item.data;
  machine_.send(s);
}

void TcpSocket::acknowledge() {
  Segment s = segment(kAck);
  s.seq = una_ + static_cast<std::uint32_t>(outstanding_.size());
  s.ack = expected_;
  machine_.send(s);
}

void TcpSocket::acknowledged(std::uint32_t ack) {
  if (ack <= una_ || ack > una_ + outstanding_.size()) return;
  outstanding_.erase(outstanding_.begin(), outstanding_.begin() + static_cast<std::ptrdiff_t>(ack - una_));
  una_ = ack;
  tries_ = 0;
  rto_ = kMinRto;
  ++generation_;
  if (!outstanding_.empty()) arm();
}

void TcpSocket::arm() {
  machine_.clock().after(rto_, [self = weak_from_this(), generation = ++generation_] {
    if (const auto socket = self.lock()) socket->timer(generation);
  });
}

void TcpSocket::timer(std::uint64_t generation) {
  if (over_ || generation != generation_) return;
  if (++tries_ > kMaxTries) return die(true);
  transmit(0);
  rto_ = std::min(2 * rto_, kMaxRto);
  arm();
}

void TcpSocket::finish_when_closed() {
  if (over_ || !fin_sent_ || !at_end_ || !outstanding_.empty()) return;
  if (!closed_first_) return die(false);
  time_wait_ = true;
  machine_.clock().after(kTimeWait, [self = weak_from_this()] {
    if (const auto socket = self.lock()) socket->die(false);
  });
}

void TcpSocket::die(bool failed) {
  over_ = true;
  failed_ = failed_ || failed;
  ++generation_;
}

}  // namespace vslog::conformance
