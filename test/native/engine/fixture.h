// An engine on a clock of its own, and what it told.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/scheduler.h"

namespace vslog::engine {

inline Address ip(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  const std::uint8_t bytes[4] = {a, b, c, d};
  return map_ipv4(bytes);
}

struct Told final : Observer {
  std::vector<ConnRecord> conns;
  std::vector<ControlRecord> controls;
  std::vector<std::pair<std::uint32_t, EndReason>> users;

  void conn(const ConnRecord& r) override { conns.push_back(r); }
  void control(const ControlRecord& r) override { controls.push_back(r); }
  void ended(std::uint32_t user, EndReason reason) override { users.emplace_back(user, reason); }

  std::vector<ConnRecord> of(EventKind kind) const {
    std::vector<ConnRecord> found;
    for (const ConnRecord& r : conns) {
      if (r.kind == kind) found.push_back(r);
    }
    return found;
  }
};

struct EngineTest : testing::Test {
  static constexpr Time kStart = 1'000 * kSecond;

  Told told;
  Engine engine{EngineOptions{.max_conns = 100'000, .table_bits = 4, .first_conn_id = 100, .wall_offset_ns = 1'000'000'000'000'000'000}, told};
  Time now = kStart;
  Author author;

  EngineTest() { engine.advance(now); }
  void TearDown() override { expect_consistent(); }

  void expect_consistent() {
    for (const std::string& sentence : engine.inconsistencies()) ADD_FAILURE() << sentence;
  }

  static ServiceKey key(std::uint8_t protocol, std::uint16_t port) { return {protocol, 4, {ip(10, 1, 0, 1), port}, 0}; }
  static RealConfig real(std::uint8_t last, std::uint16_t port, std::int32_t weight = 1) { return {{ip(10, 2, 0, last), port}, weight, ForwardMethod::masq, 0, 0}; }
  static Endpoint client(std::uint8_t last, std::uint16_t port) { return {ip(10, 1, 0, last), port}; }

  ServiceKey service(std::uint8_t protocol, std::uint16_t port, const std::vector<RealConfig>& reals, const std::string& scheduler = "rr", std::uint32_t persistent = 0,
                     std::uint32_t flags = 0) {
    ServiceConfig config;
    config.key = key(protocol, port);
    config.scheduler = scheduler;
    config.persistent_s = persistent;
    config.flags = flags;
    engine.add_service(config, author);
    for (const RealConfig& r : reals) engine.add_real(config.key, r, author);
    return config.key;
  }

  Outcome from_client(const Endpoint& c, const ServiceKey& to, std::uint8_t flags = 0, std::uint32_t length = 100) {
    return engine.receive({c, to.at, length, 0, to.protocol, 4, flags, Direction::from_client}, now);
  }
  Outcome from_real(const RealConfig& r, const Endpoint& c, std::uint8_t protocol, std::uint8_t flags = 0) {
    return engine.receive({r.at, c, 60, 0, protocol, 4, flags, Direction::from_real}, now);
  }
  void wait(Time t) {
    now += t;
    engine.advance(now);
  }
};

}  // namespace vslog::engine
