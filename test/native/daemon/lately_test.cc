#include "daemon/lately.h"

#include <gtest/gtest.h>

namespace vslog {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

TEST(Lately, KeepsTheLargestOfAMinuteOrTwo) {
  Lately lately;
  EXPECT_EQ(lately.largest(600 * kSecond), 0U);
  lately.note(7, 601 * kSecond);
  lately.note(3, 659 * kSecond);
  EXPECT_EQ(lately.largest(659 * kSecond), 7U);
  lately.note(5, 660 * kSecond);
  EXPECT_EQ(lately.largest(719 * kSecond), 7U);
  EXPECT_EQ(lately.largest(720 * kSecond), 5U);
  EXPECT_EQ(lately.largest(780 * kSecond), 0U);
}

TEST(Lately, ForgetsWhatIsLongAgo) {
  Lately lately;
  lately.note(7, 601 * kSecond);
  EXPECT_EQ(lately.largest(721 * kSecond), 0U);
}

}  // namespace
}  // namespace vslog
