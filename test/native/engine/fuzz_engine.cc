// Random packets, jumps of the clock and changes of the configuration. Whatever comes: every connection that began ends exactly once, no id comes twice,
// time does not go back, and table, timers and counters agree.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/engine.h"
#include "engine/scheduler.h"

namespace vslog::engine {
namespace {

[[noreturn]] void broken(const char* what) {
  std::fprintf(stderr, "invariant broken: %s\n", what);
  std::abort();
}

/// Bytes that decide; past the end all are 0.
class Bytes {
 public:
  explicit Bytes(std::span<const std::uint8_t> bytes) : rest_(bytes) {}
  bool over() const { return rest_.empty(); }
  std::uint8_t next() {
    if (rest_.empty()) return 0;
    const std::uint8_t b = rest_.front();
    rest_ = rest_.subspan(1);
    return b;
  }
  /// One of `n`.
  std::uint8_t of(std::uint8_t n) { return static_cast<std::uint8_t>(next() % n); }

 private:
  std::span<const std::uint8_t> rest_;
};

/// Keeps account of what is told.
class Judge final : public Observer {
 public:
  void conn(const ConnRecord& r) override {
    if (r.time_ns < last_) broken("time went back");
    last_ = r.time_ns;
    switch (r.kind) {
      case EventKind::create:
        if (!open_.emplace(r.conn_id, r.is_template).second || r.conn_id <= highest_) broken("a connection began twice");
        highest_ = r.conn_id;
        // One that is not told yet cannot be named.
        if (r.template_id != 0 && !open_.contains(r.template_id)) broken("what controls it is not there");
        break;
      case EventKind::expire:
        if (open_.erase(r.conn_id) != 1) broken("an end without a beginning, or a second one");
        if (r.reason == EndReason::none) broken("an end without a reason");
        break;
      case EventKind::nodest_drop:
        if (!open_.contains(r.conn_id) || r.drop_packets == 0) broken("a drop of no connection, or of no packet");
        break;
      case EventKind::sched_fail:
        if (r.conn_id != 0) broken("a failure to schedule with a connection");
        break;
      default: broken("a kind that the engine does not tell");
    }
  }
  void control(const ControlRecord& r) override {
    if (r.time_ns < last_) broken("time went back in a control record");
    last_ = r.time_ns;
  }
  void ended(std::uint32_t user, EndReason) override {
    if (users_.erase(user) != 1) broken("an end told to nobody, or a second time");
  }

  std::size_t open() const { return open_.size(); }
  std::size_t users() const { return users_.size(); }
  /// A connection is tied to `user` and to nobody else from now on.
  void tied(std::uint64_t conn, std::uint32_t user) {
    const auto [at, fresh] = user_of_.try_emplace(conn, user);
    if (!fresh) {
      users_.erase(at->second);
      at->second = user;
    }
    users_.insert(user);
  }

 private:
  std::unordered_map<std::uint64_t, std::uint32_t> user_of_;
  std::unordered_set<std::uint32_t> users_;
  std::unordered_map<std::uint64_t, bool> open_;
  std::uint64_t highest_ = 0;
  std::uint64_t last_ = 0;
};

Address address(bool six, std::uint8_t net, std::uint8_t host) {
  if (six) return {0xfd, net, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host};
  const std::uint8_t bytes[4] = {10, net, 0, host};
  return map_ipv4(bytes);
}

class Run {
 public:
  explicit Run(std::span<const std::uint8_t> bytes)
      : in_(bytes), engine_({.max_conns = 64U + in_.next(), .table_bits = 2, .wall_offset_ns = 1'000'000, .nodest_interval = (in_.of(2) != 0 ? kSecond : 0)}, judge_) {
    engine_.advance(now_);
  }

  void go() {
    begin();
    int steps = 0;
    while (!in_.over()) {
      step();
      if (++steps % 16 == 0) check();
    }
    check();
    // Nothing lasts for ever: persistence is at most 31 days here, and each may be put off by a minute at a time.
    for (const std::string_view name : {"drop_entry", "drop_packet", "secure_tcp"}) engine_.set_knob(name, "0", {});  // they would count the seconds
    for (int i = 0; i < 4; ++i) {
      now_ += 32 * 86'400 * kSecond;
      engine_.advance(now_);
    }
    check();
    if (judge_.open() != 0 || engine_.figures().connections != 0) broken("something never ends");
    if (judge_.users() != 0) broken("an end was not told to its user");
  }

