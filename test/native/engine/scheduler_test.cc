#include "engine/scheduler.h"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "fixture.h"

namespace vslog::engine {
namespace {

/// A service with real servers that are named by the last byte of their address, and no engine around it.
struct Bench {
  Service service;
  std::vector<std::unique_ptr<RealServer>> owned;
  SchedulerKnobs knobs;
  Time now = 1'000 * kSecond;
  std::uint64_t chance = 0;

  explicit Bench(const char* scheduler, std::uint32_t flags = 0) {
    service.config.key = {kTcp, 4, {ip(10, 1, 0, 1), 80}, 0};
    service.config.scheduler = scheduler;
    service.config.flags = flags;
    service.scheduler = make_scheduler(scheduler, service);
  }

  /// In front, as the engine does it.
  RealServer& add(std::uint8_t name, std::int32_t weight) {
    owned.push_back(std::make_unique<RealServer>());
    RealServer& r = *owned.back();
    r.config.at = {ip(10, 2, 0, name), 80};
    r.config.weight = r.last_weight = weight;
    service.reals.insert(service.reals.begin(), &r);
    service.scheduler->changed(service);
    return r;
  }
  void weigh(RealServer& r, std::int32_t weight) {
    r.config.weight = weight;
    if (weight != 0) r.last_weight = weight;
    service.scheduler->changed(service);
  }
  void remove(RealServer& r) {
    std::erase(service.reals, &r);
    r.available = false;
    service.scheduler->changed(service);
    std::erase_if(owned, [&](const auto& o) { return o.get() == &r; });
  }

  /// 0: none.
  int pick(const Endpoint& from = {ip(10, 1, 0, 2), 4001}, const Endpoint& to = {ip(10, 1, 0, 1), 80}) {
    const Packet packet{from, to, 60, 0, kTcp, 4, kSyn, Direction::from_client};
    const RealServer* const r = service.scheduler->schedule(service, {packet, now, knobs, chance});
    return r == nullptr ? 0 : r->config.at.address[15];
  }
  std::string picks(int count) {
    std::string s;
    for (int i = 0; i < count; ++i) s += std::to_string(pick());
    return s;
  }
};

Endpoint client(int i) { return {ip(10, 1, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)), 4001}; }
Endpoint cached(int i) { return {ip(198, 51, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)), 80}; }

TEST(Schedulers, AreKnownByTheirNames) {
  Service service;
  for (const std::string_view name : scheduler_names()) {
    const auto s = make_scheduler(name, service);
    ASSERT_NE(s, nullptr) << name;
    EXPECT_EQ(s->name(), name);
  }
  EXPECT_EQ(make_scheduler("best", service), nullptr);
}

TEST(Schedulers, FindNobodyWhereNobodyCanBe) {
  for (const std::string_view name : scheduler_names()) {
    Bench b(std::string(name).c_str(), kSched1 | kSched2);
    EXPECT_EQ(b.pick(), 0) << name;
    RealServer& quiesced = b.add(1, 0);
    EXPECT_EQ(b.pick(), 0) << name;
    b.remove(quiesced);
    RealServer& full = b.add(2, 1);
    full.overloaded = true;
    EXPECT_EQ(b.pick(), 0) << name;
    full.overloaded = false;
    EXPECT_EQ(b.pick(), 2) << name;
    b.remove(full);
    EXPECT_EQ(b.pick(), 0) << name;
  }
}

TEST(RoundRobin, WalksFromTheNewestAndRemembersItsPlace) {
  Bench b("rr");
  RealServer& one = b.add(1, 1);
  RealServer& two = b.add(2, 5);
  b.add(3, 1);
  EXPECT_EQ(b.picks(7), "3213213");
  b.weigh(two, 0);
  EXPECT_EQ(b.picks(3), "131");
  b.weigh(two, 1);
  one.overloaded = true;
  EXPECT_EQ(b.picks(3), "323");
  EXPECT_EQ(b.pick(), 2);
  b.add(4, 1);  // in front: its turn is after the end of the list
  one.overloaded = false;
  EXPECT_EQ(b.picks(4), "1432");
}

TEST(RoundRobin, StepsBackWhenItsPlaceIsRemoved) {
  Bench b("rr");
  b.add(1, 1);
  RealServer& two = b.add(2, 1);
  RealServer& three = b.add(3, 1);
  EXPECT_EQ(b.picks(2), "32");
  b.remove(two);
  EXPECT_EQ(b.picks(2), "13");
  b.remove(three);
  EXPECT_EQ(b.picks(2), "11");
}

