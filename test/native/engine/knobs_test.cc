#include "engine/knobs.h"

#include <algorithm>

#include "fixture.h"

namespace vslog::engine {
namespace {

std::string refusal(std::string_view name, std::string_view value) {
  Knobs knobs;
  try {
    set_knob(knobs, name, value);
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "";
}

TEST(Knobs, BeginAsTheKernelDoes) {
  const Knobs knobs;
  const std::vector<std::pair<std::string_view, std::string>> defaults{
      {"amemthresh", "1024"},       {"am_droprate", "10"},       {"drop_entry", "0"},      {"drop_packet", "0"},     {"secure_tcp", "0"},
      {"cache_bypass", "0"},        {"expire_nodest_conn", "0"}, {"sloppy_tcp", "0"},      {"sloppy_sctp", "0"},     {"expire_quiescent_template", "0"},
      {"conn_reuse_mode", "1"},     {"lblc_expiration", "86400"}, {"lblcr_expiration", "86400"}, {"timeout_tcp", "900"}, {"timeout_tcpfin", "120"},
      {"timeout_udp", "300"}};
  for (const auto& [name, value] : defaults) {
    EXPECT_EQ(get_knob(knobs, name), value) << name;
    EXPECT_NE(std::find(knob_names().begin(), knob_names().end(), name), knob_names().end()) << name;
  }
}

TEST(Knobs, AreReadAsTheyWereSet) {
  Knobs knobs;
  for (const std::string_view name : knob_names()) {
    for (const char* value : {"0", "1", "2", "3", "60"}) {
      if (!refusal(name, value).empty()) continue;
      set_knob(knobs, name, value);
      EXPECT_EQ(get_knob(knobs, name), value) << name;
    }
  }
  set_knob(knobs, "timeout_tcpfin", "77");
  EXPECT_EQ(knobs.timeouts.tcp[static_cast<std::size_t>(TcpState::fin_wait)], 77 * kSecond);
  set_knob(knobs, "timeout_udp", "78");
  EXPECT_EQ(knobs.timeouts.udp, 78 * kSecond);
}

TEST(Knobs, MayBeBelowTheirRangeWhereTheEngineItselfSetsThem) {
  Knobs knobs;
  EXPECT_FALSE(is_knob_below_range(knobs, "timeout_udp"));
  EXPECT_FALSE(is_knob_below_range(knobs, "drop_entry"));
  knobs.timeouts.udp = kSecond / 20;
  EXPECT_TRUE(is_knob_below_range(knobs, "timeout_udp"));
  EXPECT_EQ(get_knob(knobs, "timeout_udp"), "0");
}

TEST(Knobs, SayWhatIsWrongAndChangeNothing) {
  EXPECT_EQ(refusal("drop_entry", "4"), "drop_entry=4 must be a whole number from 0 to 3.");
  EXPECT_EQ(refusal("sloppy_tcp", "2"), "sloppy_tcp=2 must be a whole number from 0 to 1.");
  EXPECT_EQ(refusal("timeout_udp", "0"), "timeout_udp=0 must be a whole number from 1 to 2678400, seconds.");
  for (const char* value : {"", " 1", "1 ", "-1", "+1", "1.5", "0x1", "yes", "99999999999999999999"}) EXPECT_NE(refusal("secure_tcp", value), "") << value;
  EXPECT_NE(refusal("drop_entries", "1").find("there is no knob \"drop_entries\""), std::string::npos);
  Knobs knobs;
  EXPECT_THROW(set_knob(knobs, "drop_packet", "9"), ConfigError);
  EXPECT_EQ(knobs.drop_packet, 0U);
  EXPECT_THROW(get_knob(knobs, "nothing"), ConfigError);
  try {
    set_knob(knobs, "am_droprate", "many");
    FAIL();
  } catch (const ConfigError& e) {
    EXPECT_EQ(e.field(), "am_droprate");
  }
}

}  // namespace
}  // namespace vslog::engine
