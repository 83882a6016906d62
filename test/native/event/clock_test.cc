#include "event/clock.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "patience.h"

namespace vslog {
namespace {

TEST(Clock, OffsetIsThatOfReadingsAroundIt) {
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t wall = clock_ns(CLOCK_REALTIME);
    const std::uint64_t monotonic = clock_ns(CLOCK_MONOTONIC);
    const std::int64_t offset = wall_offset_ns();
    const std::uint64_t monotonic_after = clock_ns(CLOCK_MONOTONIC);
    const std::uint64_t wall_after = clock_ns(CLOCK_REALTIME);
    EXPECT_GE(offset, static_cast<std::int64_t>(wall - monotonic_after));
    EXPECT_LE(offset, static_cast<std::int64_t>(wall_after - monotonic));
  }
}

// The coarse clock moves by whole ticks; a process that is not descheduled for long sees a single one.
TEST(Clock, TicksAreTheStepsOfTheCoarseClock) {
  const double tick_ns = 1e9 / ticks_a_second();
  double least = 1e9;
  std::uint64_t last = clock_ns(CLOCK_MONOTONIC_COARSE);
  const bool one = test::eventually([&] {
    for (int i = 0; i < 1'000'000; ++i) {
      const std::uint64_t now = clock_ns(CLOCK_MONOTONIC_COARSE);
      if (now == last) continue;
      const double step = static_cast<double>(now - last);
      last = now;
      EXPECT_NEAR(step / tick_ns, std::round(step / tick_ns), 0.05);
      EXPECT_GT(step, tick_ns / 2);
      least = std::min(least, step);
    }
    return least < tick_ns * 1.05;
  });
  EXPECT_TRUE(one) << "the shortest step was " << least << " ns, a tick should be " << tick_ns;
}

}  // namespace
}  // namespace vslog