TEST(WeightedRoundRobin, LowersTheBarPassByPass) {
  Bench b("wrr");
  b.add(1, 1);
  b.add(2, 2);
  b.add(3, 3);
  // The bar stands at 1 from when there was the first only.
  EXPECT_EQ(b.picks(15), "321332321332321");
}

TEST(WeightedRoundRobin, StepsByTheGreatestCommonDivisor) {
  Bench b("wrr");
  b.add(1, 4);
  b.add(2, 8);
  EXPECT_EQ(b.picks(6), "212212");
  Bench huge("wrr");
  huge.add(2, 1'000'000'000);
  huge.add(1, 2'000'000'000);
  EXPECT_EQ(huge.picks(6), "121121");
}

TEST(WeightedRoundRobin, BeginsTheListAgainAfterAnEdit) {
  Bench b("wrr");
  b.add(1, 2);
  RealServer& two = b.add(2, 2);
  EXPECT_EQ(b.pick(), 2);
  b.weigh(two, 2);
  EXPECT_EQ(b.pick(), 2);
  b.weigh(two, 0);
  EXPECT_EQ(b.picks(4), "1111");
  two.overloaded = true;
  b.weigh(two, 9);
  EXPECT_EQ(b.picks(4), "1111");
  two.overloaded = false;
  EXPECT_NE(b.picks(12).find('2'), std::string::npos);
}

TEST(LeastConnection, CountsAnActiveOneAs256InactiveAndTakesTheFirstOfEquals) {
  Bench b("lc");
  RealServer& one = b.add(1, 9);
  RealServer& two = b.add(2, 1);
  EXPECT_EQ(b.pick(), 2);
  two.inactive = 255;
  one.active = 1;
  EXPECT_EQ(b.pick(), 2);
  two.inactive = 257;
  EXPECT_EQ(b.pick(), 1);
  b.weigh(one, 0);
  EXPECT_EQ(b.pick(), 2);
}

TEST(WeightedLeastConnection, DividesByTheWeight) {
  Bench b("wlc");
  RealServer& one = b.add(1, 3);
  RealServer& two = b.add(2, 1);
  EXPECT_EQ(b.pick(), 2);
  two.active = 1;
  one.active = 2;
  EXPECT_EQ(b.pick(), 1);
  one.active = 3;
  EXPECT_EQ(b.pick(), 2);
  one.active = 4;
  EXPECT_EQ(b.pick(), 2);
}

TEST(ShortestExpectedDelay, CountsTheNewConnectionToo) {
  Bench b("sed");
  b.add(1, 3);
  RealServer& two = b.add(2, 1);
  EXPECT_EQ(b.pick(), 1);
  two.inactive = 1000;
  EXPECT_EQ(b.pick(), 1);
  b.service.reals.back()->active = 3;
  EXPECT_EQ(b.pick(), 2);
}

TEST(NeverQueue, PrefersOneThatHasNothingToDo) {
  Bench b("nq");
  RealServer& one = b.add(1, 100);
  RealServer& two = b.add(2, 1);
  EXPECT_EQ(b.pick(), 2);
  two.active = 1;
  EXPECT_EQ(b.pick(), 1);
  one.active = 1;
  EXPECT_EQ(b.pick(), 1);
}

TEST(FailOver, GivesAllToTheHighestWeight) {
  Bench b("fo");
  b.add(1, 5);
  RealServer& two = b.add(2, 9);
  b.add(3, 5);
  two.active = 1'000'000;
  EXPECT_EQ(b.pick(), 2);
  two.overloaded = true;
  EXPECT_EQ(b.pick(), 3);
}

TEST(Overflow, FillsTheHighestWeightFirst) {
  Bench b("ovf");
  RealServer& one = b.add(1, 1);
  RealServer& two = b.add(2, 2);
  two.active = 2;
  EXPECT_EQ(b.pick(), 2);
  two.active = 3;
  EXPECT_EQ(b.pick(), 1);
  one.active = 2;
  EXPECT_EQ(b.pick(), 0);
}

TEST(TwoChoices, TakesTheLessBusyOfTwoThatAreDrawnByWeight) {
  Bench b("twos");
  RealServer& one = b.add(1, 1);
  RealServer& two = b.add(2, 1);
  // The list is 2, 1: a lot of 0 or 1 is the second one's, 2 the first one's.
  const auto pick = [&b](double first, double second) {
    b.chance = static_cast<std::uint64_t>(first * 4294967296.0) << 32 | static_cast<std::uint64_t>(second * 4294967296.0);
    return b.pick();
  };
  EXPECT_EQ(pick(0.0, 0.0), 2);
  EXPECT_EQ(pick(0.5, 0.5), 2);
  EXPECT_EQ(pick(0.9, 0.9), 1);
  one.active = 3;
  two.active = 2;
  EXPECT_EQ(pick(0.1, 0.9), 2);
  EXPECT_EQ(pick(0.9, 0.1), 2);
  EXPECT_EQ(pick(0.9, 0.9), 1) << "both choices are the same";
  two.active = 3;
  EXPECT_EQ(pick(0.9, 0.1), 1) << "of equals the first that was drawn";
  EXPECT_EQ(pick(0.1, 0.9), 2);
  b.weigh(two, 4);  // 3/4 active connections for a weight of 1, against 3
  EXPECT_EQ(pick(0.99, 0.0), 2);
  b.weigh(two, 0);
  for (const double lot : {0.0, 0.5, 0.99}) EXPECT_EQ(pick(lot, lot), 1);
  one.overloaded = true;
  EXPECT_EQ(pick(0.0, 0.0), 0);
}

TEST(TwoChoices, AreDrawnByWeight) {
  Bench b("twos");
  b.add(1, 1);
  b.add(2, 3);
  std::map<int, int> picked;
  std::mt19937_64 random(1);
  for (int i = 0; i < 10'000; ++i) {
    b.chance = random();
    ++picked[b.pick()];
  }
  // Nobody is busy, so the first that was drawn is taken: the list's first with (3 + 1) of 5 lots.
  EXPECT_NEAR(picked[2], 8000, 200);
  EXPECT_NEAR(picked[1], 2000, 200);
}

TEST(SourceHashing, KeepsAClientAndGivesByWeight) {
  Bench b("sh");
  b.add(1, 1);
  b.add(2, 3);
  std::map<int, int> shares;
  for (int i = 0; i < 4096; ++i) {
    const int r = b.pick(client(i));
    EXPECT_EQ(b.pick({client(i).address, 4002}), r);
    EXPECT_EQ(b.pick(client(i), {ip(10, 1, 0, 9), 443}), r);
    ++shares[r];
  }
  EXPECT_NEAR(shares[1], 1024, 300);
  EXPECT_NEAR(shares[2], 3072, 300);
}

TEST(SourceHashing, GivesUpOrGoesOnWhenItsServerCannot) {
  for (const bool fallback : {false, true}) {
    Bench b("sh", fallback ? static_cast<std::uint32_t>(kSched1) : 0);
    RealServer& one = b.add(1, 1);
    b.add(2, 1);
    std::map<int, int> before;
    for (int i = 0; i < 64; ++i) before[i] = b.pick(client(i));
    b.weigh(one, 0);
    for (int i = 0; i < 64; ++i) EXPECT_EQ(b.pick(client(i)), before[i] == 2 || fallback ? 2 : 0);
  }
}

TEST(SourceHashing, TakesThePortIntoAccountWhenAsked) {
  Bench b("sh", kSched2);
  b.add(1, 1);
  b.add(2, 1);
  std::set<int> seen;
  for (std::uint16_t port = 1; port < 100; ++port) seen.insert(b.pick({ip(10, 1, 0, 2), port}));
  EXPECT_EQ(seen, (std::set{1, 2}));
}

TEST(DestinationHashing, KeepsADestinationWhateverTheWeights) {
  Bench b("dh");
  b.add(1, 1);
  b.add(2, 9);
  std::map<int, int> shares;
  for (int i = 0; i < 4096; ++i) {
    const int r = b.pick(client(1), cached(i));
    EXPECT_EQ(b.pick(client(2), cached(i)), r);
    ++shares[r];
  }
  EXPECT_NEAR(shares[1], 2048, 300);
}

TEST(Maglev, MovesFewClientsWhenAServerGoes) {
  Bench b("mh");
  for (std::uint8_t i = 1; i <= 5; ++i) b.add(i, 1);
  std::map<int, int> before;
  std::map<int, int> shares;
  for (int i = 0; i < 5000; ++i) ++shares[before[i] = b.pick(client(i))];
  for (const auto& [name, share] : shares) EXPECT_NEAR(share, 1000, 200) << name;
  b.remove(*b.service.reals[2]);  // 3
  int moved = 0;
  for (int i = 0; i < 5000; ++i) {
    const int now = b.pick(client(i));
    ASSERT_NE(now, 3);
    moved += before[i] != 3 && now != before[i] ? 1 : 0;
  }
  EXPECT_LT(moved, 500);
}

TEST(Maglev, KeepsThePlacesOfAQuiescedServer) {
  for (const bool fallback : {false, true}) {
    Bench b("mh", fallback ? static_cast<std::uint32_t>(kSched1) : 0);
    RealServer& one = b.add(1, 2);
    b.add(2, 1);
    b.add(3, 1);
    std::map<int, int> before;
    for (int i = 0; i < 500; ++i) before[i] = b.pick(client(i));
    b.weigh(one, 0);
    for (int i = 0; i < 500; ++i) {
      const int now = b.pick(client(i));
      if (before[i] != 1) {
        EXPECT_EQ(now, before[i]);
      } else {
        EXPECT_EQ(now != 0, fallback);
        EXPECT_NE(now, 1);
      }
    }
    b.weigh(one, 2);
    for (int i = 0; i < 500; ++i) EXPECT_EQ(b.pick(client(i)), before[i]);
  }
}

TEST(Maglev, CountsSixBitsOfAWeight) {
  Bench b("mh");
  b.add(1, 1);
  b.add(2, 1'000'000'000);
  std::map<int, int> shares;
  for (int i = 0; i < 5000; ++i) ++shares[b.pick(client(i))];
  EXPECT_GT(shares[1], 10);
  EXPECT_LT(shares[1], 300);
}

TEST(Locality, TiesADestinationToAServerUntilItIsBusyAndAnotherIdle) {
  Bench b("lblc");
  RealServer& one = b.add(1, 2);
  RealServer& two = b.add(2, 2);
  EXPECT_EQ(b.pick(client(1), cached(1)), 2);
  two.active = 2;
  EXPECT_EQ(b.pick(client(2), cached(1)), 2);
  EXPECT_EQ(b.pick(client(2), cached(2)), 1);
  two.active = 3;
  one.active = 1;
  EXPECT_EQ(b.pick(client(3), cached(1)), 2);  // nobody is less than half busy
  one.active = 0;
  EXPECT_EQ(b.pick(client(3), cached(1)), 1);
  two.active = 0;
  EXPECT_EQ(b.pick(client(3), cached(1)), 1);
  // The thresholds count for those that are new only.
  one.overloaded = true;
  EXPECT_EQ(b.pick(client(3), cached(1)), 1);
  EXPECT_EQ(b.pick(client(3), cached(3)), 2);
  b.weigh(one, 0);
  EXPECT_EQ(b.pick(client(3), cached(1)), 2);
}

TEST(Locality, RemembersAServerThatIsAddedAgain) {
  Bench b("lblc");
  RealServer& one = b.add(1, 1);
  b.add(2, 1).inactive = 7;
  EXPECT_EQ(b.pick(client(1), cached(1)), 1);
  b.remove(one);
  b.add(1, 1).inactive = 100;
  EXPECT_EQ(b.pick(client(1), cached(1)), 1);
  EXPECT_EQ(b.pick(client(1), cached(2)), 2);
}

TEST(Locality, ForgetsWhatWasNotUsedForLong) {
  Bench b("lblc");
  b.knobs.lblc_expiration_s = 3600;
  RealServer& one = b.add(1, 1);
  EXPECT_EQ(b.pick(client(1), cached(1)), 1);
  b.add(2, 1);
  one.active = 1;
  const auto pass = [&b](Time t) {
    for (const Time end = b.now + t; b.now < end; b.now += kSecond) b.service.scheduler->tick(b.service, b.knobs, b.now);
  };
  pass(3500 * kSecond);
  EXPECT_EQ(b.pick(client(1), cached(1)), 1);
  pass((3600 + 1801) * kSecond);
  EXPECT_EQ(b.pick(client(1), cached(1)), 2);
}

TEST(LocalityReplicated, MakesTheSetLargerWhenBusyAndSmallerAfterALongTime) {
  Bench b("lblcr");
  b.knobs.lblcr_expiration_s = 100;
  RealServer& one = b.add(1, 2);
  RealServer& two = b.add(2, 2);
  EXPECT_EQ(b.pick(client(1), cached(1)), 2);
  two.active = 3;
  EXPECT_EQ(b.pick(client(1), cached(1)), 1);  // the set is {1, 2} now
  one.active = 1;
  two.active = 0;
  EXPECT_EQ(b.pick(client(1), cached(1)), 2);
  EXPECT_EQ(b.pick(client(1), cached(2)), 2);
  b.now += 101 * kSecond;
  two.active = 2;
  EXPECT_EQ(b.pick(client(1), cached(1)), 1);  // and 2 is let go of
  one.active = 2;
  two.active = 1;
  EXPECT_EQ(b.pick(client(1), cached(1)), 1);
  b.remove(one);
  EXPECT_EQ(b.pick(client(1), cached(1)), 2);
}

}  // namespace
}  // namespace vslog::engine
