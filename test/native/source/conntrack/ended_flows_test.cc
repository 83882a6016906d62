#include "source/conntrack/ended_flows.h"

#include <gtest/gtest.h>

#include "message_builder.h"

namespace vslog {
namespace {

FlowName flow(std::uint32_t number) {
  FlowKey key = key_of(testing::sample_flow());
  key.source_port = static_cast<std::uint16_t>(number);
  key.zone = static_cast<std::uint16_t>(number >> 16);
  return FlowName(key);
}

std::uint32_t kept_of(const EndedFlows& ended, std::uint32_t begin, std::uint32_t end) {
  std::uint32_t kept = 0;
  for (std::uint32_t i = begin; i < end; ++i) kept += ended.has(flow(i)) ? 1 : 0;
  return kept;
}

TEST(EndedFlows, HasEveryOneOfSome) {
  EndedFlows ended;
  EXPECT_FALSE(ended.has(flow(0)));
  for (std::uint32_t i = 0; i < 20'000; ++i) ended.add(flow(i));
  EXPECT_EQ(kept_of(ended, 0, 20'000), 20'000U);
  EXPECT_EQ(kept_of(ended, 20'000, 40'000), 0U);
}

TEST(EndedFlows, ForgetsTheOldestOfMany) {
  EndedFlows ended;
  for (std::uint32_t i = 0; i < 1'000'000; ++i) ended.add(flow(i));
  EXPECT_LT(kept_of(ended, 0, 100'000), 100U);
  EXPECT_EQ(kept_of(ended, 980'000, 1'000'000), 20'000U);
}

TEST(EndedFlows, OneThatEndsAgainTakesNoOthersRoom) {
  EndedFlows ended;
  for (std::uint32_t i = 0; i < 1000; ++i) ended.add(flow(i));
  for (int round = 0; round < 1000; ++round) ended.add(flow(7));
  EXPECT_EQ(kept_of(ended, 0, 1000), 1000U);
}

}  // namespace
}  // namespace vslog
