#include "engine/filter.h"

#include "fixture.h"

namespace vslog::engine {
namespace {

TEST(Filter, TakesAnAddressWithAnyPortUnlessAPortIsGiven) {
  const Place host{ip(10, 1, 0, 2), 128, std::nullopt};
  EXPECT_TRUE(contains(host, ip(10, 1, 0, 2), 0));
  EXPECT_TRUE(contains(host, ip(10, 1, 0, 2), 80));
  EXPECT_FALSE(contains(host, ip(10, 1, 0, 3), 80));
  const Place place{ip(10, 1, 0, 2), 128, 80};
  EXPECT_TRUE(contains(place, ip(10, 1, 0, 2), 80));
  EXPECT_FALSE(contains(place, ip(10, 1, 0, 2), 81));
}

TEST(Filter, CutsPrefixesAtAnyBit) {
  const auto in = [](int bits, const Address& a) { return contains({ip(10, 1, 0b10100000, 0), static_cast<std::uint8_t>(96 + bits), std::nullopt}, a, 0); };
  EXPECT_TRUE(in(19, ip(10, 1, 0b10111111, 255)));
  EXPECT_FALSE(in(19, ip(10, 1, 0b11000000, 0)));
  EXPECT_TRUE(in(24, ip(10, 1, 0b10100000, 255)));
  EXPECT_FALSE(in(24, ip(10, 1, 0b10100001, 0)));
  EXPECT_FALSE(in(32, ip(10, 1, 0b10100000, 1)));
  EXPECT_TRUE(in(0, ip(255, 255, 255, 255)));
}

TEST(Filter, KeepsFamiliesApart) {
  Address six{};
  six[0] = 0xfd;
  six[15] = 2;
  EXPECT_FALSE(contains({ip(0, 0, 0, 0), 96, std::nullopt}, six, 0));
  EXPECT_TRUE(contains({Address{}, 0, std::nullopt}, six, 0));
  EXPECT_TRUE(contains({six, 127, std::nullopt}, six, 0));
}

}  // namespace
}  // namespace vslog::engine
