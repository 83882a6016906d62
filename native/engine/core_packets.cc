// A packet's way: ip_vs_in() and ip_vs_out() of ip_vs_core.c, ip_vs_schedule(), and the lookups of ip_vs_conn.c.
#include <cstring>

#include "engine/core.h"
#include "engine/scheduler.h"
#include "engine/state.h"

namespace vslog::engine {
namespace {

constexpr std::uint16_t kFtp = 21;
constexpr std::uint16_t kFtpData = 20;

/// The client's network, which is what a template is for.
Address masked(const Address& address, const Address& netmask, std::uint8_t family) {
  if (netmask == Address{}) return address;
  Address result = address;
  for (std::size_t i = family == 4 ? 12 : 0; i < result.size(); ++i) result[i] = static_cast<std::uint8_t>(result[i] & netmask[i]);
  return result;
}

/// ip_vs_in_stats and, of a new connection, ip_vs_conn_stats.
void count_in(RealServer& r, const Packet& p, bool created) {
  if (created) r.traffic.connection();
  r.traffic.in(p.length);
  if (r.service == nullptr) return;
  if (created) r.service->traffic.connection();
  r.service->traffic.in(p.length);
}

}  // namespace

std::uint32_t Engine::Core::find_from_client(const Packet& p) const {
  return table_.find(p.protocol, p.source.address, p.source.port, [&](const Conn& c) {
    return c.virtual_port == p.destination.port && c.virtual_addr == p.destination.address && c.family == p.family && !c.is_template();
  });
}

std::uint32_t Engine::Core::find_from_real(const Packet& p) const {
  return table_.find(p.protocol, p.destination.address, p.destination.port, [&](const Conn& c) {
    return c.real_port == p.source.port && c.real != kNone && reals_[c.real]->config.at.address == p.source.address && !c.is_template();
  });
}

std::uint32_t Engine::Core::find_template(std::uint8_t protocol, std::uint8_t family, const Address& client, const Endpoint& at, std::uint32_t fwmark) const {
  return table_.find(protocol, client, 0, [&](const Conn& c) {
    return c.is_template() && c.family == family && c.virtual_addr == at.address && c.virtual_port == at.port && (protocol != 0 || c.fwmark == fwmark);
  });
}

Outcome Engine::Core::receive(const Packet& packet, Time now) {
  advance(now);
  // The kernel takes its hooks out with the last service of a family (ip_vs_unregister_hooks): whatever connections there are, it sees no packet of theirs.
  if (!(packet.family == 6 ? services_v6_ : services_v4_)) return {};
  if (packet.direction != Direction::from_client) {
    const std::uint32_t index = find_from_real(packet);
    // Replies past the balancer are not its business (ip_vs_out: ignore_cp).
    if (index != kNone && table_.at(index).forward() == ForwardMethod::masq) return from_real(index, packet);
    if (packet.direction == Direction::from_real) return {};
  }
  return from_client(packet);
}

// No look at the real server here: what a deleted one still says is passed on, and winds the timer up.
Outcome Engine::Core::from_real(std::uint32_t index, const Packet& p) {
  Conn& c = table_.at(index);
  transit(index, p, false);
  ++c.packets_out;
  c.bytes_out += p.length;
  if (RealServer* const r = real(c)) {
    r->traffic.out(p.length);
    if (r->service != nullptr) r->service->traffic.out(p.length);
  }
  Outcome outcome{Verdict::forward, false, {index, c.id}, {c.client, c.client_port}};
  put(index);
  return outcome;
}

bool Engine::Core::reused(const Conn& c, const Packet& p) const {
  const RealServer* const r = real(c);
  if (knobs_.expire_nodest_conn && r != nullptr && r->quiesced()) return true;
  if (knobs_.conn_reuse_mode == 0 || c.control != kNone) return false;  // is_new_conn_expected()
  if (p.protocol == kTcp) {
    const auto state = static_cast<TcpState>(c.state);
    return state == TcpState::time_wait || state == TcpState::close || ((knobs_.conn_reuse_mode & 2) != 0 && state == TcpState::fin_wait && (c.flags & kNoOutput) != 0);
  }
  return p.protocol == kSctp && static_cast<SctpState>(c.state) == SctpState::closed;
}

Outcome Engine::Core::drop_for_no_destination(std::uint32_t index, const Packet& p) {
  const Conn& c = table_.at(index);
  if (const auto sum = nodest_.dropped(index, c.id, p.length, now_)) tell_nodest(c, *sum);
  // The timer is not wound up: what nobody answers is to end.
  return {Verdict::drop, false, {index, c.id}, {}};
}

Outcome Engine::Core::from_client(const Packet& p) {
  std::uint32_t index = find_from_client(p);
  if (index != kNone && is_new(p.protocol, p.flags) && reused(table_.at(index), p)) {
    if (table_.at(index).controlled == 0) expire_now(index, EndReason::expire_now);
    // Until its timer has run, the new one of the same addresses is the one to be found.
    table_.unhash(index);
    index = kNone;
  }
  if (index != kNone) {
    const RealServer* const r = real(table_.at(index));
    if (r != nullptr && !r->available) {
      if (!knobs_.expire_nodest_conn) return drop_for_no_destination(index, p);
      expire_now(index, gone_reason(r));
      table_.unhash(index);
      index = kNone;
    }
  }
  bool created = false;
  if (index == kNone) {
    const Scheduled found = schedule(p);
    if (found.conn == kNone) return {found.verdict, false, {}, {}};
    index = found.conn;
    created = true;
  }
  Conn& c = table_.at(index);
  transit(index, p, true);
  ++c.packets_in;
  c.bytes_in += p.length;
  RealServer* const r = real(c);
  if (r != nullptr) count_in(*r, p, created);
  const Outcome outcome{Verdict::forward, created, {index, c.id}, {r != nullptr ? r->config.at.address : c.virtual_addr, c.real_port}};
  put(index);
  return outcome;
}

Service* Engine::Core::find_service(const Packet& p) {
  ServiceKey key;
  key.family = p.family;
  if (p.fwmark != 0) {
    key.fwmark = p.fwmark;
    if (const auto at = by_key_.find(key); at != by_key_.end()) return at->second;
    key.fwmark = 0;
  }
  key.protocol = p.protocol;
  key.at = p.destination;
  if (const auto at = by_key_.find(key); at != by_key_.end()) return at->second;
  if (!any_port_) return nullptr;
  key.at.port = 0;
  const auto at = by_key_.find(key);
  return at != by_key_.end() ? at->second : nullptr;
}

Engine::Core::Scheduled Engine::Core::schedule(const Packet& p) {
  if (!may_schedule(p.protocol, p.flags, knobs_.sloppy_tcp, knobs_.sloppy_sctp)) return {};
  Service* const service = find_service(p);
  if (service == nullptr) return {};
  if (defence_.drop_packet()) return {kNone, Verdict::drop};
  // Active FTP's data comes from the real server; without its connection it is nobody's.
  if (p.source.port == kFtpData) return {};
  if (service->persistent()) return schedule_persistent(*service, p);
  // Port 0 takes every port with persistence only.
  if (service->config.key.fwmark == 0 && service->config.key.at.port != p.destination.port) return leave(*service, p);
  RealServer* const chosen = service->scheduler->schedule(*service, {p, now_, knobs_.schedulers, chance()});
  if (chosen == nullptr) return leave(*service, p);
  NewConn wanted;
  wanted.protocol = p.protocol;
  wanted.family = p.family;
  wanted.client = p.source;
  wanted.at = p.destination;
  wanted.real_port = chosen->config.at.port != 0 ? chosen->config.at.port : p.destination.port;
  wanted.flags = (service->config.flags & kOnePacket) != 0 && p.protocol == kUdp ? static_cast<std::uint32_t>(kOnePacketConn) : 0;
  wanted.fwmark = service->config.key.fwmark;
  wanted.real = chosen;
  const std::uint32_t index = create(wanted);
  if (index == kNone) {
    sched_fail(p, *service);
    return {kNone, Verdict::drop};
  }
  return {index, Verdict::forward};
}

bool Engine::Core::template_usable(std::uint32_t index) {
  Conn& c = table_.at(index);
  const RealServer* const r = real(c);
  if (r != nullptr && r->available && !(knobs_.expire_quiescent_template && r->quiesced())) return true;
  // Nobody finds it any more; its timer goes on (ip_vs_check_template).
  table_.unhash(index);
  c.tag = r != nullptr && r->available ? EndReason::template_quiesced : gone_reason(r);
  return false;
}

Engine::Core::Scheduled Engine::Core::schedule_persistent(Service& service, const Packet& p) {
  const ServiceKey& key = service.config.key;
  const bool own_port = p.destination.port == key.at.port && key.fwmark == 0;
  NewConn wanted;
  wanted.protocol = p.protocol;
  wanted.family = p.family;
  wanted.client = {masked(p.source.address, service.config.netmask, p.family), 0};
  wanted.at = {p.destination.address, 0};
  wanted.fwmark = key.fwmark;
  if (own_port && key.at.port != kFtp) wanted.at.port = p.destination.port;
  if (key.fwmark != 0) {
    wanted.protocol = 0;
    wanted.at.address = {};
  }
  std::uint32_t control = find_template(wanted.protocol, wanted.family, wanted.client.address, wanted.at, wanted.fwmark);
  if (control != kNone && !template_usable(control)) control = kNone;
  const bool fresh = control == kNone;
  if (fresh) {
    RealServer* const chosen = service.scheduler->schedule(service, {p, now_, knobs_.schedulers, chance()});
    if (chosen == nullptr) return leave(service, p);
    wanted.real = chosen;
    wanted.real_port = own_port && key.at.port != kFtp ? chosen->config.at.port : 0;
    wanted.flags = kTemplate;
    control = create(wanted);
    if (control == kNone) {
      sched_fail(p, service);
      return {kNone, Verdict::drop};
    }
    table_.at(control).timeout_ticks = ticks(service.timeout_s() * kSecond);
  }
  RealServer* const chosen = real(table_.at(control));
  wanted.protocol = p.protocol;
  wanted.client = p.source;
  wanted.at = p.destination;
  wanted.real = chosen;
  wanted.real_port = p.destination.port == key.at.port && chosen->config.at.port != 0 ? chosen->config.at.port : p.destination.port;
  wanted.flags = (service.config.flags & kOnePacket) != 0 && p.protocol == kUdp ? static_cast<std::uint32_t>(kOnePacketConn) : 0;
  wanted.by = fresh ? ScheduledBy::scheduler : ScheduledBy::persistence;
  const std::uint32_t index = create(wanted);
  if (index != kNone) add_control(index, control);
  put(control);
  if (index == kNone) {
    sched_fail(p, service);
    return {kNone, Verdict::drop};
  }
  return {index, Verdict::forward};
}

Engine::Core::Scheduled Engine::Core::leave(Service& service, const Packet& p) {
  if (knobs_.cache_bypass && service.config.key.fwmark != 0) {
    NewConn wanted;
    wanted.protocol = p.protocol;
    wanted.family = p.family;
    wanted.client = p.source;
    wanted.at = p.destination;
    wanted.real_port = p.destination.port;
    wanted.flags = static_cast<std::uint32_t>(ForwardMethod::bypass) | ((service.config.flags & kOnePacket) != 0 && p.protocol == kUdp ? kOnePacketConn : 0U);
    wanted.fwmark = service.config.key.fwmark;
    wanted.by = ScheduledBy::bypass;
    const std::uint32_t index = create(wanted);
    if (index != kNone) return {index, Verdict::forward};
    sched_fail(p, service);
    return {kNone, Verdict::drop};
  }
  if (service.config.key.at.port == kFtp && p.destination.port != kFtp) return {};
  sched_fail(p, service);
  return {kNone, Verdict::reject};
}

void Engine::Core::transit(std::uint32_t index, const Packet& p, bool from_client) {
  Conn& c = table_.at(index);
  const bool was_inactive = (c.flags & kInactive) != 0;
  // An answer that passes here shows that answers do (ip_vs_proto_tcp.c, set_tcp_state).
  if (!from_client) c.flags &= ~static_cast<std::uint32_t>(kNoOutput);
  const Transition t = transition({p.protocol, c.state, was_inactive, (c.flags & kNoOutput) != 0, from_client, p.aborts ? static_cast<std::uint8_t>(kSctpAbort) : p.flags}, knobs_.timeouts, knobs_.secure_tcp > 1);
  const bool changed = t.state != c.state;
  c.state = t.state;
  c.timeout_ticks = ticks(t.timeout);
  if (t.inactive != was_inactive) {
    c.flags = t.inactive ? c.flags | kInactive : c.flags & ~static_cast<std::uint32_t>(kInactive);
    if (RealServer* const r = real(c)) {
      r->active += t.inactive ? -1 : 1;
      r->inactive += t.inactive ? 1 : -1;
    }
  }
  const bool answered = p.protocol == kUdp   ? !from_client
                        : p.protocol == kTcp ? changed && static_cast<TcpState>(c.state) == TcpState::established
                                             : changed && static_cast<SctpState>(c.state) == SctpState::established;
  if (answered) assure_template(c);
}

void Engine::Core::sched_fail(const Packet& p, const Service& service) {
  ConnRecord r;
  r.kind = EventKind::sched_fail;
  r.time_ns = wall(now_);
  r.protocol = p.protocol;
  r.family = p.family;
  r.client_addr = p.source.address;
  r.client_port = p.source.port;
  r.virtual_addr = p.destination.address;
  r.virtual_port = p.destination.port;
  r.fwmark = service.config.key.fwmark;
  r.netns = options_.netns;
  observer_.conn(r);
}

}  // namespace vslog::engine
