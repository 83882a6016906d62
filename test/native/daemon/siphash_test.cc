#include "daemon/siphash.h"

#include <gtest/gtest.h>

namespace vslog {
namespace {

// vectors.h of the reference implementation has the value of no bytes, by which the program that made this one was checked.
TEST(SipHash, IsTheReferences) {
  HashKey counting{};
  for (std::uint8_t i = 0; i < 16; ++i) counting[i] = i;
  const std::array<std::uint8_t, 16> wanted = {0x6e, 0xe2, 0xa4, 0xca, 0x67, 0xb0, 0x54, 0xbb, 0xfd, 0x33, 0x15, 0xbf, 0x85, 0x23, 0x05, 0x77};
  EXPECT_EQ(siphash128(counting, counting), wanted);
}

}  // namespace
}  // namespace vslog
