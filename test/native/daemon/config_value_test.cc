#include "daemon/config_value.h"

#include <gtest/gtest.h>

namespace vslog {
namespace {

TEST(ConfigValue, SizesAreBytes) {
  EXPECT_EQ(config_value(ConfigType::bytes, "64"), "64");
  EXPECT_EQ(config_value(ConfigType::bytes, "64M"), "67108864");
  EXPECT_EQ(config_value(ConfigType::bytes, "64 MiB"), "67108864");
  EXPECT_EQ(config_value(ConfigType::bytes, "64mb"), "67108864");
  EXPECT_EQ(config_value(ConfigType::bytes, "1.5k"), "1536");
  for (const char* const bad : {"", "M", "-1", "1.", ".5M", "1.5.2M", "64X", "64 M M", "99999999T", "1e3"}) EXPECT_EQ(config_value(ConfigType::bytes, bad), std::nullopt) << bad;
}

TEST(ConfigValue, TimesAreMilliseconds) {
  EXPECT_EQ(config_value(ConfigType::duration, "0"), "0");
  EXPECT_EQ(config_value(ConfigType::duration, "500ms"), "500");
  EXPECT_EQ(config_value(ConfigType::duration, "1.5 s"), "1500");
  EXPECT_EQ(config_value(ConfigType::duration, "1d"), "86400000");
  for (const char* const bad : {"7", "s", "1 S", "-1s", "1y"}) EXPECT_EQ(config_value(ConfigType::duration, bad), std::nullopt) << bad;
}

TEST(ConfigValue, NumbersTruthsAndTextAreAsWritten) {
  EXPECT_EQ(config_value(ConfigType::number, " 12 "), "12");
  EXPECT_EQ(config_value(ConfigType::number, "1.5"), std::nullopt);
  EXPECT_EQ(config_value(ConfigType::number, ""), std::nullopt);
  EXPECT_EQ(config_value(ConfigType::boolean, "yes"), "true");
  EXPECT_EQ(config_value(ConfigType::boolean, "0"), "false");
  EXPECT_EQ(config_value(ConfigType::boolean, "on"), std::nullopt);
  EXPECT_EQ(config_value(ConfigType::text, " as it is "), " as it is ");
}

}  // namespace
}  // namespace vslog