 private:
  /// Services to begin with, since it takes many lucky bytes to come to one.
  void begin() {
    const std::uint8_t choice = in_.next();
    for (std::uint8_t i = 0; i < 8; ++i) {
      if ((choice >> i & 1) == 0) continue;
      constexpr std::uint8_t kProtocols[] = {kTcp, kUdp, kSctp, 0};
      ServiceConfig c;
      const bool six = i >= 4;
      c.key = {kProtocols[i & 3], static_cast<std::uint8_t>(six ? 6 : 4), {}, (i & 3) == 3 ? 7U : 0U};
      if (c.key.fwmark == 0) c.key.at = {address(six, 1, 1), 80};
      c.scheduler = std::string(scheduler_names()[(choice + i) % scheduler_names().size()]);
      if ((i ^ choice >> 4) % 3 == 0) c.persistent_s = 30;
      engine_.add_service(c, {});
      for (std::uint8_t host = 1; host <= 3; ++host) engine_.add_real(c.key, {{address(six, 2, host), 80}, host, ForwardMethod::masq, 0, 0}, {});
    }
  }

  void check() {
    for (const std::string& sentence : engine_.inconsistencies()) broken(sentence.c_str());
    if (judge_.open() != engine_.figures().connections) broken("what was told is not what is there");
  }

  ServiceKey key() {
    const std::uint8_t choice = in_.of(16);
    ServiceKey k;
    k.family = (choice & 8) != 0 ? 6 : 4;
    if (choice % 8 == 7) {
      k.fwmark = 7;
      return k;
    }
    constexpr std::uint8_t kProtocols[] = {kTcp, kUdp, kSctp};
    k.protocol = kProtocols[choice % 3];
    k.at = {address(k.family == 6, 1, 1), static_cast<std::uint16_t>(choice % 8 == 6 ? 0 : choice % 2 == 0 ? 80 : 21)};
    return k;
  }

  Endpoint real_at(bool six) {
    const std::uint8_t choice = in_.of(8);
    return {address(six, 2, static_cast<std::uint8_t>(1 + choice % 4)), static_cast<std::uint16_t>(choice < 4 ? 80 : 0)};
  }

  void packet() {
    const std::uint8_t choice = in_.next();
    const bool six = (choice & 1) != 0;
    constexpr std::uint8_t kProtocols[] = {kTcp, kUdp, kSctp, kTcp};
    constexpr std::uint8_t kTcpFlags[] = {kSyn, kAck, kFin | kAck, kRst, kSyn | kAck, kRst | kAck, 0, kPsh | kAck};
    Packet p;
    p.family = six ? 6 : 4;
    p.protocol = kProtocols[choice >> 1 & 3];
    p.length = 20U + in_.next();
    const std::uint8_t flags = in_.next();
    p.flags = p.protocol == kTcp ? kTcpFlags[flags % 8] : p.protocol == kSctp ? static_cast<std::uint8_t>(flags % 16) : 0;
    p.fwmark = flags >= 0xf0 ? 7 : 0;
    const std::uint8_t who = in_.next();
    const Endpoint client{address(six, 1, static_cast<std::uint8_t>(2 + (who & 3))), static_cast<std::uint16_t>(5000 + (who >> 2 & 7))};
    p.direction = static_cast<Direction>(choice >> 3 & 1);
    if ((choice & 0x30) == 0x30) {
      p.direction = (choice & 0x40) != 0 ? Direction::from_real : Direction::unknown;
      p.source = real_at(six);
      if (p.source.port == 0) p.source.port = 80;
      p.destination = client;
    } else {
      p.source = client;
      constexpr std::uint16_t kPorts[] = {80, 80, 21, 443};
      p.destination = {address(six, 1, 1), kPorts[who >> 6]};
    }
    const Outcome o = engine_.receive(p, now_);
    if (o.verdict == Verdict::forward && !o.conn) broken("forwarded without a connection");
    if (engine_.alive(o.conn) && (flags & 1) != 0) {
      if (!engine_.set_user(o.conn, ++users_)) broken("a live connection takes no user");
      judge_.tied(o.conn.id, users_);
    }
  }

