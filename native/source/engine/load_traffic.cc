#include "source/engine/load_traffic.h"

#include <algorithm>

namespace vslog {
namespace {

using engine::Direction;
using engine::kAck;
using engine::kFin;
using engine::kPsh;
using engine::kRst;
using engine::kSyn;

// Of 64 TCP connections so many are reset by the client, by the real server, or never answered.
constexpr std::uint8_t kResets = 6;
constexpr std::uint8_t kRefusals = 8;
constexpr std::uint8_t kHalfOpen = 9;

constexpr std::uint32_t kHeaders = 40;
constexpr std::uint16_t kFirstPort = 1024;
constexpr std::uint64_t kPorts = 64'000;

/// SplitMix64: a number that looks random, out of a number.
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// Client addresses: 10.0.0.0/8 of IPv4, fd00::/96 of IPv6.
Address client_address(std::uint64_t number, std::uint8_t family) {
  const auto byte = [number](unsigned shift) { return static_cast<std::uint8_t>(number >> shift); };
  if (family == 6) return {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(24), byte(16), byte(8), byte(0)};
  const std::uint8_t v4[4] = {10, byte(16), byte(8), byte(0)};
  return map_ipv4(v4);
}

}  // namespace

LoadTraffic::LoadTraffic(const LoadOptions& options, const std::vector<ServiceSetup>& services, engine::Time start, engine::Time step)
    : options_(options), open_(std::max<std::size_t>(options.concurrent, 1)), step_(step), now_(start) {
  for (const ServiceSetup& s : services) {
    if (s.service.key.protocol == engine::kTcp) tcp_.push_back(&s.service);
    if (s.service.key.protocol == engine::kUdp) udp_.push_back(&s.service);
  }
}

LoadTraffic::Life LoadTraffic::life(std::uint64_t number) const {
  Life l;
  const std::uint64_t r = mix(number ^ mix(options_.seed));
  const bool udp = tcp_.empty() || (!udp_.empty() && r % 100 < options_.udp_percent);
  const auto& services = udp ? udp_ : tcp_;
  const engine::ServiceKey& key = services[(r >> 8) % services.size()]->key;
  l.chance = r;
  l.first.protocol = key.protocol;
  l.first.family = key.family;
  l.first.destination = key.at;
  if (key.at.port == 0) l.first.destination.port = static_cast<std::uint16_t>(8000 + (r >> 16) % 16);
  // Ports go up by one each time round the clients: an address and port come again as late as can be.
  l.first.source = {client_address((number + options_.seed) % options_.clients, key.family),
                    static_cast<std::uint16_t>(kFirstPort + number / options_.clients % kPorts)};
  l.first.direction = Direction::from_client;
  l.data = static_cast<std::uint32_t>((r >> 24) % 4);
  l.end = static_cast<std::uint8_t>((r >> 32) % 64);
  return l;
}

void LoadTraffic::from_client(engine::Engine& engine, engine::Packet packet, std::uint8_t flags, std::uint32_t length) const {
  packet.flags = flags;
  packet.length = length;
  engine.receive(packet, now_);
}

void LoadTraffic::from_real(engine::Engine& engine, const engine::Packet& first, const engine::Endpoint& real, std::uint8_t flags, std::uint32_t length) const {
  engine::Packet p;
  p.source = real;
  p.destination = first.source;
  p.protocol = first.protocol;
  p.family = first.family;
  p.direction = Direction::from_real;
  p.flags = flags;
  p.length = length;
  engine.receive(p, now_);
}

void LoadTraffic::begin(engine::Engine& engine, std::uint64_t number) {
  Life l = life(number);
  const bool tcp = l.first.protocol == engine::kTcp;
  l.first.flags = tcp ? static_cast<std::uint8_t>(kSyn) : std::uint8_t{0};
  l.first.length = tcp ? 60 : 80;
  const engine::Outcome outcome = engine.receive(l.first, now_);
  Open& o = open_[number % open_.size()];
  o = {};
  if (outcome.verdict != engine::Verdict::forward) return;
  o = {outcome.conn, outcome.real};
  if (!tcp) return from_real(engine, l.first, o.real, 0, 180);
  if (l.end == kHalfOpen) return;
  if (l.end == kRefusals) return from_real(engine, l.first, o.real, kRst | kAck, kHeaders);
  from_real(engine, l.first, o.real, kSyn | kAck, 60);
  from_client(engine, l.first, kAck, kHeaders);
}

void LoadTraffic::end(engine::Engine& engine, std::uint64_t number) {
  const Life l = life(number);
  const Open& o = open_[number % open_.size()];
  const bool tcp = l.first.protocol == engine::kTcp;
  if (!engine.alive(o.conn) || (tcp && (l.end == kHalfOpen || l.end == kRefusals))) return;
  for (std::uint32_t i = 0; i < l.data; ++i) {
    from_client(engine, l.first, tcp ? kAck | kPsh : 0, 200 + static_cast<std::uint32_t>(l.chance >> 40) % 1000);
    from_real(engine, l.first, o.real, tcp ? kAck | kPsh : 0, 1500);
  }
  if (!tcp) return;
  if (l.end < kResets) return from_client(engine, l.first, kRst | kAck, kHeaders);
  const bool client_first = (l.chance & 0x80) != 0;
  if (client_first) from_client(engine, l.first, kFin | kAck, kHeaders);
  from_real(engine, l.first, o.real, kFin | kAck, kHeaders);
  if (!client_first) from_client(engine, l.first, kFin | kAck, kHeaders);
  else from_client(engine, l.first, kAck, kHeaders);
}

bool LoadTraffic::next(engine::Engine& engine) {
  const bool more = options_.connections == 0 || begun_ < options_.connections;
  if (!more && ended_ == begun_) return false;
  now_ += step_;
  if (!more || begun_ - ended_ == open_.size()) end(engine, ended_++);
  if (more) begin(engine, begun_++);
  return true;
}

}  // namespace vslog
