#include "knob/balancer.h"

#include <gtest/gtest.h>

namespace vslog {
namespace {

// The words of a change are the same whoever found it: the kernel source and the engine write them, too.
TEST(Describe, AServiceIsDescribedAsTheEngineDoes) {
  engine::ServiceConfig config;
  config.scheduler = "wrr";
  config.persistent_s = 300;
  config.flags = engine::kSched1;
  EXPECT_EQ(describe_service({{"service_scheduler", "wrr"}, {"service_timeout", "300"}, {"service_flags", "flag-1"}}), engine::describe(config));
  EXPECT_EQ(describe_service({{"service_scheduler", "wrr"}, {"service_timeout", "300"}, {"service_flags", "flag-1"}}), "scheduler=wrr persistent=300s flags=0xb");
  EXPECT_EQ(describe_service({{"service_scheduler", "rr"}, {"service_timeout", "0"}, {"service_flags", "none"}}), "scheduler=rr flags=0x2");
}

TEST(Describe, ARealServerIsDescribedAsTheEngineDoes) {
  engine::RealConfig config;
  config.weight = 5;
  config.forward = ForwardMethod::tunnel;
  config.upper = 100;
  config.lower = 80;
  EXPECT_EQ(describe_real({{"real_weight", "5"}, {"real_forward", "tunnel"}, {"real_upper", "100"}, {"real_lower", "80"}}), engine::describe(config));
  EXPECT_EQ(describe_real({{"real_forward", "masq"}}), "weight=0 forward=masq upper=0 lower=0");
}

}  // namespace
}  // namespace vslog
