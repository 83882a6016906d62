#include "knob/kernel_expiry.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "fake.h"

namespace vslog {
namespace {

/// A kernel in small: removing a real server while expire_nodest_conn is 1 ends its connections.
class Kernel final : public Balancer {
 public:
  explicit Kernel(fake::Knobs& knobs) : knobs_(knobs) {}
  std::vector<ServiceState> services;
  std::vector<ConnRecord> conns;
  std::vector<std::string> done;
  bool refuses_to_remove = false;

  std::vector<ServiceState> list(const engine::ServiceKey*) override { return services; }
  bool tells() const override { return true; }
  void change(const ServiceOrder& order, const Author&) override {
    const bool remove = order.verb == ServiceVerb::remove;
    if (remove && refuses_to_remove) throw RequestError(EIO, "real", "no.");
    done.push_back((remove ? "remove " : "add ") + engine::to_text(*order.real) + (remove ? "" : " " + order.settings.find("real_weight")->second));
    std::vector<RealState>& reals = services.front().reals;
    if (remove) {
      std::erase_if(reals, [&order](const RealState& r) { return r.at == *order.real; });
      if (knobs_.values["expire_nodest_conn"] == "1") std::erase_if(conns, [&order](const ConnRecord& c) { return c.real_addr == order.real->address && c.real_port == order.real->port; });
    } else {
      RealState& r = reals.emplace_back();
      r.at = *order.real;
      r.settings = order.settings;
    }
  }

 private:
  fake::Knobs& knobs_;
};

class ExpiryTest : public testing::Test {
 protected:
  ExpiryTest() {
    knobs.values = {{"expire_nodest_conn", "0"}};
    store.add(KnobBacking::sysctl_ipvs, knobs);
    ServiceState& s = kernel.services.emplace_back();
    s.key = fake::service();
    for (const std::uint8_t last : {2, 3}) {
      RealState& r = s.reals.emplace_back();
      r.at = fake::endpoint(last, 8080);
      r.settings = {{"real_weight", std::to_string(last)}, {"real_forward", "masq"}, {"real_upper", "0"}, {"real_lower", "0"}};
    }
    for (std::uint16_t i = 0; i < 6; ++i) {
      ConnRecord& c = kernel.conns.emplace_back();
      c.conn_id = i + 1U;
      c.family = 4;
      c.protocol = engine::kTcp;
      c.client_addr = fake::endpoint(100, 0).address;
      c.client_port = static_cast<std::uint16_t>(1000 + i);
      c.virtual_addr = kernel.services[0].key.at.address;
      c.virtual_port = 80;
      c.real_addr = fake::endpoint(i % 2 == 0 ? 2 : 3, 0).address;
      c.real_port = 8080;
    }
  }

  ConnExpired run(const engine::ConnFilter& filter, bool force = false, bool dry = false) {
    KernelExpiry expiry(store, kernel, [this](const engine::ConnFilter& f, const std::function<void(const ConnRecord&)>& each) {
      for (const ConnRecord& c : std::vector<ConnRecord>(kernel.conns)) {
        const bool client = !f.client || engine::contains(*f.client, c.client_addr, c.client_port);
        const bool real = !f.real || engine::contains(*f.real, c.real_addr, c.real_port);
        const bool service = !f.virtual_service || engine::contains(*f.virtual_service, c.virtual_addr, c.virtual_port);
        if (client && real && service) each(c);
      }
    });
    return expiry.run(filter, force, dry, {});
  }

  static engine::ConnFilter on(std::uint8_t last) {
    engine::ConnFilter filter;
    filter.real = engine::Place{fake::endpoint(last, 0).address, 128, 8080};
    return filter;
  }
  static engine::ConnFilter one() {
    engine::ConnFilter filter;
    filter.client = engine::Place{fake::endpoint(100, 0).address, 128, 1000};
    return filter;
  }

  fake::Knobs knobs;
  KnobStore store{[](const KnobChange&, const Netns&, const Author&) {}};
  Kernel kernel{knobs};
};

TEST_F(ExpiryTest, ARealServerIsRemovedAndPutBackAsItWas) {
  const ConnExpired r = run(on(2));
  EXPECT_EQ(r.matched, 3U);
  EXPECT_EQ(r.ended, 3U);
  EXPECT_EQ(r.others, 0U);
  EXPECT_EQ(kernel.done, (std::vector<std::string>{"remove 192.0.2.2:8080", "add 192.0.2.2:8080 2"}));
  EXPECT_EQ(knobs.writes, (std::vector<std::string>{"expire_nodest_conn=1", "expire_nodest_conn=0"}));
  EXPECT_EQ(kernel.conns.size(), 3U);
}

TEST_F(ExpiryTest, TheKnobStaysWhereItIsOnAlready) {
  knobs.values["expire_nodest_conn"] = "1";
  EXPECT_EQ(run(on(3)).ended, 3U);
  EXPECT_TRUE(knobs.writes.empty());
}

TEST_F(ExpiryTest, OthersOfTheSameServerAreNotEndedUnasked) {
  EXPECT_THROW(run(one()), RequestError);
  EXPECT_TRUE(kernel.done.empty());
  EXPECT_TRUE(knobs.writes.empty());
  const ConnExpired r = run(one(), true);
  EXPECT_EQ(r.matched, 1U);
  EXPECT_EQ(r.ended, 1U);
  EXPECT_EQ(r.others, 2U);
}

TEST_F(ExpiryTest, ADryRunSaysWhatItWouldDo) {
  const ConnExpired r = run(one(), false, true);
  EXPECT_EQ(r.matched, 1U);
  EXPECT_EQ(r.others, 2U);
  EXPECT_EQ(r.steps.size(), 3U);
  EXPECT_TRUE(kernel.done.empty());
}

TEST_F(ExpiryTest, WithNothingToEndNothingIsTouched) {
  EXPECT_EQ(run(on(9)).matched, 0U);
  EXPECT_TRUE(kernel.done.empty());
  EXPECT_TRUE(knobs.writes.empty());
}

TEST_F(ExpiryTest, WhatHasNoRealServerAnyMoreIsSaidToStay) {
  kernel.services[0].reals.erase(kernel.services[0].reals.begin());
  const ConnExpired r = run(on(2));
  EXPECT_EQ(r.matched, 3U);
  EXPECT_EQ(r.ended, 0U);
  ASSERT_EQ(r.steps.size(), 1U);
}

TEST_F(ExpiryTest, TheKnobIsPutBackWhenTheRemovalFails) {
  kernel.refuses_to_remove = true;
  EXPECT_THROW(run(on(2)), RequestError);
  EXPECT_EQ(knobs.values["expire_nodest_conn"], "0");
}

}  // namespace
}  // namespace vslog
