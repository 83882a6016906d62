#include "host.h"

#include <algorithm>

#include "engine/state.h"
#include "sctp_socket.h"
#include "tcp_socket.h"
#include "udp_socket.h"

namespace vslog::conformance {
namespace {

/// One connection of a server: its program.
void program(Socket& socket, char byte, bool& stays) {
  if (byte == 0) {
    if (!stays) socket.shutdown();
  } else if (byte == 'q' || byte == 'h') {
    socket.shutdown();
  } else {
    if (byte == 'k') stays = true;
    socket.write(byte);
  }
}

}  // namespace

void Host::serve(std::uint8_t protocol, const Endpoint& at) {
  const auto same = [&](const Server& server) { return server.protocol == protocol && server.at == at; };
  if (std::none_of(servers_.begin(), servers_.end(), same)) servers_.push_back({protocol, at});
}

std::shared_ptr<Socket> Host::open(std::uint8_t protocol, std::uint8_t family, const Endpoint& from, const Endpoint& to) {
  if (const auto old = find(protocol, from, to); old && !old->over()) return nullptr;
  return make(protocol, family, from, to);
}

void Host::receive(const Segment& segment) {
  const auto& packet = segment.packet;
  auto socket = find(packet.protocol, packet.destination, packet.source);
  const bool first = engine::is_new(packet.protocol, packet.flags) || packet.protocol == engine::kUdp;
  if (socket && !(first && socket->replaceable() && serves(segment) && packet.protocol != engine::kUdp)) return socket->receive(segment);
  if (first && serves(segment)) {
    socket = make(packet.protocol, packet.family, packet.destination, packet.source);
    socket->on_read = [stays = false](Socket& s, char byte) mutable { program(s, byte, stays); };
    return socket->accept(segment);
  }
  Segment answer;
  if (refusal(segment, answer)) send_(answer);
}

void Host::unreachable(const Segment& segment) {
  if (const auto socket = find(segment.packet.protocol, segment.packet.source, segment.asked)) socket->unreachable();
}

bool Host::refusal(const Segment& segment, Segment& answer) {
  using namespace engine;
  const auto& packet = segment.packet;
  if (packet.protocol == kTcp && (packet.flags & kRst) == 0) {
    answer = answer_to(segment, (packet.flags & kAck) != 0 ? kRst : kRst | kAck);
    return true;
  }
  if (packet.protocol == kSctp && packet.flags != kSctpAbort) {
    answer = answer_to(segment, kSctpAbort);
    return true;
  }
  return false;
}

std::shared_ptr<Socket> Host::find(std::uint8_t protocol, const Endpoint& local, const Endpoint& remote) {
  std::erase_if(sockets_, [](const auto& socket) { return socket->over(); });
  const auto found = std::find_if(sockets_.begin(), sockets_.end(), [&](const auto& socket) {
    return socket->protocol() == protocol && socket->local() == local && socket->remote() == remote;
  });
  return found == sockets_.end() ? nullptr : *found;
}

std::shared_ptr<Socket> Host::make(std::uint8_t protocol, std::uint8_t family, const Endpoint& local, const Endpoint& remote) {
  std::erase_if(sockets_, [&](const auto& socket) { return socket->protocol() == protocol && socket->local() == local && socket->remote() == remote; });
  std::shared_ptr<Socket> socket;
  if (protocol == engine::kTcp) socket = std::make_shared<TcpSocket>(*this, protocol, family, local, remote);
  else if (protocol == engine::kSctp) socket = std::make_shared<SctpSocket>(*this, protocol, family, local, remote);
  else socket = std::make_shared<UdpSocket>(*this, protocol, family, local, remote);
  sockets_.push_back(socket);
  return socket;
}

bool Host::serves(const Segment& segment) const {
  return std::any_of(servers_.begin(), servers_.end(),
                     [&](const Server& server) { return server.protocol == segment.packet.protocol && server.at == segment.packet.destination; });
}

}  // namespace vslog::conformance
