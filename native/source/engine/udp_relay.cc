#include "source/engine/udp_relay.h"

#include <sys/epoll.h>

#include <array>
#include <cerrno>

namespace vslog {
namespace {

constexpr int kAtOnce = 64;
constexpr std::size_t kLongest = 65'535;
constexpr engine::Time kAnswerTime = 5 * engine::kSecond;

/// IP and UDP headers.
constexpr std::size_t header_bytes(std::uint8_t family) { return family == 6 ? 48 : 28; }

std::array<char, kLongest> buffer;

}  // namespace

UdpRelay::UdpRelay(engine::Engine& engine, int epoll, std::function<engine::Time()> now) : engine_(engine), epoll_(epoll), now_(std::move(now)) {}

void UdpRelay::add_service(const engine::ServiceKey& key, UniqueFd socket) {
  watch(epoll_, socket.get(), EPOLLIN, watch_key(Watched::udp_service, static_cast<std::uint32_t>(services_.size())), true);
  services_.push_back(std::make_unique<Service>(Service{key, std::move(socket)}));
}

void UdpRelay::close_service(const engine::ServiceKey& key) {
  for (const auto& service : services_) {
    if (service->key == key) service->fd.reset();
  }
}

void UdpRelay::service_ready(std::uint32_t index) {
  const Service& service = *services_.at(index);
  for (int i = 0; i < kAtOnce; ++i) {
    SocketAddress from;
    const ssize_t n = recvfrom(service.fd.get(), buffer.data(), buffer.size(), 0, from.get(), &from.length);
    if (n < 0) return;
    datagram(service, to_endpoint(from), buffer.data(), static_cast<std::size_t>(n));
  }
}

void UdpRelay::datagram(const Service& service, const engine::Endpoint& from, const char* data, std::size_t size) {
  engine::Packet p;
  p.protocol = engine::kUdp;
  p.family = service.key.family;
  p.source = from;
  p.destination = service.key.at;
  p.length = static_cast<std::uint32_t>(header_bytes(p.family) + size);
  p.direction = engine::Direction::from_client;
  const engine::Outcome outcome = engine_.receive(p, now_());
  if (outcome.verdict != engine::Verdict::forward) return;
  Flow* const flow = flow_of(service, from, outcome);
  if (flow == nullptr) return;
  // An earlier datagram's "port unreachable" is told in place of sending this one.
  if (send(flow->fd.get(), data, size, MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED) send(flow->fd.get(), data, size, MSG_NOSIGNAL);
}

UdpRelay::Flow* UdpRelay::flow_of(const Service& service, const engine::Endpoint& from, const engine::Outcome& outcome) {
  if (const auto known = by_conn_.find(outcome.conn.id); known != by_conn_.end()) return &flows_.at(known->second);
  UniqueFd fd = connect_to(outcome.real, SOCK_DGRAM);
  if (!fd) return nullptr;
  while (next_user_ == 0 || next_user_ > INT32_MAX || flows_.contains(next_user_)) next_user_ = next_user_ > INT32_MAX ? 1 : next_user_ + 1;
  const std::uint32_t user = next_user_++;
  Flow& flow = flows_.emplace(user, Flow{&service, from, outcome.real, std::move(fd), outcome.conn.id, 0}).first->second;
  watch(epoll_, flow.fd.get(), EPOLLIN, watch_key(Watched::udp_flow, user), true);
  if (engine_.set_user(outcome.conn, user << 1 | 1)) by_conn_.emplace(flow.conn_id, user);
  else flow.until = now_() + kAnswerTime;
  return &flow;
}

void UdpRelay::flow_ready(std::uint32_t user) {
  for (int i = 0; i < kAtOnce; ++i) {
    const auto at = flows_.find(user);
    if (at == flows_.end()) return;
    const Flow& flow = at->second;
    const ssize_t n = recv(flow.fd.get(), buffer.data(), buffer.size(), 0);
    if (n < 0) return;  // nothing more, or the real server's port is unreachable
    engine::Packet p;
    p.protocol = engine::kUdp;
    p.family = flow.service->key.family;
    p.source = flow.real;
    p.destination = flow.client;
    p.length = static_cast<std::uint32_t>(header_bytes(p.family) + static_cast<std::size_t>(n));
    p.direction = engine::Direction::from_real;
    // An answer to a one-packet connection is of none any more and goes on as it is.
    if (flow.until == 0 && engine_.receive(p, now_()).verdict != engine::Verdict::forward) continue;
    const SocketAddress client = to_socket_address(flow.client);
    sendto(flow.service->fd.get(), buffer.data(), static_cast<std::size_t>(n), MSG_NOSIGNAL, client.get(), client.length);
  }
}

void UdpRelay::cut(std::uint32_t user) {
  const auto at = flows_.find(user);
  if (at == flows_.end()) return;
  by_conn_.erase(at->second.conn_id);
  flows_.erase(at);
}

void UdpRelay::close_services() {
  for (const auto& service : services_) service->fd.reset();
}

void UdpRelay::tick() {
  const engine::Time now = now_();
  std::erase_if(flows_, [now](const auto& entry) { return entry.second.until != 0 && entry.second.until <= now; });
}

}  // namespace vslog
