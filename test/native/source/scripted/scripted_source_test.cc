#include "source/scripted/scripted_source.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <map>
#include <set>
#include <vector>

#include "patience.h"

namespace vslog {
namespace {

struct Log final : EventSink {
  std::vector<ConnRecord> conns;
  std::vector<ControlRecord> controls;
  void conn(const ConnRecord& r) override { conns.push_back(r); }
  void control(const ControlRecord& r) override { controls.push_back(r); }
};

bool readable(const Source& source) {
  pollfd p{source.poll_fd(), POLLIN, 0};
  return poll(&p, 1, 0) == 1;
}

TEST(ScriptedSource, EveryEndHasItsBeginningInTheSameBlock) {
  const ScriptedOptions options{.events = 0, .rate = 1000, .seed = 3, .start_s = 1'700'000'000};
  std::map<std::uint64_t, ConnRecord> open;
  std::set<std::uint64_t> ids;
  for (std::uint64_t number = 0; number < 6400; ++number) {
    const ConnRecord r = scripted_conn(options, number);
    ASSERT_EQ(r.time_ns, 1'700'000'000'000'000'000 + number * 1'000'000);
    if (r.kind == EventKind::create) {
      ASSERT_TRUE(ids.insert(r.conn_id).second) << "an id comes once";
      open[r.conn_id] = r;
      continue;
    }
    ASSERT_EQ(r.kind, EventKind::expire);
    const auto begun = open.find(r.conn_id);
    ASSERT_NE(begun, open.end());
    EXPECT_EQ(r.created_ns, begun->second.time_ns);
    EXPECT_EQ(r.duration_ns, r.time_ns - begun->second.time_ns);
    EXPECT_EQ(r.client_addr, begun->second.client_addr);
    EXPECT_EQ(r.client_port, begun->second.client_port);
    EXPECT_EQ(r.real_addr, begun->second.real_addr);
    EXPECT_EQ(r.protocol, begun->second.protocol);
    EXPECT_NE(r.reason, EndReason::none);
    open.erase(begun);
  }
  EXPECT_TRUE(open.empty());
}

TEST(ScriptedSource, AnotherSeedMakesOtherConnections) {
  ScriptedOptions one;
  ScriptedOptions two;
  two.seed = 2;
  EXPECT_NE(scripted_conn(one, 0).conn_id, scripted_conn(two, 0).conn_id);
  EXPECT_NE(scripted_conn(one, 0).client_addr, scripted_conn(two, 0).client_addr);
  EXPECT_EQ(scripted_conn(one, 77).client_addr, scripted_conn(one, 77).client_addr);
}

TEST(ScriptedSource, ChangesAKnobNowAndThen) {
  EXPECT_FALSE(is_scripted_control(9998));
  EXPECT_TRUE(is_scripted_control(9999));
  EXPECT_TRUE(is_scripted_control(19'999));
  // A control record takes no connection's place.
  EXPECT_EQ(scripted_conn({}, 10'000).conn_id, scripted_conn({}, 10'000 - 64 - 1).conn_id + 32);
}

TEST(ScriptedSource, GivesSoManyEventsAndThenNoMore) {
  const auto source = make_scripted_source({.events = 10'001, .rate = 0, .seed = 1, .start_s = 0});
  source->start(0);
  EXPECT_TRUE(source->fresh());
  Log log;
  while (readable(*source)) EXPECT_LE(source->drain(log, 100), 100U);
  EXPECT_EQ(log.conns.size(), 10'000U);
  ASSERT_EQ(log.controls.size(), 1U);
  EXPECT_EQ(log.controls[0].name, "net.ipv4.vs.expire_nodest_conn");
  EXPECT_EQ(source->cursor(), 10'001U);
  EXPECT_EQ(source->drain(log, 100), 0U);
}

TEST(ScriptedSource, GoesOnWhereTheJournalStands) {
  const ScriptedOptions options{.events = 200, .rate = 0, .seed = 1, .start_s = 1'700'000'000};
  Log whole;
  const auto one = make_scripted_source(options);
  one->start(0);
  while (readable(*one)) one->drain(whole, 1000);
  Log rest;
  const auto two = make_scripted_source(options);
  two->start(150);
  EXPECT_FALSE(two->fresh());
  while (readable(*two)) two->drain(rest, 1000);
  ASSERT_EQ(rest.conns.size(), 50U);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(rest.conns[i].conn_id, whole.conns[150 + i].conn_id);
    EXPECT_EQ(rest.conns[i].time_ns, whole.conns[150 + i].time_ns);
  }
}

TEST(ScriptedSource, AtARateEventsComeInTime) {
  const auto source = make_scripted_source({.events = 50, .rate = 1000, .seed = 1, .start_s = 0});
  source->start(0);
  Log log;
  EXPECT_EQ(source->drain(log, 0), 0U);
  ASSERT_TRUE(test::eventually([&] {
    source->drain(log, 1000);
    return log.conns.size() == 50;
  }));
  EXPECT_EQ(source->drain(log, 1000), 0U);
}

TEST(ScriptedSource, CountsTheConnectionsThatLive) {
  const auto source = make_scripted_source({.events = 0, .rate = 0, .seed = 1, .start_s = 0});
  source->start(0);
  Log log;
  source->drain(log, 10);
  EXPECT_EQ(source->figures().connections, 10U);
  source->drain(log, 22 + 12);
  EXPECT_EQ(source->figures().connections, 20U);
}

}  // namespace
}  // namespace vslog
