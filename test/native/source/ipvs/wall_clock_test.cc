#include "source/ipvs/wall_clock.h"

#include <gtest/gtest.h>

namespace vslog {
namespace {

TEST(WallClockTest, SlewIsNoStepAndASettingIs) {
  WallClock clock;
  clock.update(1'000'000'000);
  EXPECT_FALSE(clock.update(1'000'500'000).has_value());
  const std::optional<ClockStep> step = clock.update(3'600'000'000'000);
  ASSERT_TRUE(step.has_value());
  EXPECT_EQ(step->before, 1'000'500'000);
  EXPECT_EQ(step->after, 3'600'000'000'000);
  EXPECT_EQ(clock.wall(5), 3'600'000'000'005U);
  EXPECT_EQ(clock.wall(0), 0U);
}

TEST(WallClockTest, StepsGoBothWays) {
  WallClock clock;
  clock.update(1'000'000'000);
  EXPECT_FALSE(clock.update(1'000'000'000 + WallClock::kStepNs));
  EXPECT_TRUE(clock.update(1'000'000'000 - 1));
  EXPECT_TRUE(clock.update(1'000'000'000 + WallClock::kStepNs));
}

TEST(WallClockTest, CountsFrom1970) { EXPECT_GT(WallClock().wall(1), 1'500'000'000'000'000'000U); }

}  // namespace
}  // namespace vslog
