#include "daemon/giving_way.h"

#include <gtest/gtest.h>

namespace vslog {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kDay = 86'400 * kSecond;
constexpr std::uint64_t kCapacity = 64 << 20;
constexpr std::uint64_t kFull = kCapacity - 1;

TEST(GivingWay, OneThatIsAwayForTooLong) {
  GivingWay way({kDay, false});
  EXPECT_FALSE(way.decide({{"a", 5, 0}, {"b", 1, kDay}}, 0, kCapacity, 0));
  const auto verdict = way.decide({{"a", 5, 0}, {"b", 1, kDay + 1}}, 0, kCapacity, 1);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->name, "b");
  EXPECT_EQ(verdict->why, "it was away for 24 hours");
}

TEST(GivingWay, WithoutATimeoutNobodyDoes) {
  GivingWay way({0, false});
  EXPECT_FALSE(way.decide({{"b", 1, 1000 * kDay}}, kFull, kCapacity, 0));
  EXPECT_FALSE(way.decide({{"b", 1, 1000 * kDay}}, kFull, kCapacity, kDay));
}

TEST(GivingWay, AFullJournalAloneIsNoReasonWhereTheOperatorBlocks) {
  GivingWay way({kDay, false});
  for (std::uint64_t s = 0; s < 3600; ++s) EXPECT_FALSE(way.decide({{"a", 1, s * kSecond}}, kFull, kCapacity, s * kSecond)) << s;
}

TEST(GivingWay, ForTrafficAMinuteOfAFullJournalIs) {
  GivingWay way({kDay, true});
  for (std::uint64_t s = 0; s < 60; ++s) EXPECT_FALSE(way.decide({{"a", 9, 0}, {"b", 1, (s + 1) * kSecond}}, kFull, kCapacity, s * kSecond)) << s;
  const auto verdict = way.decide({{"a", 9, 0}, {"b", 1, 61 * kSecond}}, kFull, kCapacity, 60 * kSecond);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->name, "b") << "the one that is furthest behind";
  EXPECT_NE(verdict->why.find("was away"), std::string::npos);
}

TEST(GivingWay, OneThatIsThereAndDoesNothingToo) {
  GivingWay way({kDay, true});
  EXPECT_FALSE(way.decide({{"a", 9, 0}}, kFull, kCapacity, 0));
  const auto verdict = way.decide({{"a", 9, 0}}, kFull, kCapacity, 60 * kSecond);
  ASSERT_TRUE(verdict);
  EXPECT_NE(verdict->why.find("acknowledged nothing"), std::string::npos);
}

TEST(GivingWay, OneThatGoesOnHoweverSlowlyIsWaitedFor) {
  GivingWay way({kDay, true});
  for (std::uint64_t s = 0; s < 3600; ++s) EXPECT_FALSE(way.decide({{"a", s / 30, 0}}, kFull, kCapacity, s * kSecond)) << s;
}

TEST(GivingWay, AMomentOfRoomBeginsTheMinuteAnew) {
  GivingWay way({kDay, true});
  EXPECT_FALSE(way.decide({{"a", 9, 1}}, kFull, kCapacity, 0));
  EXPECT_FALSE(way.decide({{"a", 9, 1}}, kCapacity / 2, kCapacity, 50 * kSecond));
  EXPECT_FALSE(way.decide({{"a", 9, 1}}, kFull, kCapacity, 60 * kSecond));
  EXPECT_FALSE(way.decide({{"a", 9, 1}}, kFull, kCapacity, 119 * kSecond));
  EXPECT_TRUE(way.decide({{"a", 9, 1}}, kFull, kCapacity, 120 * kSecond));
}

}  // namespace
}  // namespace vslog
