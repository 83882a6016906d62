#include "source/engine/service_options.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace vslog {
namespace {

template <typename Parse>
std::string refusal(Parse&& parse) {
  try {
    parse();
  } catch (const engine::ConfigError& e) {
    return e.field() + ": " + e.what();
  }
  return "taken";
}

TEST(ServiceOptions, AServiceIsAnAddressOrAMark) {
  EXPECT_EQ(engine::to_text(parse_service_key("tcp://192.0.2.1:80")), "tcp 192.0.2.1:80");
  EXPECT_EQ(engine::to_text(parse_service_key("udp://[2001:db8::1]:53")), "udp [2001:db8::1]:53");
  EXPECT_EQ(engine::to_text(parse_service_key("sctp://192.0.2.1:0")), "sctp 192.0.2.1:0");
  const engine::ServiceKey mark = parse_service_key("fwmark://7");
  EXPECT_EQ(mark.fwmark, 7U);
  EXPECT_EQ(mark.protocol, 0);
  EXPECT_EQ(parse_service_key("udp://[2001:db8::1]:53").family, 6);
}

TEST(ServiceOptions, AnIpv4AddressMayBeWrittenAsIpv6) {
  const engine::ServiceKey mapped = parse_service_key("tcp://[::ffff:192.0.2.1]:80");
  EXPECT_EQ(mapped, parse_service_key("tcp://192.0.2.1:80"));
  EXPECT_EQ(mapped.family, 4);
  EXPECT_EQ(parse_real("[::ffff:10.0.0.7]:80").at, parse_real("10.0.0.7:80").at);
}

TEST(ServiceOptions, EveryKnobThatIsWrongIsNamed) {
  EngineSourceOptions options;
  options.knobs = {{"conn_reuse_mode", "2", "f.toml:2"}, {"sloppy_tcp", "2", "f.toml:3"}, {"timeout_tcp", "0", "f.toml:4"}, {"drop_entry", "-1", ""}, {"conn_reuse_old", "1", "f.toml:7"}};
  const std::string said = refusal([&options] { check_setup(options); });
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 3) << said;
  EXPECT_NE(said.find("f.toml:3: --knob sloppy_tcp=2: sloppy_tcp=2 must be a whole number from 0 to 1.\n"), std::string::npos) << said;
  EXPECT_NE(said.find("\nf.toml:4: --knob timeout_tcp=0: "), std::string::npos) << said;
  EXPECT_NE(said.find("\n--knob drop_entry=-1: "), std::string::npos) << said;
  EXPECT_NE(said.find("\nf.toml:7: --knob conn_reuse_old=1: there is no knob"), std::string::npos) << said;
}

TEST(ServiceOptions, AnythingElseIsRefused) {
  for (const char* bad : {"", "tcp", "tcp://", "192.0.2.1:80", "http://192.0.2.1:80", "tcp://192.0.2.1", "tcp://192.0.2.1:", "tcp://192.0.2.1:65536", "tcp://192.0.2.1:80x", "tcp://192.0.2:80",
                          "tcp://2001:db8::1:80", "tcp://[192.0.2.1]:80", "tcp://[2001:db8::1]", "tcp://example.org:80", "tcp:// 192.0.2.1:80", "fwmark://0", "fwmark://-1", "fwmark://4294967296", "fwmark://x"}) {
    EXPECT_EQ(refusal([bad] { parse_service_key(bad); }).find("at: --service " + std::string(bad) + " must be"), 0U) << bad;
  }
}

TEST(ServiceOptions, ARealServerHasItsDefaults) {
  const engine::RealConfig plain = parse_real("10.0.0.7:8080");
  EXPECT_EQ(engine::to_text(plain.at), "10.0.0.7:8080");
  EXPECT_EQ(plain.weight, 1);
  EXPECT_EQ(plain.upper, 0U);
  EXPECT_EQ(plain.lower, 0U);
  const engine::RealConfig full = parse_real("[2001:db8::7]:80,lower=80,weight=0,upper=100");
  EXPECT_EQ(engine::to_text(full.at), "[2001:db8::7]:80");
  EXPECT_EQ(full.weight, 0);
  EXPECT_EQ(full.upper, 100U);
  EXPECT_EQ(full.lower, 80U);
}

TEST(ServiceOptions, SaysWhatOfARealServerIsWrong) {
  const auto said = [](const char* text) { return refusal([text] { parse_real(text); }); };
  EXPECT_EQ(said("10.0.0.7"), "at: --real 10.0.0.7: \"10.0.0.7\" must be an address with port, such as 192.0.2.7:80 or [2001:db8::7]:80.");
  EXPECT_EQ(said("10.0.0.7:80,weight=heavy"), "weight: --real 10.0.0.7:80,weight=heavy: weight \"heavy\" must be a whole number.");
  EXPECT_EQ(said("10.0.0.7:80,upper=-1"), "upper: --real 10.0.0.7:80,upper=-1: upper \"-1\" must be a whole number.");
  EXPECT_EQ(said("10.0.0.7:80,lower"), "lower: --real 10.0.0.7:80,lower: lower \"\" must be a whole number.");
  EXPECT_EQ(said("10.0.0.7:80,mode=dr"), "at: --real 10.0.0.7:80,mode=dr: \"mode=dr\" must be weight=N, upper=N or lower=N.");
  EXPECT_EQ(said("10.0.0.7:80,"), "at: --real 10.0.0.7:80,: \"\" must be weight=N, upper=N or lower=N.");
}

TEST(ServiceOptions, ANetmaskIsAMaskOrALength) {
  const std::uint8_t v4[4] = {255, 255, 255, 0};
  EXPECT_EQ(parse_netmask("255.255.255.0"), map_ipv4(v4));
  const Address sixty_four{255, 255, 255, 255, 255, 255, 255, 255};
  EXPECT_EQ(parse_netmask("64"), sixty_four);
  const Address nine{255, 128};
  EXPECT_EQ(parse_netmask("9"), nine);
  Address all{};
  all.fill(255);
  EXPECT_EQ(parse_netmask("128"), all);
  for (const char* bad : {"", "0", "129", "255.255.255", "ffff::", "-1"}) EXPECT_EQ(refusal([bad] { parse_netmask(bad); }).find("netmask: "), 0U) << bad;
}

}  // namespace
}  // namespace vslog
