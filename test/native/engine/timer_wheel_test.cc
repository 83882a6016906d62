// The wheel against a list that is searched: whatever is set, every timer fires at its tick, once.
#include "engine/timer_wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace vslog::engine {
namespace {

class TimerWheelTest : public testing::Test {
 protected:
  /// Goes on until `until` and calls `fired(index)` for each entry at the tick that it is due.
  template <typename Fired>
  void run(Tick until, Fired&& fired) {
    while (wheel_.now() != until) {
      wheel_.step(until);
      for (std::uint32_t index = wheel_.take(); index != kNone; index = wheel_.take()) fired(index);
    }
  }

  ConnTable table_{1 << 16, 4, 1};
  TimerWheel wheel_{table_};
};

TEST_F(TimerWheelTest, FiresAtItsTickOnEveryLevel) {
  std::map<std::uint32_t, Tick> due;
  // Around every border between levels.
  for (const Tick border : {1U, 256U, 1U << 14, 1U << 20, 1U << 26}) {
    for (const Tick at : {border - 1, border, border + 1, border + 77}) {
      if (at == 0) continue;
      const std::uint32_t index = table_.allocate(due.size() + 1);
      wheel_.set(index, at);
      due[index] = at;
    }
  }
  EXPECT_EQ(wheel_.size(), due.size());
  run((1U << 26) + 100, [&](std::uint32_t index) {
    EXPECT_EQ(due.at(index), wheel_.now());
    due.erase(index);
  });
  EXPECT_TRUE(due.empty());
  EXPECT_EQ(wheel_.size(), 0U);
}

TEST_F(TimerWheelTest, WhatIsDueAlreadyFiresAtTheNextTick) {
  run(1000, [](std::uint32_t) {});
  const std::uint32_t index = table_.allocate(1);
  wheel_.set(index, 3);
  Tick fired = 0;
  run(2000, [&](std::uint32_t) { fired = wheel_.now(); });
  EXPECT_EQ(fired, 1001U);
}

TEST_F(TimerWheelTest, WhatIsCancelledNeverFires) {
  const std::uint32_t one = table_.allocate(1);
  const std::uint32_t two = table_.allocate(2);
  wheel_.set(one, 100);
  wheel_.set(two, 100);
  wheel_.cancel(one);
  wheel_.cancel(one);
  EXPECT_FALSE(wheel_.armed(one));
  std::vector<std::uint32_t> fired;
  run(200, [&](std::uint32_t index) { fired.push_back(index); });
  EXPECT_EQ(fired, std::vector<std::uint32_t>{two});
}

TEST_F(TimerWheelTest, FiresWhereItWasSetLast) {
  std::mt19937 random(7);
  std::map<std::uint32_t, Tick> due;
  std::vector<std::uint32_t> entries;
  for (int i = 0; i < 200; ++i) entries.push_back(table_.allocate(static_cast<std::uint64_t>(i) + 1));
  std::size_t fired = 0;
  for (int round = 0; round < 5000; ++round) {
    const std::uint32_t index = entries[random() % entries.size()];
    if (random() % 8 == 0) {
      wheel_.cancel(index);
      due.erase(index);
    } else {
      // Short, long and very long ones.
      const Tick ahead = 1 + random() % (1U << (1 + random() % 22));
      wheel_.set(index, wheel_.now() + ahead);
      due[index] = wheel_.now() + ahead;
    }
    run(wheel_.now() + random() % 300, [&](std::uint32_t at) {
      const Conn& c = table_.at(at);
      // Wound up after it was queued: it is looked at early, and goes back, as the engine does with it.
      if (c.expires != wheel_.now()) return wheel_.set(at, c.expires);
      ++fired;
      ASSERT_TRUE(due.contains(at));
      ASSERT_EQ(due[at], wheel_.now());
      due.erase(at);
    });
    for (const auto& [entry, at] : due) ASSERT_GT(static_cast<std::int32_t>(at - wheel_.now()), 0) << "entry " << entry << " is overdue";
  }
  EXPECT_GT(fired, 100U);
}

TEST_F(TimerWheelTest, ItsClockMayWrap) {
  run(0x7fffffff, [](std::uint32_t) {});
  run(0xfffffff0, [](std::uint32_t) {});
  const std::uint32_t index = table_.allocate(1);
  wheel_.set(index, 0x20);  // 48 ticks on
  int fired = 0;
  run(0x1f, [&](std::uint32_t) { ++fired; });
  EXPECT_EQ(fired, 0);
  run(0x20, [&](std::uint32_t) { ++fired; });
  EXPECT_EQ(fired, 1);
}

}  // namespace
}  // namespace vslog::engine
