#include "source/record_match.h"

#include <gtest/gtest.h>

namespace vslog {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kNow = 100 * kSecond;

Address v4(std::uint8_t a, std::uint8_t d) {
  const std::uint8_t bytes[4] = {a, 0, 0, d};
  return map_ipv4(bytes);
}

ConnRecord record() {
  ConnRecord r;
  r.client_addr = v4(10, 1);
  r.client_port = 40'000;
  r.virtual_addr = v4(192, 1);
  r.virtual_port = 80;
  r.real_addr = v4(10, 9);
  r.real_port = 8080;
  r.protocol = 6;
  r.fwmark = 7;
  r.family = 4;
  r.state = 1;
  r.conn_id = 99;
  r.created_ns = kNow - 10 * kSecond;
  return r;
}

bool matches(void (*set)(engine::ConnFilter&)) {
  engine::ConnFilter filter;
  set(filter);
  return vslog::matches(filter, record(), kNow);
}

using F = engine::ConnFilter;

TEST(RecordMatch, NothingAskedMatchesEverything) {
  EXPECT_TRUE(matches([](F&) {}));
}

TEST(RecordMatch, EachPartIsCompared) {
  EXPECT_TRUE(matches([](F& f) { f.client = engine::Place{v4(10, 1), 128, {}}; }));
  EXPECT_FALSE(matches([](F& f) { f.client = engine::Place{v4(10, 2), 128, {}}; }));
  EXPECT_TRUE(matches([](F& f) { f.client = engine::Place{v4(10, 200), 96 + 24, {}}; })) << "a block";
  EXPECT_FALSE(matches([](F& f) { f.client = engine::Place{v4(10, 1), 128, 40'001}; }));
  EXPECT_TRUE(matches([](F& f) { f.virtual_service = engine::Place{v4(192, 1), 128, 80}; }));
  EXPECT_FALSE(matches([](F& f) { f.virtual_service = engine::Place{v4(192, 1), 128, 81}; }));
  EXPECT_TRUE(matches([](F& f) { f.real = engine::Place{v4(10, 9), 128, 8080}; }));
  EXPECT_FALSE(matches([](F& f) { f.real = engine::Place{v4(10, 1), 128, {}}; })) << "the client's address is not the real server's";
  EXPECT_TRUE(matches([](F& f) { f.protocol = 6; }));
  EXPECT_FALSE(matches([](F& f) { f.protocol = 17; }));
  EXPECT_TRUE(matches([](F& f) { f.fwmark = 7; }));
  EXPECT_FALSE(matches([](F& f) { f.fwmark = 8; }));
  EXPECT_TRUE(matches([](F& f) { f.family = 4; }));
  EXPECT_FALSE(matches([](F& f) { f.family = 6; }));
  EXPECT_TRUE(matches([](F& f) { f.state = 1; }));
  EXPECT_FALSE(matches([](F& f) { f.state = 2; }));
  EXPECT_TRUE(matches([](F& f) { f.is_template = false; }));
  EXPECT_FALSE(matches([](F& f) { f.is_template = true; }));
  EXPECT_TRUE(matches([](F& f) { f.conn_id = 99; }));
  EXPECT_FALSE(matches([](F& f) { f.conn_id = 98; }));
  EXPECT_FALSE(matches([](F& f) { f.quiesced_only = true; }));
  EXPECT_FALSE(matches([](F& f) { f.client = engine::Place{v4(10, 1), 128, {}}, f.protocol = 17; })) << "all parts must match";
}

TEST(RecordMatch, AgeCountsFromTheBeginning) {
  EXPECT_TRUE(matches([](F& f) { f.older_than = 10 * kSecond; }));
  EXPECT_FALSE(matches([](F& f) { f.older_than = 10 * kSecond + 1; }));
  engine::ConnFilter old;
  old.older_than = 1;
  ConnRecord r = record();
  r.created_ns = 0;
  EXPECT_FALSE(vslog::matches(old, r, kNow)) << "nobody knows when it began";
  r.created_ns = kNow + 1;
  EXPECT_FALSE(vslog::matches(old, r, kNow)) << "the clock was set back";
}

TEST(RecordMatch, HowLongItWasIdleNoRecordTells) {
  EXPECT_FALSE(matches([](F& f) { f.idle_at_least = 0; }));
}

TEST(RecordMatch, WhatElseIsWantedIsAskedLast) {
  int asked = 0;
  bool answer = true;
  engine::ConnFilter filter;
  filter.also = [&](const ConnRecord&) {
    ++asked;
    return answer;
  };
  EXPECT_TRUE(vslog::matches(filter, record(), kNow));
  answer = false;
  EXPECT_FALSE(vslog::matches(filter, record(), kNow));
  filter.protocol = 99;
  EXPECT_FALSE(vslog::matches(filter, record(), kNow));
  EXPECT_EQ(asked, 2);
}

TEST(RecordMatch, QuiescedIsWhatHasWeightZero) {
  engine::ConnFilter quiesced;
  quiesced.quiesced_only = true;
  ConnRecord r = record();
  r.quiesced = true;
  EXPECT_TRUE(vslog::matches(quiesced, r, kNow));
}

}  // namespace
}  // namespace vslog
