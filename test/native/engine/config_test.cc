#include "engine/config.h"

#include "fixture.h"

namespace vslog::engine {
namespace {

ServiceConfig service() {
  ServiceConfig c;
  c.key = {kTcp, 4, {ip(192, 0, 2, 1), 80}, 0};
  return c;
}

template <typename Config>
std::pair<std::string, std::string> refusal(const Config& config) {
  try {
    check(config);
  } catch (const ConfigError& e) {
    return {e.field(), e.what()};
  }
  return {};
}

using Refusal = std::pair<std::string, std::string>;

Address six() {
  Address a{};
  a[0] = 0x20;
  a[1] = 0x01;
  a[2] = 0x0d;
  a[3] = 0xb8;
  a[15] = 1;
  return a;
}

TEST(Config, IsWrittenAsPeopleWriteIt) {
  EXPECT_EQ(to_text(service().key), "tcp 192.0.2.1:80");
  EXPECT_EQ(to_text(Endpoint{six(), 80}), "[2001:db8::1]:80");
  EXPECT_EQ(to_text(ServiceKey{kUdp, 6, {six(), 53}, 0}), "udp [2001:db8::1]:53");
  EXPECT_EQ(to_text(ServiceKey{kSctp, 4, {ip(192, 0, 2, 1), 0}, 0}), "sctp 192.0.2.1:0");
  EXPECT_EQ(to_text(ServiceKey{0, 4, {}, 7}), "fwmark 7");
}

TEST(Config, IsDescribedAsTheKernelSourceDoes) {
  ServiceConfig c = service();
  c.scheduler = "rr";
  EXPECT_EQ(describe(c), "scheduler=rr flags=0x2");
  c.persistent_s = 60;
  EXPECT_EQ(describe(c), "scheduler=rr persistent=60s flags=0x3");
  c.persistent_s = 0;
  c.scheduler = "sh";
  c.flags = kOnePacket | kSched1 | kSched2;
  EXPECT_EQ(describe(c), "scheduler=sh flags=0x1e");
  RealConfig r;
  EXPECT_EQ(describe(r), "weight=1 forward=masq upper=0 lower=0");
  r.weight = 0;
  r.forward = ForwardMethod::direct;
  r.upper = 10;
  r.lower = 5;
  EXPECT_EQ(describe(r), "weight=0 forward=direct upper=10 lower=5");
}

TEST(Config, TakesWhatAServiceCanBe) {
  EXPECT_EQ(refusal(service()), Refusal());
  ServiceConfig c = service();
  c.key = {0, 6, {}, 7};
  EXPECT_EQ(refusal(c), Refusal());
  c = service();
  c.key.at.port = 0;
  c.persistent_s = 31 * 86'400;
  EXPECT_EQ(refusal(c), Refusal());
  RealConfig r;
  r.weight = INT32_MAX;
  r.lower = r.upper = 7;
  EXPECT_EQ(refusal(r), Refusal());
}

TEST(Config, SaysWhatAServiceCannotBe) {
  ServiceConfig c = service();
  c.scheduler = "best";
  EXPECT_EQ(refusal(c).first, "scheduler");
  EXPECT_EQ(refusal(c).second,
            "virtual service tcp 192.0.2.1:80: scheduler \"best\" is not one of rr, wrr, lc, wlc, sed, nq, fo, ovf, sh, dh, mh, lblc, lblcr, twos.");
  c = service();
  c.key.protocol = 1;
  EXPECT_EQ(refusal(c).first, "protocol");
  c = service();
  c.key.at.port = 0;
  EXPECT_EQ(refusal(c), Refusal("at", "virtual service tcp 192.0.2.1:0: port 0, which takes every port, needs persistence."));
  c = service();
  c.key.family = 6;
  EXPECT_EQ(refusal(c).first, "at");
  c = service();
  c.key.family = 5;
  EXPECT_EQ(refusal(c).first, "family");
  c = service();
  c.key.fwmark = 7;
  EXPECT_EQ(refusal(c).first, "at");
  c = service();
  c.persistent_s = 31 * 86'400 + 1;
  EXPECT_EQ(refusal(c), Refusal("persistent", "virtual service tcp 192.0.2.1:80: persistence of 2678401 s must be at most 2678400 s."));
  c = service();
  c.flags = 0x40;
  EXPECT_EQ(refusal(c).first, "flags");
}

TEST(Config, SaysWhatARealServerCannotBe) {
  RealConfig r;
  r.at = {ip(10, 2, 0, 11), 80};
  r.weight = -1;
  EXPECT_EQ(refusal(r), Refusal("weight", "real server 10.2.0.11:80: weight -1 must be 0 or more; 0 quiesces it."));
  r.weight = 1;
  r.upper = 1;
  r.lower = 2;
  EXPECT_EQ(refusal(r), Refusal("lower", "real server 10.2.0.11:80: the lower threshold 2 must not be above the upper one, 1."));
  r = {};
  r.forward = ForwardMethod::bypass;
  EXPECT_EQ(refusal(r).first, "forward");
}

}  // namespace
}  // namespace vslog::engine
