#include <set>
#include <thread>

#include "event/clock.h"
#include "fixture.h"

namespace vslog::engine {
namespace {

TEST_F(EngineTest, TellsAUdpConnectionFromItsFirstPacketToItsTimeout) {
  const ServiceKey s = service(kUdp, 53, {real(11, 53)});
  const Outcome first = from_client(client(2, 5001), s);
  EXPECT_EQ(first.verdict, Verdict::forward);
  EXPECT_TRUE(first.created);
  EXPECT_EQ(first.real, (Endpoint{ip(10, 2, 0, 11), 53}));
  wait(200 * kSecond);
  EXPECT_FALSE(from_client(client(2, 5001), s).created);  // winds the timer up
  wait(299 * kSecond);
  EXPECT_TRUE(told.of(EventKind::expire).empty());
  wait(2 * kSecond);
  const auto ends = told.of(EventKind::expire);
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_EQ(ends[0].reason, EndReason::timeout);
  EXPECT_EQ(ends[0].packets_in, 2U);
  EXPECT_EQ(ends[0].conn_id, 100U);
  // The time of the end is the timer's, whatever the clock's owner jumped over.
  EXPECT_NEAR(static_cast<double>(ends[0].duration_ns), 500e9, 10e6);
  EXPECT_EQ(engine.figures().connections, 0U);
}

TEST_F(EngineTest, GoesOverLongTimesAtOnce) {
  const ServiceKey s = service(kTcp, 80, {real(11, 80)}, "rr", 2'678'400);  // 31 days
  from_client(client(2, 4001), s, kSyn);
  EXPECT_EQ(told.of(EventKind::create).size(), 2U);
  wait(2'678'300 * kSecond);
  EXPECT_EQ(told.of(EventKind::expire).size(), 1U);
  wait(101 * kSecond);
  const auto ends = told.of(EventKind::expire);
  ASSERT_EQ(ends.size(), 2U);
  EXPECT_TRUE(ends[1].is_template);
}

TEST_F(EngineTest, GoesOverTimesThatItsTicksCannotCount) {
  const ServiceKey s = service(kTcp, 80, {real(11, 80)}, "rr", 2'678'400);
  for (int years = 1; years <= 3; ++years) {
    from_client(client(2, 4001), s, kSyn);
    EXPECT_EQ(engine.figures().connections, 2U);
    expect_consistent();
    wait(365 * 86'400 * kSecond);
    EXPECT_EQ(engine.figures().connections, 0U);
  }
  const auto ends = told.of(EventKind::expire);
  ASSERT_EQ(ends.size(), 6U);
  EXPECT_NEAR(static_cast<double>(ends[4].time_ns - ends[2].time_ns), 365 * 86'400e9, 60e9);
}

TEST_F(EngineTest, LeavesPacketsAloneThatAreNobodys) {
  const ServiceKey s = service(kTcp, 80, {real(11, 80)});
  EXPECT_EQ(from_client(client(2, 4001), key(kTcp, 81), kSyn).verdict, Verdict::pass);
  EXPECT_EQ(from_client(client(2, 4001), s, kAck).verdict, Verdict::pass);
  EXPECT_EQ(from_real(real(11, 80), client(2, 4001), kTcp, kAck).verdict, Verdict::pass);
  EXPECT_TRUE(told.conns.empty());
}

TEST_F(EngineTest, CountsTrafficOfServicesAndRealServers) {
  const ServiceKey s = service(kTcp, 80, {real(11, 80), real(12, 80)});
  for (std::uint16_t i = 0; i < 40; ++i) {
    from_client(client(2, static_cast<std::uint16_t>(4000 + i)), s, kSyn);
    wait(kSecond);
  }
  from_client(client(2, 4039), s, kAck, 1000);
  from_real(real(11, 80), client(2, 4039), kTcp, kAck);
  from_real(real(12, 80), client(2, 4039), kTcp, kAck);
  const Service& web = *engine.services()[0];
  EXPECT_EQ(web.traffic.counts().connections, 40U);
  EXPECT_EQ(web.traffic.counts().packets_in, 41U);
  EXPECT_EQ(web.traffic.counts().bytes_in, 5000U);
  EXPECT_EQ(web.traffic.counts().packets_out, 1U);
  EXPECT_EQ(web.reals[0]->traffic.counts().connections, 20U);
  EXPECT_EQ(web.reals[0]->traffic.counts().packets_out + web.reals[1]->traffic.counts().packets_out, 1U);
  EXPECT_EQ(web.traffic.rates().connections, 1U);
  wait(60 * kSecond);
  EXPECT_EQ(web.traffic.rates().connections, 0U);
  EXPECT_EQ(web.traffic.counts().connections, 40U);
}

TEST_F(EngineTest, RefusesWhereNoRealServerIs) {
  const ServiceKey s = service(kTcp, 80, {real(11, 80, 0)});
  EXPECT_EQ(from_client(client(2, 4001), s, kSyn).verdict, Verdict::reject);
  ASSERT_EQ(told.conns.size(), 1U);
  EXPECT_EQ(told.conns[0].kind, EventKind::sched_fail);
  EXPECT_EQ(told.conns[0].conn_id, 0U);
}

TEST_F(EngineTest, DropsInSilenceWhatItsDeletedRealServerCannotTake) {
  const ServiceKey s = service(kUdp, 53, {real(11, 53)});
  from_client(client(2, 5001), s);
  engine.remove_real(s, real(11, 53).at, author);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(from_client(client(2, 5001), s).verdict, Verdict::drop);
  wait(2 * kSecond);
  const auto drops = told.of(EventKind::nodest_drop);
  ASSERT_EQ(drops.size(), 2U);
  EXPECT_EQ(drops[0].drop_packets, 1U);
  EXPECT_EQ(drops[1].drop_packets, 2U);
  EXPECT_EQ(drops[1].drop_bytes, 200U);
  // The timer is not wound up.
  wait(299 * kSecond);
  ASSERT_EQ(told.of(EventKind::expire).size(), 1U);
  EXPECT_EQ(told.of(EventKind::expire)[0].reason, EndReason::timeout);
}

TEST_F(EngineTest, GivesConnectionsBackToARealServerThatReturns) {
  const ServiceKey s = service(kUdp, 53, {real(11, 53)});
  from_client(client(2, 5001), s);
  engine.remove_real(s, real(11, 53).at, author);
  EXPECT_EQ(from_client(client(2, 5001), s).verdict, Verdict::drop);
  engine.add_real(s, real(11, 53, 5), author);
  const Outcome o = from_client(client(2, 5001), s);
  EXPECT_EQ(o.verdict, Verdict::forward);
  EXPECT_FALSE(o.created);
  EXPECT_EQ(o.conn.id, 100U);
}

TEST_F(EngineTest, FindsDeletedRealServersAmongManyServices) {
  // Two services with the same real servers; one is deleted and comes back while its connections live.
  const std::vector<RealConfig> reals{real(11, 80), real(12, 80)};
  const ServiceKey web = service(kTcp, 80, reals);
  const ServiceKey other = service(kTcp, 81, reals);
  for (std::uint16_t i = 0; i < 4; ++i) {
    from_client(client(2, static_cast<std::uint16_t>(4001 + i)), web, kSyn);
    from_client(client(2, static_cast<std::uint16_t>(4001 + i)), other, kSyn);
  }
  engine.remove_real(other, reals[0].at, author);
  engine.remove_service(web, author);
  EXPECT_EQ(engine.find_service(web), nullptr);
  ASSERT_NE(engine.find_service(other), nullptr);
  EXPECT_EQ(engine.find_service(other)->reals.size(), 1U);
  expect_consistent();
  service(kTcp, 80, reals);
  ASSERT_NE(engine.find_service(web), nullptr);
  for (const RealServer* r : engine.find_service(web)->reals) {
    EXPECT_EQ(r->active + r->inactive, 2) << "it came back with its connections";
    EXPECT_EQ(r->service, engine.find_service(web));
  }
  EXPECT_EQ(engine.services().size(), 2U);
  EXPECT_EQ(from_client(client(3, 4001), key(kTcp, 82), kSyn).verdict, Verdict::pass);
  wait(3600 * kSecond);
  expect_consistent();
}

/// Processor time of adding so many services of five real servers and removing them, ns.
std::uint64_t cost_of(Engine& engine, std::uint32_t services, const Author& author) {
  const std::uint64_t before = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  const auto host = [](std::uint8_t network, std::uint32_t i) { return ip(10, network, static_cast<std::uint8_t>(i / 250), static_cast<std::uint8_t>(i % 250)); };
  for (std::uint32_t i = 0; i < services; ++i) {
    ServiceConfig config;
    config.key.protocol = kTcp;
    config.key.at = {host(100, i), 80};
    engine.add_service(config, author);
    for (std::uint8_t r = 0; r < 5; ++r) {
      RealConfig one;
      one.at = {host(static_cast<std::uint8_t>(200 + r), i), 80};
      engine.add_real(config.key, one, author);
    }
  }
  for (const Service* service : engine.services()) engine.remove_service(ServiceKey(service->config.key), author);
  return clock_ns(CLOCK_THREAD_CPUTIME_ID) - before;
}

TEST_F(EngineTest, TakesEachOfTenThousandServicesInTheTimeThatOneOfAThousandTakes) {
  const std::uint64_t thousand = cost_of(engine, 1'000, author);
  const std::uint64_t ten_thousand = cost_of(engine, 10'000, author);
  // What looks at all the others for each one takes a hundred times as long, and that of a larger part.
  EXPECT_TRUE(ten_thousand / 40 < thousand) << ten_thousand << " ns and " << thousand << " ns";
  EXPECT_TRUE(engine.services().empty());
  expect_consistent();
}

TEST_F(EngineTest, FlushesAtOnceWithExpireNodestConn) {
  const ServiceKey s = service(kUdp, 53, {real(12, 53), real(11, 53)});
  engine.set_knob("expire_nodest_conn", "1", author);
  from_client(client(2, 5001), s);
  engine.remove_real(s, real(11, 53).at, author);
  wait(10 * kMillisecond);
  ASSERT_EQ(told.of(EventKind::expire).size(), 1U);
  EXPECT_EQ(told.of(EventKind::expire)[0].reason, EndReason::nodest);
  const Outcome again = from_client(client(2, 5001), s);
  EXPECT_TRUE(again.created);
  EXPECT_EQ(again.real.address, ip(10, 2, 0, 12));
  engine.remove_service(s, author);
  wait(10 * kMillisecond);
  EXPECT_EQ(told.of(EventKind::expire).back().reason, EndReason::service_removed);
}

TEST_F(EngineTest, KeepsAClientOnItsRealServer) {
  const ServiceKey s = service(kUdp, 53, {real(12, 53), real(11, 53)}, "rr", 20);
  from_client(client(2, 5001), s);
  from_client(client(2, 5002), s);
  from_client(client(3, 5003), s);
  const auto begins = told.of(EventKind::create);
  ASSERT_EQ(begins.size(), 5U);
  EXPECT_TRUE(begins[0].is_template);
  EXPECT_EQ(begins[0].client_port, 0);
  EXPECT_EQ(begins[1].template_id, begins[0].conn_id);
  EXPECT_EQ(begins[1].scheduled_by, ScheduledBy::scheduler);
  EXPECT_EQ(begins[2].template_id, begins[0].conn_id);
  EXPECT_EQ(begins[2].scheduled_by, ScheduledBy::persistence);
  EXPECT_EQ(begins[2].real_addr, begins[0].real_addr);
  EXPECT_NE(begins[4].real_addr, begins[0].real_addr);
  // It outlives its connections, a minute at a time.
  wait(305 * kSecond);
  EXPECT_EQ(told.of(EventKind::expire).size(), 3U);
  wait(61 * kSecond);
  EXPECT_EQ(told.of(EventKind::expire).size(), 5U);
}

TEST_F(EngineTest, RefusesATemplateOfAQuiescedServerWhenAskedTo) {
  const ServiceKey s = service(kUdp, 53, {real(12, 53), real(11, 53)}, "rr", 20);
  from_client(client(2, 5001), s);
  engine.edit_real(s, real(11, 53, 0), author);
  from_client(client(2, 5002), s);
  EXPECT_TRUE(told.conns.back().quiesced);
  engine.set_knob("expire_quiescent_template", "1", author);
  from_client(client(2, 5003), s);
  EXPECT_EQ(told.conns.back().real_addr, ip(10, 2, 0, 12));
  wait(400 * kSecond);
  std::set<EndReason> of_templates;
  for (const ConnRecord& r : told.of(EventKind::expire)) {
    if (r.is_template) of_templates.insert(r.reason);
  }
  EXPECT_EQ(of_templates, (std::set{EndReason::timeout, EndReason::template_quiesced}));
}

TEST_F(EngineTest, ForgetsOnePacketConnectionsAtOnce) {
  const ServiceKey s = service(kUdp, 53, {real(12, 53), real(11, 53)}, "rr", 0, kOnePacket);
  for (int i = 0; i < 3; ++i) {
    const Outcome o = from_client(client(2, 5001), s);
    EXPECT_EQ(o.verdict, Verdict::forward);
    EXPECT_FALSE(engine.alive(o.conn));
  }
  ASSERT_EQ(told.conns.size(), 6U);
  EXPECT_EQ(told.conns[1].reason, EndReason::one_packet);
  EXPECT_NE(told.conns[0].real_addr, told.conns[2].real_addr);
}

TEST_F(EngineTest, StopsAtTheUpperThresholdAndGoesOnBelowTheLower) {
  RealConfig r = real(11, 53);
  r.upper = 2;
  r.lower = 1;
  const ServiceKey s = service(kUdp, 53, {r});
  from_client(client(2, 5001), s);
  from_client(client(2, 5002), s);
  EXPECT_EQ(from_client(client(2, 5003), s).verdict, Verdict::reject);
  wait(301 * kSecond);
  EXPECT_EQ(from_client(client(2, 5003), s).verdict, Verdict::forward);
  std::vector<ControlKind> kinds;
  for (const ControlRecord& c : told.controls) kinds.push_back(c.kind);
  EXPECT_EQ(kinds, (std::vector{ControlKind::service_added, ControlKind::real_added, ControlKind::overload_on, ControlKind::overload_off}));
}

TEST_F(EngineTest, ReusesAPortOfAConnectionThatHasEnded) {
  const ServiceKey s = service(kTcp, 80, {real(12, 80), real(11, 80)});
  from_client(client(2, 4001), s, kSyn);
  from_real(real(11, 80), client(2, 4001), kTcp, kRst | kAck);
  const Outcome again = from_client(client(2, 4001), s, kSyn);
  EXPECT_TRUE(again.created);
  EXPECT_EQ(again.real.address, ip(10, 2, 0, 12));
  wait(10 * kMillisecond);
  ASSERT_EQ(told.of(EventKind::expire).size(), 1U);
  EXPECT_EQ(told.of(EventKind::expire)[0].reason, EndReason::expire_now);
  EXPECT_EQ(told.of(EventKind::expire)[0].conn_id, 100U);
}

TEST_F(EngineTest, EndsExactlyWhatIsAskedFor) {
  const ServiceKey s = service(kUdp, 53, {real(12, 53), real(11, 53)}, "rr", 600);
  for (std::uint16_t port = 5000; port < 5010; ++port) {
    const Outcome o = from_client(client(static_cast<std::uint8_t>(2 + port % 2), port), s);
    engine.set_user(o.conn, port);
  }
  ConnFilter filter;
  filter.real = Place{ip(10, 2, 0, 11), 128, std::nullopt};
  filter.is_template = false;
  const ExpireResult result = engine.expire(filter);
  EXPECT_EQ(result.matched, 5U);
  EXPECT_EQ(result.ended, 5U);
  EXPECT_EQ(told.users.size(), 5U);
  for (const ConnRecord& r : told.of(EventKind::expire)) {
    EXPECT_EQ(r.reason, EndReason::flushed);
    EXPECT_EQ(r.real_addr, ip(10, 2, 0, 11));
  }
  expect_consistent();
  // Templates alone: their connections live on.
  filter = {};
  filter.is_template = true;
  EXPECT_EQ(engine.expire(filter).ended, 2U);
  EXPECT_EQ(engine.figures().connections, 5U);
}

TEST_F(EngineTest, EndsConnectionsForOtherThreadsWhileTrafficRuns) {
  const ServiceKey s = service(kUdp, 53, {real(12, 53), real(11, 53)});
  std::atomic<bool> over = false;
  std::vector<std::thread> askers;
  std::array<std::uint64_t, 4> ended{};
  for (std::size_t t = 0; t < ended.size(); ++t) {
    askers.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        ConnFilter filter;
        filter.client = Place{ip(10, 1, 0, static_cast<std::uint8_t>(t)), 128, std::nullopt};
        ended[t] += engine.request_expire(filter).get().ended;
      }
    });
  }
  std::thread watcher([&] {
    for (std::thread& t : askers) t.join();
    over = true;
  });
  std::uint64_t made = 0;
  std::uint16_t port = 1;
  while (!over) {
    for (std::uint8_t t = 0; t < ended.size(); ++t) made += from_client(client(t, port), s).created ? 1 : 0;
    if (++port == 2000) port = 1;
    now += kMillisecond;
  }
  watcher.join();
  const std::uint64_t flushed = ended[0] + ended[1] + ended[2] + ended[3];
  engine.expire({});
  wait(kSecond);
  EXPECT_GT(flushed, 0U);
  EXPECT_EQ(told.of(EventKind::create).size(), made);
  EXPECT_EQ(told.of(EventKind::expire).size(), made);
}

TEST_F(EngineTest, TakesARequestFromWithinItsOwnCalls) {
  struct Asking final : Observer {
    Engine* engine = nullptr;
    std::future<ExpireResult> result;
    int ends = 0;
    void conn(const ConnRecord& r) override {
      if (r.kind == EventKind::create) result = engine->request_expire({});
      else ++ends;
    }
    void control(const ControlRecord&) override {}
    void ended(std::uint32_t, EndReason) override {}
  } asking;
  Engine other({}, asking);
  asking.engine = &other;
  other.advance(now);
  ServiceConfig config;
  config.key = key(kUdp, 53);
  config.scheduler = "rr";
  other.add_service(config, author);
  other.add_real(config.key, real(11, 53), author);
  other.receive({client(2, 5001), config.key.at, 60, 0, kUdp, 4, 0, Direction::from_client}, now);
  EXPECT_EQ(asking.ends, 0);
  other.advance(now + 1);
  EXPECT_EQ(asking.ends, 1);
  EXPECT_EQ(asking.result.get().ended, 1U);
}

TEST_F(EngineTest, RefusesConfigurationsAndChangesNothing) {
  const ServiceKey s = service(kTcp, 80, {real(11, 80)});
  const std::size_t before = told.controls.size();
  ServiceConfig same;
  same.key = s;
  EXPECT_THROW(engine.add_service(same, author), ConfigError);
  same.key.at.port = 81;
  same.scheduler = "best";
  EXPECT_THROW(engine.add_service(same, author), ConfigError);
  EXPECT_THROW(engine.add_real(s, real(11, 80), author), ConfigError);
  EXPECT_THROW(engine.add_real(s, real(12, 80, -1), author), ConfigError);
  RealConfig r = real(12, 80);
  r.upper = 1;
  r.lower = 2;
  EXPECT_THROW(engine.add_real(s, r, author), ConfigError);
  EXPECT_THROW(engine.remove_real(s, real(13, 80).at, author), ConfigError);
  EXPECT_THROW(engine.remove_service(same.key, author), ConfigError);
  EXPECT_THROW(engine.set_knob("drop_entry", "4", author), ConfigError);
  EXPECT_EQ(told.controls.size(), before);
  EXPECT_EQ(engine.services().size(), 1U);
}

TEST_F(EngineTest, IsFullWhenItIsFull) {
  Told small;
  Engine engine({.max_conns = 3, .table_bits = 4}, small);
  engine.advance(now);
  ServiceConfig config;
  config.key = key(kUdp, 53);
  config.scheduler = "rr";
  engine.add_service(config, author);
  engine.add_real(config.key, real(11, 53), author);
  for (std::uint16_t port = 1; port <= 5; ++port) engine.receive({client(2, port), config.key.at, 60, 0, kUdp, 4, 0, Direction::from_client}, now);
  EXPECT_EQ(small.of(EventKind::create).size(), 3U);
  EXPECT_EQ(small.of(EventKind::sched_fail).size(), 2U);
  EXPECT_TRUE(engine.inconsistencies().empty());
}

TEST_F(EngineTest, DropsHalfOpenEntriesWhenAsked) {
  const ServiceKey s = service(kTcp, 80, {real(11, 80)});
  for (std::uint16_t port = 1; port <= 500; ++port) from_client(client(2, port), s, kSyn);
  engine.set_knob("drop_entry", "3", author);
  wait(20 * kSecond);
  std::size_t dropped = 0;
  for (const ConnRecord& r : told.of(EventKind::expire)) dropped += r.reason == EndReason::drop_entry ? 1 : 0;
  EXPECT_GT(dropped, 50U);
  EXPECT_LT(dropped, 500U);
}

TEST_F(EngineTest, DropsOnePacketOfSomeWhenAsked) {
  const ServiceKey s = service(kUdp, 53, {real(11, 53)});
  engine.set_knob("am_droprate", "4", author);
  engine.set_knob("drop_packet", "3", author);
  int dropped = 0;
  for (std::uint16_t port = 1; port <= 400; ++port) dropped += from_client(client(2, port), s).verdict == Verdict::drop ? 1 : 0;
  EXPECT_EQ(dropped, 100);
}

TEST_F(EngineTest, HoldsManyThroughGrowthAndEnds) {
  const ServiceKey s = service(kUdp, 53, {real(11, 53), real(12, 53)});
  for (std::uint32_t i = 0; i < 50'000; ++i) {
    from_client({ip(10, 9, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)), static_cast<std::uint16_t>(1 + i / 65'536)}, s);
    if (i % 16 == 0) now += 3 * kMillisecond;
  }
  EXPECT_EQ(engine.figures().connections, 50'000U);
  expect_consistent();
  wait(301 * kSecond);
  EXPECT_EQ(engine.figures().connections, 0U);
  EXPECT_EQ(told.of(EventKind::expire).size(), 50'000U);
  std::uint64_t last = 0;
  for (const ConnRecord& r : told.of(EventKind::expire)) {
    EXPECT_GE(r.time_ns, last);
    last = r.time_ns;
  }
}

}  // namespace
}  // namespace vslog::engine
