#include "daemon/stall.h"

#include <gtest/gtest.h>

namespace vslog {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

TEST(Stall, IsOverWhenNobodyAcknowledgesForTooLong) {
  Stall stall(2000 * kMs);
  for (std::uint64_t ms = 0; ms <= 2000; ms += 50) EXPECT_FALSE(stall.is_over(7, ms * kMs)) << ms;
  EXPECT_TRUE(stall.is_over(7, 2050 * kMs));
}

TEST(Stall, BeginsAnewWithEveryAcknowledgement) {
  Stall stall(200 * kMs);
  // Fifty times as long as one that does nothing may take.
  for (std::uint64_t ms = 0; ms <= 10'000; ms += 50) EXPECT_FALSE(stall.is_over(ms / 150, ms * kMs)) << ms;
}

TEST(Stall, IsNotOverForOneLongTurnOfABusyMachine) {
  Stall stall(2000 * kMs);
  EXPECT_FALSE(stall.is_over(7, 0));
  for (std::uint64_t turn = 1; turn <= 20; ++turn) EXPECT_FALSE(stall.is_over(7, turn * 60'000 * kMs)) << turn;
  EXPECT_TRUE(stall.is_over(7, 21 * 60'000 * kMs));
}

TEST(Stall, WithoutATimeoutIsOverAtTheSecondLook) {
  Stall stall(0);
  EXPECT_FALSE(stall.is_over(7, 5 * kMs));
  EXPECT_TRUE(stall.is_over(7, 6 * kMs));
}

}  // namespace
}  // namespace vslog
