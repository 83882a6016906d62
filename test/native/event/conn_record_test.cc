#include "event/conn_record.h"

#include <gtest/gtest.h>

namespace vslog {
namespace {

TEST(Address, AnIPv4AddressIsMapped) {
  const std::uint8_t bytes[4] = {192, 0, 2, 1};
  const Address wanted{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
  EXPECT_EQ(map_ipv4(bytes), wanted);
  EXPECT_TRUE(is_mapped_ipv4(wanted));
}

TEST(Address, NothingElseIs) {
  EXPECT_FALSE(is_mapped_ipv4({}));
  const std::uint8_t bytes[4] = {192, 0, 2, 1};
  for (std::size_t i = 0; i < 12; ++i) {
    Address address = map_ipv4(bytes);
    address[i] ^= 1;
    EXPECT_FALSE(is_mapped_ipv4(address)) << i;
  }
}

TEST(EventNames, AreThoseOfTheContract) {
  EXPECT_EQ(to_string(EventKind::nodest_drop), "nodest_drop");
  EXPECT_EQ(to_string(EndReason::service_removed), "service_removed");
  EXPECT_EQ(to_string(static_cast<EndReason>(99)), "?");
}

}  // namespace
}  // namespace vslog
