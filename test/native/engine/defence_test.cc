#include "engine/defence.h"

#include <gtest/gtest.h>

#include "engine/state.h"

namespace vslog::engine {
namespace {

Conn conn(std::uint8_t protocol, std::uint8_t state) {
  Conn c;
  c.protocol = protocol;
  c.state = state;
  c.packets_in = 1;
  return c;
}
Conn tcp(TcpState state) { return conn(kTcp, static_cast<std::uint8_t>(state)); }

constexpr Time kLongIdle = 61 * kSecond;

TEST(Defence, SleepsUntilAKnobIsSet) {
  Defence defence(1);
  Knobs knobs;
  defence.update(knobs, 0);
  EXPECT_FALSE(defence.awake(knobs));
  EXPECT_FALSE(defence.drops_entries());
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(defence.drop_packet());
}

TEST(Defence, TheAutomaticModesFollowTheFreePlaces) {
  Defence defence(1);
  Knobs knobs;
  knobs.drop_entry = knobs.drop_packet = knobs.secure_tcp = 1;
  knobs.amemthresh = 1000;
  defence.update(knobs, 1000);
  EXPECT_EQ(knobs.drop_entry, 1U);
  EXPECT_FALSE(defence.drops_entries());
  defence.update(knobs, 999);
  EXPECT_EQ(knobs.drop_entry, 2U);
  EXPECT_EQ(knobs.drop_packet, 2U);
  EXPECT_EQ(knobs.secure_tcp, 2U);
  EXPECT_TRUE(defence.drops_entries());
  defence.update(knobs, 1000);
  EXPECT_EQ(knobs.drop_entry, 1U);
  EXPECT_EQ(knobs.secure_tcp, 1U);
  EXPECT_FALSE(defence.drops_entries());
}

TEST(Defence, ModesThatWereSetStay) {
  Defence defence(1);
  Knobs knobs;
  knobs.drop_entry = 3;
  knobs.secure_tcp = 0;
  for (const std::uint64_t available : {0ULL, 1ULL << 40}) {
    defence.update(knobs, available);
    EXPECT_EQ(knobs.drop_entry, 3U);
    EXPECT_EQ(knobs.secure_tcp, 0U);
    EXPECT_TRUE(defence.drops_entries());
  }
}

TEST(Defence, DropsOneOfSoManyPackets) {
  Defence defence(1);
  Knobs knobs;
  knobs.drop_packet = 3;
  knobs.am_droprate = 10;
  defence.update(knobs, 0);
  int dropped = 0;
  for (int i = 0; i < 100; ++i) dropped += defence.drop_packet() ? 1 : 0;
  EXPECT_EQ(dropped, 10);
}

TEST(Defence, TheScarcerThePlacesTheMorePacketsItDrops) {
  Knobs knobs;
  knobs.drop_packet = 2;
  knobs.amemthresh = 1000;
  int before = 0;
  // One packet of 10, of 2, and each.
  for (const auto& [available, wanted] : {std::pair(900ULL, 100), std::pair(500ULL, 500), std::pair(0ULL, 1000)}) {
    Defence defence(1);
    defence.update(knobs, available);
    int dropped = 0;
    for (int i = 0; i < 1000; ++i) dropped += defence.drop_packet() ? 1 : 0;
    EXPECT_EQ(dropped, wanted);
    EXPECT_GT(dropped, before);
    before = dropped;
  }
}

TEST(Defence, HalfOpenConnectionsGoFirst) {
  Defence defence(1);
  EXPECT_TRUE(defence.drop_entry(tcp(TcpState::syn_recv), false, 0));
  EXPECT_TRUE(defence.drop_entry(tcp(TcpState::synack), false, 0));
  EXPECT_FALSE(defence.drop_entry(tcp(TcpState::fin_wait), false, kLongIdle));
  EXPECT_TRUE(defence.drop_entry(conn(kSctp, static_cast<std::uint8_t>(SctpState::init1)), false, 0));
  EXPECT_FALSE(defence.drop_entry(tcp(TcpState::established), false, 60 * kSecond - 1)) << "a connection may have its first minute";
}

TEST(Defence, OfIdleConnectionsOneOfSoManyGoes) {
  Defence defence(1);
  Conn c = tcp(TcpState::established);
  c.packets_in = 5;
  int dropped = 0;
  for (int i = 0; i < 50; ++i) dropped += defence.drop_entry(c, false, kLongIdle) ? 1 : 0;
  EXPECT_NEAR(dropped, 10, 1);
  c.packets_in = 9;
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(defence.drop_entry(c, false, kLongIdle)) << "it has traffic";
}

TEST(Defence, WhatOthersHangOnStays) {
  Defence defence(1);
  Conn c = tcp(TcpState::syn_recv);
  c.controlled = 1;
  EXPECT_FALSE(defence.drop_entry(c, false, kLongIdle));
  Conn assured = conn(0, kAssured);
  assured.flags = kTemplate;
  EXPECT_FALSE(defence.drop_entry(assured, false, kLongIdle));
  assured.state = 0;
  EXPECT_TRUE(defence.drop_entry(assured, false, kLongIdle));
}

}  // namespace
}  // namespace vslog::engine
