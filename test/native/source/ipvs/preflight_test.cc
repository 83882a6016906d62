#include "source/ipvs/preflight.h"

#include <gtest/gtest.h>

namespace vslog {
namespace {

constexpr std::uint64_t bit(unsigned n) { return std::uint64_t{1} << n; }

TEST(PreflightTest, ReadsTheEffectiveSet) {
  EXPECT_EQ(effective_capabilities("Name:\tx\nCapPrm:\t0000000000000001\nCapEff:\t000001ffffffffff\n"), 0x1ffffffffffU);
  EXPECT_EQ(effective_capabilities("Name:\tx\n"), 0U);
}

TEST(PreflightTest, NamesWhatIsMissing) {
  EXPECT_EQ(missing_capability(0), "CAP_BPF");
  EXPECT_EQ(missing_capability(bit(39)), "CAP_PERFMON");
  EXPECT_EQ(missing_capability(bit(39) | bit(38)), "CAP_NET_ADMIN");
  EXPECT_EQ(missing_capability(bit(39) | bit(38) | bit(12)), "");
  EXPECT_EQ(missing_capability(bit(21) | bit(12)), "");  // CAP_SYS_ADMIN holds the first two
}

}  // namespace
}  // namespace vslog
