// Datagrams out of their fragments, in whatever order they come.
#include "source/engine/pcap_fragments.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace vslog {
namespace {

using engine::kSecond;
using engine::kUdp;

Fragment piece(std::uint32_t offset, std::uint32_t size, bool more, std::uint32_t id = 7, std::uint8_t family = 4) {
  Fragment f;
  f.source[15] = 1;
  f.destination[15] = 2;
  f.id = id;
  f.family = family;
  f.protocol = kUdp;
  f.more = more;
  f.offset = offset;
  f.size = size;
  f.headers = family == 6 ? 40 : 20;
  return f;
}

engine::Packet first_packet() {
  engine::Packet p;
  p.protocol = kUdp;
  p.source.port = 5000;
  p.destination.port = 53;
  return p;
}

struct PcapFragmentsTest : testing::Test {
  PcapFragments fragments;

  /// Length of the datagram that this fragment completes; 0: none.
  std::uint32_t take(const Fragment& f, engine::Time now = 0) {
    const auto whole = fragments.take(f, f.offset == 0 ? first_packet() : engine::Packet{}, now);
    if (whole) {
      EXPECT_EQ(whole->packet.destination.port, 53);
    }
    return whole ? whole->packet.length : 0;
  }
};

TEST_F(PcapFragmentsTest, ADatagramIsWholeWithItsLastMissingFragment) {
  std::vector<Fragment> pieces{piece(0, 1480, true), piece(1480, 1480, true), piece(2960, 1048, false)};
  std::sort(pieces.begin(), pieces.end(), [](const Fragment& a, const Fragment& b) { return a.offset < b.offset; });
  std::vector<int> order{0, 1, 2};
  do {
    fragments = {};
    EXPECT_EQ(take(pieces[static_cast<std::size_t>(order[0])]), 0U);
    EXPECT_EQ(take(pieces[static_cast<std::size_t>(order[1])]), 0U);
    EXPECT_EQ(fragments.unused(), 2U);
    EXPECT_EQ(take(pieces[static_cast<std::size_t>(order[2])]), 20U + 4008U);
    EXPECT_EQ(fragments.unused(), 0U);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(PcapFragmentsTest, DatagramsDoNotMix) {
  EXPECT_EQ(take(piece(0, 8, true, 1)), 0U);
  EXPECT_EQ(take(piece(8, 5, false, 2)), 0U);
  Fragment other = piece(8, 5, false, 1);
  other.source[15] = 9;
  EXPECT_EQ(take(other), 0U);
  other = piece(8, 5, false, 1);
  other.protocol = engine::kTcp;
  EXPECT_EQ(take(other), 0U);
  EXPECT_EQ(take(piece(8, 5, false, 1, 6)), 0U);
  EXPECT_EQ(take(piece(8, 5, false, 1)), 33U);
}

TEST_F(PcapFragmentsTest, OneThatCameTwiceChangesNothing) {
  EXPECT_EQ(take(piece(0, 16, true)), 0U);
  EXPECT_EQ(take(piece(0, 16, true)), 0U);
  EXPECT_EQ(take(piece(8, 8, true)), 0U);
  EXPECT_EQ(take(piece(16, 8, false)), 44U);
  EXPECT_EQ(fragments.unused(), 0U);
}

TEST_F(PcapFragmentsTest, OnesThatContradictEachOtherAreNone) {
  for (const Fragment& bad : {piece(8, 16, true), piece(24, 8, false), piece(40, 8, true)}) {
    fragments = {};
    EXPECT_EQ(take(piece(0, 16, true)), 0U);
    EXPECT_EQ(take(piece(24, 16, false)), 0U);
    EXPECT_EQ(take(bad), 0U);
    EXPECT_EQ(take(piece(16, 8, true)), 0U) << "the datagram was given up";
    EXPECT_EQ(fragments.unused(), 4U);
  }
}

TEST_F(PcapFragmentsTest, TheRestIsWaitedForAsLongAsTheKernelDoes) {
  EXPECT_EQ(take(piece(0, 8, true, 1), 0), 0U);
  EXPECT_EQ(take(piece(0, 8, true, 2, 6), 0), 0U);
  EXPECT_EQ(take(piece(0, 8, true, 3), 1), 0U);
  EXPECT_EQ(take(piece(8, 8, false, 3), 30 * kSecond), 36U);
  EXPECT_EQ(take(piece(8, 8, false, 1), 31 * kSecond), 0U);
  EXPECT_EQ(take(piece(8, 8, false, 2, 6), 60 * kSecond), 56U);
  EXPECT_EQ(fragments.unused(), 2U);
}

TEST_F(PcapFragmentsTest, KeepsNoMoreThanItMay) {
  for (std::uint32_t id = 0; id <= PcapFragments::kMostSpans; ++id) take(piece(0, 8, true, id));
  EXPECT_EQ(take(piece(8, 8, false, 0)), 0U) << "the oldest was let go";
  EXPECT_EQ(take(piece(8, 8, false, 2)), 36U);
  std::mt19937 random(3);
  for (int i = 0; i < 100'000; ++i) take(piece(random() % 1024 * 8, 8 + random() % 3 * 8, random() % 4 != 0, random() % 64), static_cast<engine::Time>(i) * kSecond / 100);
  EXPECT_GT(fragments.unused(), 0U);
}

}  // namespace
}  // namespace vslog
