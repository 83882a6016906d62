#include "wire/crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace vslog {
namespace {

TEST(Crc32c, KnownValueAndBothWaysAgree) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(crc32c(bytes), crc32c_table(bytes.data(), bytes.size()));
    bytes += static_cast<char>(i * 37);
  }
  EXPECT_EQ(crc32c("6789", 4, crc32c("12345", 5)), crc32c("123456789"));
}

}  // namespace
}  // namespace vslog
