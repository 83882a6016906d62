#include "daemon/own_addresses.h"

#include <gtest/gtest.h>

namespace vslog {
namespace {

Address v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  const std::uint8_t bytes[4] = {a, b, c, d};
  return map_ipv4(bytes);
}

TEST(OwnAddresses, AreThoseThatWereGiven) {
  const OwnAddresses own({v4(192, 0, 2, 9), v4(192, 0, 2, 1), v4(192, 0, 2, 5)}, parse_address_blocks("10.0.0.0/8,2001:db8::/32"));
  for (const Address& address : {v4(192, 0, 2, 1), v4(192, 0, 2, 5), v4(192, 0, 2, 9), v4(10, 255, 0, 1)}) EXPECT_TRUE(own.contain(address));
  for (const Address& address : {v4(192, 0, 2, 2), v4(11, 0, 0, 1), Address{0x20, 0x01, 0x0d, 0xb9}}) EXPECT_FALSE(own.contain(address));
  EXPECT_TRUE(own.contain(Address{0x20, 0x01, 0x0d, 0xb8, 1}));
  EXPECT_FALSE(OwnAddresses().contain(v4(10, 0, 0, 1)));
}

TEST(OwnAddresses, AreTheMachinesAndMore) {
  const OwnAddresses own = own_addresses(parse_address_blocks("198.51.100.0/24"));
  EXPECT_TRUE(own.contain(v4(127, 0, 0, 1)));
  EXPECT_TRUE(own.contain(v4(127, 5, 6, 7)));
  EXPECT_TRUE(own.contain(v4(198, 51, 100, 77)));
  EXPECT_FALSE(own.contain(v4(203, 0, 113, 77)));
}

}  // namespace
}  // namespace vslog