  void configure() {
    const Author author;
    try {
      switch (in_.of(8)) {
        case 0:
        case 1: {
          ServiceConfig c = service();
          engine_.add_service(c, author);
          for (int i = 0; i < 2; ++i) engine_.add_real(c.key, real(c.key.family == 6), author);
          break;
        }
        case 2: engine_.edit_service(service(), author); break;
        case 3: engine_.remove_service(key(), author); break;
        case 4: {
          const ServiceKey k = key();
          engine_.add_real(k, real(k.family == 6), author);
          break;
        }
        case 5: {
          const ServiceKey k = key();
          engine_.edit_real(k, real(k.family == 6), author);
          break;
        }
        case 6: {
          const ServiceKey k = key();
          engine_.remove_real(k, real_at(k.family == 6), author);
          break;
        }
        default: {
          const auto& names = knob_names();
          const std::string_view name = names[in_.next() % names.size()];
          engine_.set_knob(name, std::to_string(in_.of(5)), author);
        }
      }
    } catch (const ConfigError& e) {
      if (e.field().empty() || std::string_view(e.what()).empty()) broken("a refusal that says nothing");
    }
  }

  ServiceConfig service() {
    ServiceConfig c;
    c.key = key();
    const auto& names = scheduler_names();
    c.scheduler = std::string(names[in_.next() % names.size()]);
    const std::uint8_t choice = in_.next();
    if ((choice & 1) != 0) c.persistent_s = 1U + (choice >> 4) * 20U;
    if ((choice & 2) != 0) c.flags |= kOnePacket;
    if ((choice & 4) != 0) c.flags |= kSched1;
    if ((choice & 8) != 0) c.flags |= kSched2;
    if ((choice & 16) != 0 && c.key.family == 4) c.netmask = address(false, 255, 0);
    return c;
  }

  RealConfig real(bool six) {
    RealConfig c;
    c.at = real_at(six);
    const std::uint8_t choice = in_.next();
    constexpr ForwardMethod kMethods[] = {ForwardMethod::masq, ForwardMethod::masq, ForwardMethod::direct, ForwardMethod::tunnel};
    c.forward = kMethods[choice & 3];
    c.weight = choice >> 2 & 3;
    c.upper = choice >> 4 & 3;
    c.lower = choice >> 6;
    return c;
  }

  void expire() {
    ConnFilter f;
    const std::uint8_t choice = in_.next();
    if ((choice & 1) != 0) f.client = Place{address(false, 1, static_cast<std::uint8_t>(2 + (choice >> 6))), static_cast<std::uint8_t>(120 + (choice >> 5)), std::nullopt};
    if ((choice & 2) != 0) f.is_template = (choice & 4) != 0;
    if ((choice & 8) != 0) f.real = Place{address(false, 2, 1), 128, std::nullopt};
    if ((choice & 16) != 0) f.older_than = kSecond;
    if ((choice & 32) != 0) {
      auto later = engine_.request_expire(f);
      now_ += 1;
      engine_.advance(now_);
      const ExpireResult r = later.get();
      if (r.matched != r.ended) broken("not all were ended");
      return;
    }
    const ExpireResult r = engine_.expire(f);
    if (r.matched != r.ended) broken("not all were ended");
  }

  void step() {
    switch (in_.of(16)) {
      case 0:
      case 1: configure(); break;
      case 2: now_ += in_.next() * kMillisecond; break;
      case 3: {
        const std::uint8_t jump = in_.next();
        const Knobs& k = engine_.knobs();
        // Beyond what a tick can count, where no second has to be looked at.
        if (jump >= 0xf0 && k.drop_entry == 0 && k.drop_packet == 0 && k.secure_tcp == 0) now_ += (jump - 0xefU) * 8 * 86'400 * kSecond;
        else now_ += jump * 10 * kSecond;
        if (in_.of(2) != 0) engine_.advance(now_);
        break;
      }
      case 4: expire(); break;
      default: packet(); break;
    }
  }

  Bytes in_;
  Judge judge_;
  Time now_ = 100 * kSecond;
  std::uint32_t users_ = 0;
  Engine engine_;
};

}  // namespace
}  // namespace vslog::engine

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vslog::engine::Run({data, size}).go();
  return 0;
}
