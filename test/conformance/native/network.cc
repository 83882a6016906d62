#include "network.h"

#include <algorithm>

namespace vslog::conformance {
namespace {

/// From one machine to the next.
constexpr Time kHop = 50'000;
/// How exactly timers that no packet waits for are run.
constexpr Time kStep = 10 * kMillisecond;

engine::EngineOptions options() {
  engine::EngineOptions o;
  o.table_bits = 10;
  o.max_conns = 1 << 20;
  o.wall_offset_ns = 1'700'000'000ull * kSecond;
  return o;
}

std::uint32_t length_of(const Segment& s) {
  const std::uint32_t ip = s.packet.family == 6 ? 40 : 20;
  const std::uint32_t header = s.packet.protocol == engine::kTcp ? 20 : s.packet.protocol == engine::kUdp ? 8 : 16;
  return ip + header + (s.data != 0 ? 1 : 0);
}

}  // namespace

Network::Network()
    : engine(options(), log),
      clients(clock, [this](const Segment& s) { clock.after(kHop, [this, s] { from_client(s); }); }),
      servers(clock, [this](const Segment& s) { clock.after(kHop, [this, s] { from_server(s); }); }) {}

bool Network::run(Time duration, const std::function<bool()>& done) {
  const Time end = clock.now() + duration;
  for (;;) {
    const Time next = std::min(end, clock.now() + kStep);
    clock.run(next, done);
    engine.advance(clock.now());
    if (done()) return true;
    if (clock.now() >= end) return false;
  }
}

bool Network::is_own(const Address& address) const { return std::find(own.begin(), own.end(), address) != own.end(); }

engine::Outcome Network::ask(const Segment& s, engine::Direction direction) {
  engine::Packet packet = s.packet;
  packet.length = length_of(s);
  packet.direction = direction;
  if (const auto mark = marks.find({packet.protocol, packet.destination.port}); mark != marks.end()) packet.fwmark = mark->second;
  return engine.receive(packet, clock.now());
}

/// What comes for the balancer's own addresses passes the kernel's LOCAL_IN hooks, replies first; anything else only FORWARD, where replies alone are looked for.
void Network::from_client(const Segment& s) {
  const bool for_us = is_own(s.packet.destination.address);
  const engine::Outcome outcome = ask(s, for_us ? engine::Direction::unknown : engine::Direction::from_real);
  const auto tell = [this](const Segment& answer) { clock.after(kHop, [this, answer] { clients.receive(answer); }); };
  const auto unreachable = [this, s] { clock.after(kHop, [this, s] { clients.unreachable(s); }); };
  switch (outcome.verdict) {
    case engine::Verdict::drop: return;
    case engine::Verdict::reject: return unreachable();
    case engine::Verdict::pass: {
      if (!for_us) return clock.after(kHop, [this, s] { servers.receive(s); });
      Segment answer;
      if (Host::refusal(s, answer)) tell(answer);
      else if (s.packet.protocol == engine::kUdp) unreachable();
      return;
    }
    case engine::Verdict::forward: {
      Segment onwards = s;
      const EventLog::Known* known = log.known(outcome.conn.id);
      if (known == nullptr || known->forward == ForwardMethod::masq) onwards.packet.destination = outcome.real;
      return clock.after(kHop, [this, onwards] { servers.receive(onwards); });
    }
  }
}

void Network::from_server(const Segment& s) {
  Segment onwards = s;
  if (!direct_replies || s.packet.family == 6) {
    const engine::Outcome outcome = ask(s, engine::Direction::from_real);
    if (outcome.verdict == engine::Verdict::drop || outcome.verdict == engine::Verdict::reject) return;
    const EventLog::Known* known = outcome.verdict == engine::Verdict::forward ? log.known(outcome.conn.id) : nullptr;
    if (known != nullptr) onwards.packet.source = {known->virtual_service.address, known->virtual_service.port};
  }
  clock.after(kHop, [this, onwards] { clients.receive(onwards); });
}

}  // namespace vslog::conformance
