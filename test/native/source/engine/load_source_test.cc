// The load: the same seed makes the same events, each connection that begins also ends, and what it says of itself is true.
#include "event/clock.h"
#include "source/engine/load_source.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "patience.h"
#include "source/engine/engine_setting.h"
#include "source/engine/engine_source.h"
#include "source/engine/service_options.h"
#include "source/registry.h"

namespace vslog {
namespace {

struct Log final : EventSink {
  std::vector<ConnRecord> conns;
  std::vector<ControlRecord> controls;
  void conn(const ConnRecord& record) override { conns.push_back(record); }
  void control(const ControlRecord& record) override { controls.push_back(record); }
};

bool readable(const Source& source) {
  pollfd p{source.poll_fd(), POLLIN, 0};
  return poll(&p, 1, 0) == 1;
}

/// All of a record that a run can repeat: ids and times count from the run's start.
using Event = std::tuple<EventKind, std::uint64_t, std::uint64_t, Address, std::uint16_t, Address, std::uint16_t, Address, int, std::uint32_t, EndReason, std::uint64_t, std::uint64_t,
                         std::uint64_t, std::uint64_t, std::uint64_t>;

std::vector<Event> events(const Log& log) {
  std::vector<Event> all;
  for (const ConnRecord& r : log.conns) {
    all.emplace_back(r.kind, r.time_ns - log.conns.front().time_ns, r.conn_id - log.conns.front().conn_id, r.client_addr, r.client_port, r.virtual_addr, r.virtual_port, r.real_addr,
                     r.protocol, r.state, r.reason, r.duration_ns, r.packets_in, r.bytes_in, r.packets_out, r.bytes_out);
  }
  return all;
}

class LoadSourceTest : public testing::Test {
 protected:
  LoadSourceTest() {
    options_.name = "engine";
    options_.engine.load = true;
    load().rate = 0;
    load().connections = 3000;
    load().concurrent = 100;
  }

  LoadOptions& load() { return options_.engine.load_options; }

  /// Until the load is over. What it says then goes into said_.
  Log play(std::size_t max = 256) {
    Log log;
    testing::internal::CaptureStderr();
    const std::unique_ptr<Source> source = make_source(options_);
    source->start(0);
    finish(*source, log, max);
    said_ = testing::internal::GetCapturedStderr();
    return log;
  }

  /// Takes each turn that the source asks for, until every connection that was asked for has ended. At full speed it asks at once, at a rate each 2 ms.
  void finish(Source& source, Log& log, std::size_t max = 256) {
    ASSERT_TRUE(test::eventually([&] {
      while (readable(source)) source.drain(log, max);
      return source.figures().connections == 0 && count(log, EventKind::create) >= load().connections;
    }));
    EXPECT_EQ(source.figures().connections, 0U);
    EXPECT_EQ(source.drain(log, max), 0U);
    EXPECT_FALSE(readable(source));
  }

  /// Each connection begins once, and then ends once.
  static void expect_whole_lives(const Log& log) {
    std::set<std::uint64_t> open;
    std::set<std::uint64_t> known;
    for (const ConnRecord& r : log.conns) {
      if (r.kind == EventKind::create) {
        EXPECT_TRUE(open.insert(r.conn_id).second && known.insert(r.conn_id).second) << r.conn_id;
      } else {
        ASSERT_EQ(r.kind, EventKind::expire);
        EXPECT_EQ(open.erase(r.conn_id), 1U) << r.conn_id;
      }
    }
    EXPECT_TRUE(open.empty()) << open.size() << " never ended";
  }

  static std::size_t count(const Log& log, EventKind kind) {
    return static_cast<std::size_t>(std::count_if(log.conns.begin(), log.conns.end(), [kind](const ConnRecord& r) { return r.kind == kind; }));
  }

