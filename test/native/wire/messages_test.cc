#include "wire/messages.h"

#include <gtest/gtest.h>

#include <protozero/exception.hpp>

namespace vslog {
namespace {

TEST(Messages, GarbageThrowsAndUnknownFieldsDoNot) {
  EXPECT_THROW(decode<Hello>("\xff\xff\xff"), protozero::exception);
  EXPECT_EQ(decode<Hello>(std::string_view("\x08\x02\xf8\x01\x05", 5)).version_min, 2U);
}

TEST(Messages, AFieldThatComesTwiceHasItsLastValue) { EXPECT_EQ(decode<Hello>(std::string_view("\x08\x02\x08\x03", 4)).version_min, 3U); }

TEST(Messages, WhatIsNotSaidIsTheDefault) {
  const auto s = decode<Subscribe>("");
  EXPECT_EQ(s.mode, SubscriptionMode::unspecified);
  EXPECT_EQ(s.name, "");
  EXPECT_TRUE(s.groups.empty());
  EXPECT_EQ(s.after_sequence, 0U);
  EXPECT_EQ(encode(Subscribe{}), "");
}

TEST(Messages, AnErrorKeepsItsSign) { EXPECT_EQ(decode<ErrorReply>(encode(ErrorReply{-1, "no.", "name"})).code, -1); }

TEST(Messages, EveryCutOfAMessageIsAnErrorOrAMessage) {
  SourceStatus whole;
  whole.source = "ipvs";
  whole.durable = {{"a", 1ULL << 40, true}};
  whole.losses = {{"ring", 300}};
  const std::string bytes = encode(whole);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    try {
      const auto part = decode<SourceStatus>(std::string_view(bytes).substr(0, size));
      EXPECT_LE(part.durable.size(), 1U);
    } catch (const protozero::exception&) {
      // Cut within a field.
    }
  }
}

TEST(Messages, EveryTextIsPlain) {
  const std::string bad = "lb\x1b[2J\xff";
  const std::string shown = "lb\\x1b[2J\\xff";
  BatchHeader batch;
  batch.node = bad;
  EXPECT_EQ(decode<BatchHeader>(encode(batch)).node, shown);
  Welcome welcome;
  welcome.node = welcome.software = bad;
  EXPECT_EQ(decode<Welcome>(encode(welcome)).node, shown);
  EXPECT_EQ(decode<Welcome>(encode(welcome)).software, shown);
  ErrorReply error;
  error.message = bad;
  EXPECT_EQ(decode<ErrorReply>(encode(error)).message, shown);
}

}  // namespace
}  // namespace vslog
