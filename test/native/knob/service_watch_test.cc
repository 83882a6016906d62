#include "knob/service_watch.h"

#include <gtest/gtest.h>

#include "fake.h"

namespace vslog {
namespace {

class Kernel final : public Balancer {
 public:
  std::vector<ServiceState> services;
  bool gone = false;
  std::vector<ServiceState> list(const engine::ServiceKey*) override {
    if (gone) throw RequestError(EOPNOTSUPP, "", "there is no IPVS.");
    return services;
  }
  void change(const ServiceOrder&, const Author&) override {}
  bool tells() const override { return false; }

  void add(const char* weight) {
    ServiceState& s = services.emplace_back();
    s.key = fake::service();
    s.settings = {{"service_scheduler", "rr"}, {"service_timeout", "0"}, {"service_flags", "none"}};
    RealState& r = s.reals.emplace_back();
    r.at = fake::endpoint(2, 8080);
    r.settings = {{"real_weight", weight}, {"real_forward", "masq"}, {"real_upper", "0"}, {"real_lower", "0"}};
  }
};

TEST(ServiceWatch, TellsWhatIsDifferentAndNotWhoDidIt) {
  Kernel kernel;
  std::vector<ControlRecord> told;
  ServiceWatch watch(kernel, 7, [&told](const ControlRecord& record) { told.push_back(record); });
  watch.remember();
  kernel.add("3");
  watch.tick();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].kind, ControlKind::service_added);
  EXPECT_EQ(told[1].kind, ControlKind::real_added);
  EXPECT_EQ(told[1].new_value, "weight=3 forward=masq upper=0 lower=0");
  EXPECT_EQ(told[1].through, Through::unknown);
  EXPECT_EQ(told[1].uid, kNoUid);
  EXPECT_EQ(told[1].netns, 7U);
  kernel.services[0].reals[0].settings["real_weight"] = "0";
  watch.tick();
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[2].kind, ControlKind::real_changed);
  EXPECT_EQ(told[2].old_value, "weight=3 forward=masq upper=0 lower=0");
  watch.tick();
  EXPECT_EQ(told.size(), 3U);
  kernel.gone = true;
  watch.tick();
  ASSERT_EQ(told.size(), 5U);
  EXPECT_EQ(told[3].kind, ControlKind::service_removed);
  EXPECT_EQ(told[4].kind, ControlKind::real_removed);
}

TEST(ServiceWatch, WhatWasToldOtherwiseIsRemembered) {
  Kernel kernel;
  int told = 0;
  ServiceWatch watch(kernel, 7, [&told](const ControlRecord&) { ++told; });
  kernel.add("1");
  watch.remember();
  kernel.services.clear();
  watch.remember();
  watch.tick();
  EXPECT_EQ(told, 0);
}

}  // namespace
}  // namespace vslog