  SourceOptions options_;
  std::string said_;
};

TEST_F(LoadSourceTest, TheSameSeedMakesTheSameEvents) {
  const std::vector<Event> first = events(play());
  // However they are fetched.
  const std::vector<Event> second = events(play(7));
  ASSERT_EQ(first.size(), 6000U);
  ASSERT_EQ(second.size(), first.size());
  for (std::size_t i = 0; i < first.size(); ++i) ASSERT_EQ(first[i], second[i]) << "event " << i;
  ++load().seed;
  EXPECT_NE(events(play()), first);
}

TEST_F(LoadSourceTest, EveryConnectionEndsAndTheNumberOfEventsIsTold) {
  const Log log = play();
  expect_whole_lives(log);
  EXPECT_EQ(count(log, EventKind::create), 3000U);
  EXPECT_EQ(said_, "vslog-capture: the load is over: 3000 connections, " + std::to_string(log.conns.size()) + " events of connections.\n");
}

TEST_F(LoadSourceTest, ASingleConnectionEndsToo) {
  load().connections = load().concurrent = load().clients = 1;
  const Log log = play();
  expect_whole_lives(log);
  EXPECT_EQ(log.conns.size(), 2U);
}

TEST_F(LoadSourceTest, FewerClientsThanConnectionsUseAnotherPortEachTime) {
  load().clients = 10;
  const Log log = play();
  expect_whole_lives(log);
  std::map<Address, std::set<std::uint16_t>> ports;
  for (const ConnRecord& r : log.conns) {
    if (r.kind != EventKind::create) continue;
    EXPECT_TRUE(ports[r.client_addr].insert(r.client_port).second);
  }
  EXPECT_EQ(ports.size(), 10U);
}

TEST_F(LoadSourceTest, TheMixIsAsAsked) {
  for (const std::uint32_t percent : {0U, 25U, 100U}) {
    load().udp_percent = percent;
    const Log log = play();
    expect_whole_lives(log);
    std::size_t udp = 0;
    for (const ConnRecord& r : log.conns) udp += r.kind == EventKind::create && r.protocol == engine::kUdp ? 1 : 0;
    // Made of the seed, not of this run's chance: a narrow bound cannot fail now and then.
    EXPECT_NEAR(static_cast<double>(udp), 30.0 * percent, percent == 25 ? 100 : 0);
  }
}

TEST_F(LoadSourceTest, ConnectionsEndInEveryWay) {
  std::set<std::uint32_t> states;
  std::size_t unanswered = 0;
  for (const ConnRecord& r : play().conns) {
    if (r.kind != EventKind::expire) continue;
    if (r.protocol == engine::kTcp) states.insert(r.state);
    if (r.packets_out == 0) ++unanswered;
  }
  for (const engine::TcpState s : {engine::TcpState::time_wait, engine::TcpState::close, engine::TcpState::syn_recv}) {
    EXPECT_TRUE(states.contains(static_cast<std::uint32_t>(s))) << static_cast<std::uint32_t>(s);
  }
  EXPECT_GT(unanswered, 0U);
  EXPECT_LT(unanswered, 300U);
}

TEST_F(LoadSourceTest, AtARateTheTimesAreTheMachines) {
  load().rate = 10'000;
  load().connections = 1000;
  const std::uint64_t before = clock_ns(CLOCK_REALTIME);
  const Log log = play();
  expect_whole_lives(log);
  ASSERT_EQ(count(log, EventKind::create), 1000U);
  std::uint64_t last = log.conns.front().time_ns;
  for (const ConnRecord& r : log.conns) {
    EXPECT_GE(r.time_ns, last);
    last = r.time_ns;
  }
  // A connection each 100 us, by the machine's clock: the last event cannot have been before its time, nor is one from the future.
  EXPECT_GE(last, before + 1000 * 100'000ULL);
  EXPECT_LE(last, clock_ns(CLOCK_REALTIME));
}

TEST_F(LoadSourceTest, TheServicesOfTheCommandLineAreUsed) {
  for (const auto& [service, real] : {std::pair("tcp://[2001:db8::1]:443", "[2001:db8::2]:8443"), std::pair("udp://10.1.0.1:0", "10.2.0.1:0")}) {
    ServiceSetup setup;
    setup.service.key = parse_service_key(service);
    if (setup.service.key.at.port == 0) setup.service.persistent_s = 60;  // only a persistent service may take every port
    setup.reals.push_back(parse_real(real));
    options_.engine.services.push_back(setup);
  }
  const Log log = play();
  expect_whole_lives(log);
  bool v4 = false;
  bool v6 = false;
  for (const ConnRecord& r : log.conns) {
    (r.family == 6 ? v6 : v4) = true;
    EXPECT_TRUE(r.is_template || r.virtual_port != 0);
  }
  EXPECT_TRUE(v4);
  EXPECT_TRUE(v6);
  // Two services and two real servers, and what else the engine tells of them.
  EXPECT_GE(log.controls.size(), 4U);
}

TEST_F(LoadSourceTest, ConnectionsAreEndedInTheMiddleOfTheLoad) {
  load().connections = 20'000;
  Log log;
  testing::internal::CaptureStderr();
  const std::unique_ptr<Source> source = make_source(options_);
  source->start(0);
  while (log.conns.size() < 2000) source->drain(log, 256);
  engine::ConnFilter filter;
  filter.protocol = engine::kUdp;
  std::set<std::uint64_t> meant;
  source->visit(filter, [&meant](const ConnRecord& r) { meant.insert(r.conn_id); });
  ASSERT_GT(meant.size(), 0U);
  EXPECT_EQ(source->expire(filter).ended, meant.size());
  finish(*source, log);
  said_ = testing::internal::GetCapturedStderr();
  expect_whole_lives(log);
  std::set<std::uint64_t> flushed;
  for (const ConnRecord& r : log.conns) {
    if (r.reason == EndReason::flushed) flushed.insert(r.conn_id);
  }
  EXPECT_EQ(flushed, meant);
  EXPECT_NE(said_.find("20000 connections, " + std::to_string(log.conns.size()) + " events"), std::string::npos) << said_;
}

TEST_F(LoadSourceTest, WhatIsChangedAfterTheLoadIsFetched) {
  for (const std::uint64_t rate : {0ULL, 1'000'000ULL}) {
    load().rate = rate;
    Log log;
    testing::internal::CaptureStderr();
    const std::unique_ptr<Source> source = make_source(options_);
    source->start(0);
    finish(*source, log);
    testing::internal::GetCapturedStderr();
    const std::size_t before = log.controls.size();
    dynamic_cast<EngineSource&>(*source).engine().set_knob("expire_nodest_conn", "1", {});
    EXPECT_TRUE(readable(*source));
    source->drain(log, 256);
    EXPECT_FALSE(readable(*source));
    ASSERT_EQ(log.controls.size(), before + 1);
    EXPECT_EQ(log.controls.back().kind, ControlKind::knob_changed);
  }
}

}  // namespace
}  // namespace vslog
