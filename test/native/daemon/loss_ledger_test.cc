#include <gtest/gtest.h>

#include "daemon/loss_ledger.h"

namespace vslog {
namespace {

TEST(Losses, OnlyTheDifferenceIsSaid) {
  LossCounts reported{};
  std::vector<LossTotal> totals{{LossPlace::ring, 10, 1, 2, "full"}, {LossPlace::conn_map, 0, 0, 0, ""}};
  auto said = unreported_losses(totals, reported, 99);
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(said[0].lost, 10U);
  EXPECT_EQ(said[0].where, LossPlace::ring);
  EXPECT_TRUE(unreported_losses(totals, reported, 99).empty());
  totals[0].lost = 13;
  EXPECT_EQ(unreported_losses(totals, reported, 99).at(0).lost, 3U);
}

TEST(Losses, ACounterThatBeganAnewIsSaidInFull) {
  LossCounts reported{};
  reported[static_cast<std::size_t>(LossPlace::ring)] = 100;
  const std::vector<LossTotal> totals{{LossPlace::ring, 4, 0, 0, ""}};
  EXPECT_EQ(unreported_losses(totals, reported, 0).at(0).lost, 4U);
}

}  // namespace
}  // namespace vslog
