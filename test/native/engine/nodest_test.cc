#include "engine/nodest.h"

#include <gtest/gtest.h>

namespace vslog::engine {
namespace {

TEST(NodestLedger, TellsTheFirstAtOnceAndTheOthersInASum) {
  NodestLedger ledger(kSecond);
  const auto first = ledger.dropped(1, 100, 60, 5);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->packets, 1U);
  EXPECT_EQ(first->bytes, 60U);
  EXPECT_FALSE(ledger.dropped(1, 100, 40, 10));
  EXPECT_FALSE(ledger.dropped(1, 100, 50, 20));
  EXPECT_FALSE(ledger.due(kSecond + 4));
  const auto due = ledger.due(kSecond + 5);
  ASSERT_TRUE(due);
  EXPECT_EQ(due->index, 1U);
  EXPECT_EQ(due->sum.packets, 2U);
  EXPECT_EQ(due->sum.bytes, 90U);
  EXPECT_EQ(due->sum.first, 10U);
  EXPECT_EQ(due->sum.last, 20U);
}

TEST(NodestLedger, EachPacketIsToldOnce) {
  NodestLedger ledger(kSecond);
  std::uint64_t dropped = 0;
  std::uint64_t told = 0;
  for (Time now = 0; now < 10 * kSecond; now += kSecond / 7) {
    ++dropped;
    if (const auto sum = ledger.dropped(1, 100, 1, now)) told += sum->packets;
    while (const auto due = ledger.due(now)) told += due->sum.packets;
  }
  if (const auto rest = ledger.ended(1, 100)) told += rest->packets;
  EXPECT_EQ(told, dropped);
  EXPECT_FALSE(ledger.due(100 * kSecond));
}

TEST(NodestLedger, AfterAQuietIntervalTheNextIsToldAtOnceAgain) {
  NodestLedger ledger(kSecond);
  EXPECT_TRUE(ledger.dropped(1, 100, 1, 0));
  EXPECT_FALSE(ledger.due(2 * kSecond)) << "there is nothing to tell";
  EXPECT_TRUE(ledger.dropped(1, 100, 1, 3 * kSecond));
}

TEST(NodestLedger, AnotherConnectionInTheSamePlaceIsAnother) {
  NodestLedger ledger(kSecond);
  EXPECT_TRUE(ledger.dropped(1, 100, 1, 0));
  EXPECT_FALSE(ledger.dropped(1, 100, 1, 1));
  EXPECT_FALSE(ledger.ended(1, 101)) << "that one dropped nothing";
  const auto rest = ledger.ended(1, 100);
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->packets, 1U);
  EXPECT_TRUE(ledger.dropped(1, 102, 1, 2));
  EXPECT_FALSE(ledger.due(kSecond)) << "the interval of the one that ended";
  EXPECT_FALSE(ledger.ended(2, 100));
}

TEST(NodestLedger, WithoutAnIntervalEachIsTold) {
  NodestLedger ledger(0);
  for (Time now = 0; now < 3; ++now) EXPECT_TRUE(ledger.dropped(1, 100, 1, now));
  EXPECT_FALSE(ledger.due(kSecond));
}

}  // namespace
}  // namespace vslog::engine
