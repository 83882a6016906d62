// A connection's life: ip_vs_conn_new(), ip_vs_conn_put(), ip_vs_conn_expire() and what ends connections by force.
#include <algorithm>
#include <unordered_set>

#include "engine/core.h"
#include "engine/scheduler.h"
#include "engine/state.h"

namespace vslog::engine {
namespace {

/// How long something is kept that was to end but controls others (ip_vs_conn_expire: expire_later).
constexpr Time kLater = 60 * kSecond;

}  // namespace

Engine::Core::Core(const EngineOptions& options, Observer& observer)
    : options_(options),
      observer_(observer),
      defence_(options.seed),
      table_(options.max_conns, options.table_bits, options.seed),
      wheel_(table_),
      nodest_(options.nodest_interval),
      next_id_(options.first_conn_id == 0 ? 1 : options.first_conn_id) {
  knobs_.timeouts = options.timeouts;
}

Engine::Core::~Core() = default;

std::uint32_t Engine::Core::create(const NewConn& wanted) {
  const std::uint32_t index = table_.allocate(next_id_);
  if (index == kNone) return kNone;
  ++next_id_;
  ++created_;
  Conn& c = table_.at(index);
  c.client = wanted.client.address;
  c.client_port = wanted.client.port;
  c.virtual_addr = wanted.at.address;
  c.virtual_port = wanted.at.port;
  c.real_port = wanted.real_port;
  c.protocol = wanted.protocol;
  c.family = wanted.family;
  c.flags = wanted.flags;
  c.fwmark = wanted.fwmark;
  c.scheduled_by = wanted.by;
  c.created = now_;
  c.timeout_ticks = ticks(kFirstTimeout);
  if (c.is_template()) ++templates_;
  if (wanted.real != nullptr) bind(index, *wanted.real);
  if (!c.one_packet()) table_.hash(index);
  return index;
}

void Engine::Core::bind(std::uint32_t index, RealServer& r) {
  Conn& c = table_.at(index);
  c.real = r.index;
  c.flags |= static_cast<std::uint32_t>(r.config.forward) | kInactive;
  if (r.config.forward != ForwardMethod::masq) c.flags |= kNoOutput;
  ++r.references;
  if (c.is_template()) ++r.persistent;
  else ++r.inactive;
  update_overload(r, false);
}

void Engine::Core::unbind(Conn& c) {
  RealServer* const r = real(c);
  if (r == nullptr) return;
  c.real = kNone;
  if (c.is_template()) --r->persistent;
  else if ((c.flags & kInactive) != 0) --r->inactive;
  else --r->active;
  update_overload(*r, true);
  --r->references;
  release_real(*r);
}

void Engine::Core::update_overload(RealServer& r, bool going) {
  const std::int64_t total = r.active + r.inactive;
  if (!going) {
    if (r.config.upper != 0 && total >= r.config.upper) overload(r, true);
  } else if (r.config.lower != 0) {
    if (total < r.config.lower) overload(r, false);
  } else if (r.config.upper == 0 || total * 4 < static_cast<std::int64_t>(r.config.upper) * 3) {
    overload(r, false);
  }
}

void Engine::Core::overload(RealServer& r, bool on) {
  if (r.overloaded == on) return;
  r.overloaded = on;
  Author kernel;
  kernel.through = Through::kernel;
  ControlRecord c = control_record(on ? ControlKind::overload_on : ControlKind::overload_off, r.service_key, r.config, kernel);
  c.old_value = describe(r.config);
  observer_.control(c);
}

void Engine::Core::add_control(std::uint32_t index, std::uint32_t control) {
  table_.at(index).control = control;
  ++table_.at(control).controlled;
}

void Engine::Core::drop_control(std::uint32_t index) {
  Conn& c = table_.at(index);
  if (c.control == kNone) return;
  --table_.at(c.control).controlled;
  c.control = kNone;
}

void Engine::Core::assure_template(const Conn& c) {
  if (c.control == kNone) return;
  Conn& control = table_.at(c.control);
  if (control.is_template()) control.state |= kAssured;
}

void Engine::Core::put(std::uint32_t index) {
  Conn& c = table_.at(index);
  if (!c.told) {
    c.told = true;
    observer_.conn(record(EventKind::create, c));
  }
  if (c.one_packet()) end(index, EndReason::one_packet);
  else wheel_.set(index, wheel_.now() + c.timeout_ticks);
}

void Engine::Core::expire_now(std::uint32_t index, EndReason reason) {
  table_.at(index).tag = reason;
  wheel_.set(index, wheel_.now());
}

void Engine::Core::timer_due(std::uint32_t index) {
  Conn& c = table_.at(index);
  if (static_cast<std::int32_t>(c.expires - wheel_.now()) > 0) {
    wheel_.set(index, c.expires);
    return;
  }
  if (c.controlled != 0) {
    c.timeout_ticks = ticks(kLater);
    wheel_.set(index, wheel_.now() + c.timeout_ticks);
    return;
  }
  end(index, c.tag == EndReason::none ? EndReason::timeout : c.tag);
}

void Engine::Core::force(std::uint32_t index, EndReason reason) {
  const std::uint32_t control = table_.at(index).control;
  end(index, reason);
  if (control == kNone) return;
  // timeout = 0 goes on to what controls it, unless that has been answered (ip_vs_conn_expire).
  const Conn& c = table_.at(control);
  if (c.controlled == 0 && (!c.is_template() || (c.state & kAssured) == 0)) force(control, reason);
}

void Engine::Core::force_with_control(std::uint32_t index, EndReason reason) {
  const std::uint32_t control = table_.at(index).control;
  const std::uint64_t id = control == kNone ? 0 : table_.at(control).id;
  force(index, reason);
  if (control != kNone && table_.at(control).id == id && table_.at(control).controlled == 0) force(control, reason);
}

void Engine::Core::end(std::uint32_t index, EndReason reason) {
  Conn& c = table_.at(index);
  if (const auto sum = nodest_.ended(index, c.id)) tell_nodest(c, *sum);
  ConnRecord r = record(EventKind::expire, c);
  r.reason = reason;
  r.duration_ns = now_ - c.created;
  const std::uint32_t user = c.user;
  wheel_.cancel(index);
  table_.unhash(index);
  drop_control(index);
  unbind(c);  // before the record, as in the kernel: an overload that ends with the connection is told first
  observer_.conn(r);
  if (c.is_template()) --templates_;
  ++ended_;
  table_.release(index);
  if (user != 0) observer_.ended(user, reason);
}

void Engine::Core::run_tick() {
  for (std::uint32_t due = wheel_.take(); due != kNone; due = wheel_.take()) timer_due(due);
}

Time Engine::Core::tick_time(Tick tick) const {
  const std::uint64_t here = (now_ - start_) / kTickLength;
  const auto ahead = static_cast<std::int64_t>(static_cast<std::int32_t>(tick - static_cast<Tick>(here)));
  return start_ + (here + static_cast<std::uint64_t>(ahead)) * kTickLength;
}

Time Engine::Core::last_packet(const Conn& c) const {
  const Time due = tick_time(c.expires);
  const Time period = c.timeout_ticks * kTickLength;
  return due < start_ + period ? start_ : due - period;
}

void Engine::Core::advance(Time now) {
  if (requested_.load(std::memory_order_acquire)) serve_requests();
  if (!started_) {
    started_ = true;
    start_ = now_ = now;
    second_ = now + kSecond;
    return;
  }
  if (now <= now_) return;
  const std::uint64_t target = (now - start_) / kTickLength;
  for (std::uint64_t at = (now_ - start_) / kTickLength; at < target;) {
    // A flush waits for the next tick, as the kernel's delayed work does; the defences need each second; else only the timers count.
    const std::uint64_t beat = flush_due_ ? at + 1 : defence_.awake(knobs_) ? std::max((second_ - start_) / kTickLength, at + 1) : target;
    // Not further at once than ticks can be compared.
    const std::uint64_t until = std::min({target, beat, at + (1U << 30)});
    const Tick before = wheel_.now();
    wheel_.step(static_cast<Tick>(until));
    at += wheel_.now() - before;
    now_ = start_ + at * kTickLength;
    if (flush_due_) flush_nodest();
    run_tick();
    while (const auto due = nodest_.due(now_)) tell_nodest(table_.at(due->index), due->sum);
    if (now_ >= second_) each_second();
  }
  now_ = now;
}

void Engine::Core::each_second() {
  second_ += kSecond;
  if (second_ <= now_) second_ = now_ + kSecond;
  defence_.update(knobs_, table_.max() - table_.size());
  if (defence_.drops_entries()) drop_entries();
  for (const auto& service : services_) service->scheduler->tick(*service, knobs_.schedulers, now_);
  estimate();
}

void Engine::Core::estimate() {
  for (const auto& service : services_) {
    service->traffic.sample(now_);
    for (RealServer* const r : service->reals) r->traffic.sample(now_);
  }
}

void Engine::Core::drop_entries() {
  // One in 32 of the buckets, by chance, as ip_vs_random_dropentry does.
  std::vector<std::uint32_t> chosen;
  for (std::uint32_t i = 0; i < std::max(1U, table_.buckets() / 32); ++i) {
    chosen.clear();
    const auto bucket = static_cast<std::uint32_t>(defence_.random() % table_.buckets());
    table_.each_in(bucket, [&](std::uint32_t at) { chosen.push_back(at); });
    for (const std::uint32_t at : chosen) {
      const Conn& c = table_.at(at);
      if (c.id == 0) continue;  // it went with another of this bucket
      const RealServer* const r = real(c);
      const bool one_packet = r != nullptr && r->service != nullptr && (r->service->config.flags & kOnePacket) != 0;
      if (defence_.drop_entry(c, one_packet, now_ - std::min(now_, last_packet(c)))) force_with_control(at, EndReason::drop_entry);
    }
  }
}

void Engine::Core::flush_nodest() {
  flush_due_ = false;
  for (std::uint32_t i = 0; i < table_.high(); ++i) {
    const Conn& c = table_.at(i);
    if (c.id == 0 || c.controlled != 0) continue;
    const RealServer* const r = real(c);
    if (r != nullptr && !r->available) force_with_control(i, gone_reason(r));
  }
}

EndReason Engine::Core::gone_reason(const RealServer* r) const { return r != nullptr && r->service == nullptr ? EndReason::service_removed : EndReason::nodest; }

bool Engine::Core::matches(const ConnFilter& filter, const Conn& c) const {
  if (filter.conn_id && *filter.conn_id != c.id) return false;
  if (filter.protocol && *filter.protocol != c.protocol) return false;
  if (filter.fwmark && *filter.fwmark != c.fwmark) return false;
  if (filter.family && *filter.family != c.family) return false;
  if (filter.state && *filter.state != c.state) return false;
  if (filter.is_template && *filter.is_template != c.is_template()) return false;
  if (filter.client && !contains(*filter.client, c.client, c.client_port)) return false;
  if (filter.virtual_service && !contains(*filter.virtual_service, c.virtual_addr, c.virtual_port)) return false;
  const RealServer* const r = real(c);
  if (filter.real && !contains(*filter.real, r != nullptr ? r->config.at.address : c.virtual_addr, c.real_port)) return false;
  if (filter.quiesced_only && (r == nullptr || !r->quiesced())) return false;
  if (filter.older_than && now_ - c.created < *filter.older_than) return false;
  if (filter.idle_at_least && now_ - std::min(now_, last_packet(c)) < *filter.idle_at_least) return false;
  return !filter.also || filter.also(record(EventKind::snapshot, c));
}

ExpireResult Engine::Core::expire(const ConnFilter& filter, EndReason reason) {
  ExpireResult result;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> connections;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> controls;
  for (std::uint32_t i = 0; i < table_.high(); ++i) {
    const Conn& c = table_.at(i);
    if (c.id == 0 || !matches(filter, c)) continue;
    (c.is_template() ? controls : connections).emplace_back(i, c.id);
  }
  result.matched = connections.size() + controls.size();
  for (const auto& [index, id] : connections) {
    if (table_.at(index).id != id) continue;
    end(index, reason);
    ++result.ended;
  }
  // Connections of a template that were not meant live on without it.
  std::unordered_set<std::uint32_t> parents;
  for (const auto& [index, id] : controls) {
    if (table_.at(index).id == id && table_.at(index).controlled != 0) parents.insert(index);
  }
  for (std::uint32_t i = 0; !parents.empty() && i < table_.high(); ++i) {
    if (table_.at(i).id != 0 && parents.contains(table_.at(i).control)) drop_control(i);
  }
  for (const auto& [index, id] : controls) {
    if (table_.at(index).id != id) continue;
    end(index, reason);
    ++result.ended;
  }
  return result;
}

std::future<ExpireResult> Engine::Core::request_expire(const ConnFilter& filter) {
  Request request{filter, {}};
  std::future<ExpireResult> result = request.promise.get_future();
  const std::lock_guard lock(requests_lock_);
  requests_.push_back(std::move(request));
  requested_.store(true, std::memory_order_release);
  return result;
}

void Engine::Core::serve_requests() {
  std::vector<Request> taken;
  {
    const std::lock_guard lock(requests_lock_);
    taken.swap(requests_);
    requested_.store(false, std::memory_order_relaxed);
  }
  for (Request& request : taken) request.promise.set_value(expire(request.filter, EndReason::flushed));
}

bool Engine::Core::set_user(ConnRef conn, std::uint32_t user) {
  if (!alive(conn)) return false;
  table_.at(conn.index).user = user;
  return true;
}

ConnRecord Engine::Core::record(EventKind kind, const Conn& c) const {
  ConnRecord r;
  r.kind = kind;
  r.time_ns = wall(now_);
  r.conn_id = c.id;
  if (c.control != kNone) r.template_id = table_.at(c.control).id;
  r.created_ns = wall(c.created);
  r.packets_in = c.packets_in;
  r.bytes_in = c.bytes_in;
  r.packets_out = c.packets_out;
  r.bytes_out = c.bytes_out;
  r.client_addr = c.client;
  r.client_port = c.client_port;
  r.virtual_addr = c.virtual_addr;
  r.virtual_port = c.virtual_port;
  r.real_port = c.real_port;
  r.protocol = c.protocol;
  r.family = c.family;
  r.fwmark = c.fwmark;
  r.forward = c.forward();
  r.flags = c.flags;
  r.state = c.state;
  r.scheduled_by = c.scheduled_by;
  r.is_template = c.is_template();
  r.timeout_ms = static_cast<std::uint32_t>(c.timeout_ticks * (kTickLength / kMillisecond));
  r.netns = options_.netns;
  if (const RealServer* const s = real(c)) {
    r.real_addr = s->config.at.address;
    r.weight = s->config.weight;
    r.quiesced = s->quiesced();
  } else {
    r.real_addr = c.virtual_addr;
  }
  return r;
}

void Engine::Core::tell_nodest(const Conn& c, const NodestSum& sum) {
  ConnRecord r = record(EventKind::nodest_drop, c);
  r.drop_packets = sum.packets;
  r.drop_bytes = sum.bytes;
  r.drop_first_ns = wall(sum.first);
  r.drop_last_ns = wall(sum.last);
  observer_.conn(r);
}

}  // namespace vslog::engine
