#include "knob/catalogue.h"

#include <gtest/gtest.h>

#include <set>

#include "wire/requests.h"

namespace vslog {
namespace {

bool takes(const char* name, std::string_view value) {
  try {
    checked_value(need_knob(name), value);
    return true;
  } catch (const RequestError& e) {
    EXPECT_EQ(e.code(), EINVAL);
    EXPECT_EQ(e.field(), name);
    EXPECT_NE(std::string(e.what()).find(" takes "), std::string::npos);
    return false;
  }
}

TEST(Catalogue, EveryKnobIsFoundByItsNameOnly) {
  std::set<std::string_view> names;
  for (const Knob& knob : knobs()) {
    EXPECT_TRUE(names.insert(knob.name).second) << knob.name;
    EXPECT_EQ(find_knob(knob.name), &knob);
  }
  EXPECT_GE(names.size(), 60U);
  EXPECT_EQ(find_knob("expire-nodest-conn"), nullptr);
  EXPECT_THROW(need_knob("nothing"), RequestError);
}

TEST(Catalogue, AFixedDefaultIsAValueThatTheKnobTakes) {
  for (const Knob& knob : knobs()) {
    if (!knob.default_value.empty()) {
      EXPECT_NO_THROW(checked_value(knob, knob.default_value)) << knob.name;
    }
  }
}

TEST(Catalogue, ValuesAreCheckedByTypeAndRange) {
  EXPECT_TRUE(takes("expire_nodest_conn", "1"));
  for (const char* bad : {"2", "", "yes", " 1", "1 ", "-1", "01"}) EXPECT_FALSE(takes("expire_nodest_conn", bad)) << bad;
  EXPECT_TRUE(takes("timeout_tcp", "2147483"));
  for (const char* bad : {"0", "2147484", "1e3", "15m", "99999999999999999999"}) EXPECT_FALSE(takes("timeout_tcp", bad)) << bad;
  EXPECT_TRUE(takes("est_nice", "-20"));
  EXPECT_FALSE(takes("est_nice", "-21"));
  EXPECT_TRUE(takes("sync_threshold", "3 50"));
  for (const char* bad : {"3", "3 50 7", "3,50", "3 -1"}) EXPECT_FALSE(takes("sync_threshold", bad)) << bad;
  EXPECT_TRUE(takes("capture_ring_size", "65536"));
  EXPECT_FALSE(takes("capture_ring_size", "65537"));
  EXPECT_TRUE(takes("est_cpulist", "0-3,8"));
  for (const char* bad : {"", "3-0", "a", "1--2"}) EXPECT_FALSE(takes("est_cpulist", bad)) << bad;
  EXPECT_TRUE(takes("service_netmask", "255.255.240.0"));
  EXPECT_TRUE(takes("service_netmask", "64"));
  for (const char* bad : {"255.0.255.0", "0.0.0.0", "129", "0"}) EXPECT_FALSE(takes("service_netmask", bad)) << bad;
  EXPECT_TRUE(takes("service_flags", "none"));
  EXPECT_TRUE(takes("service_flags", "one-packet,flag-1"));
  for (const char* bad : {"one-packet,one-packet", ",flag-1", "flag-1,", "flag-1,,flag-2", "flag-9"}) EXPECT_FALSE(takes("service_flags", bad)) << bad;
}

TEST(Catalogue, FlagsAndWordsGoBothWays) {
  const Knob& flags = need_knob("service_flags");
  EXPECT_EQ(flag_bits(flags, "one-packet,flag-2"), 0x14U);
  EXPECT_EQ(flag_words(flags, 0x14), "one-packet,flag-2");
  EXPECT_EQ(flag_words(flags, 0x3), "none");
  const Knob& forward = need_knob("real_forward");
  for (const KnobWord& w : forward.words) EXPECT_EQ(number_word(forward, word_number(forward, w.word)), w.word);
  EXPECT_EQ(number_word(forward, 99), "");
}

TEST(Catalogue, OnlyTheDefencesFlip) {
  EXPECT_TRUE(flips_by_itself(need_knob("drop_entry"), "1", "2"));
  EXPECT_TRUE(flips_by_itself(need_knob("secure_tcp"), "2", "1"));
  EXPECT_FALSE(flips_by_itself(need_knob("drop_packet"), "1", "3"));
  EXPECT_FALSE(flips_by_itself(need_knob("conn_reuse_mode"), "1", "2"));
}

}  // namespace
}  // namespace vslog
