#include "knob/administration.h"

#include <gtest/gtest.h>

#include <protozero/pbf_writer.hpp>

#include "fake.h"
#include "knob/engine_balancer.h"
#include "vslog_fields.h"
#include "wire/strict_message.h"

namespace vslog {
namespace {

class Nobody final : public engine::Observer {
 public:
  void conn(const ConnRecord&) override {}
  void control(const ControlRecord& record) override { controls.push_back(record); }
  void ended(std::uint32_t, EndReason) override {}
  std::vector<ControlRecord> controls;
};

class Log final : public Witness {
 public:
  void changed(const ControlRecord&) override { ++changes; }
  void acted(const Author&, std::uint64_t begin, std::uint64_t end) override {
    EXPECT_LE(begin, end);
    ++acts;
  }
  int changes = 0;
  int acts = 0;
};

std::string change(ServiceAction action, bool of_real, const std::vector<KnobAssignment>& settings) {
  std::string bytes;
  protozero::pbf_writer w(bytes);
  w.add_uint32(field::ServiceChange::action, static_cast<std::uint32_t>(action));
  {
    protozero::pbf_writer key(w, field::ServiceChange::service);
    const Address a = fake::service().at.address;
    key.add_uint32(field::ServiceKey::protocol, 6);
    key.add_uint32(field::ServiceKey::family, 4);
    key.add_bytes(field::ServiceKey::address, reinterpret_cast<const char*>(a.data()), a.size());
    key.add_uint32(field::ServiceKey::port, 80);
  }
  if (of_real) {
    protozero::pbf_writer key(w, field::ServiceChange::real);
    const Address a = fake::endpoint(2, 0).address;
    key.add_bytes(field::ServerKey::address, reinterpret_cast<const char*>(a.data()), a.size());
    key.add_uint32(field::ServerKey::port, 8080);
  }
  for (const KnobAssignment& s : settings) {
    protozero::pbf_writer one(w, field::ServiceChange::settings);
    one.add_string(field::KnobAssignment::name, s.name);
    one.add_string(field::KnobAssignment::value, s.value);
  }
  return bytes;
}

class AdministrationTest : public testing::Test {
 protected:
  Answer ask(FrameType type, const std::string& payload) {
    if (administration.changes(type)) return administration.change(type, payload, author());
    const std::unique_ptr<Pieces> pieces = administration.look(type, payload);
    while (pieces->next([this](FrameType, const std::string&) { ++parts; })) {
    }
    return {};
  }
  static Author author() {
    Author a;
    a.uid = 5;
    a.command = "vslog up";
    return a;
  }

  Nobody log;
  engine::Engine engine{{}, log};
  EngineBalancer balancer{engine, nullptr};
  EngineKnobs knobs{engine};
  KnobStore store{[](const KnobChange&, const Netns&, const Author&) {}};
  Log witness;
  Administration administration{store, balancer, witness};
  int parts = 0;
};

TEST_F(AdministrationTest, OnTheEngineServicesAndRealServersComeAndGo) {
  store.add_engine(knobs);
  ask(FrameType::service_change, change(ServiceAction::add, false, {{"service_scheduler", "rr"}}));
  ask(FrameType::service_change, change(ServiceAction::add, true, {{"real_weight", "3"}}));
  ask(FrameType::service_change, change(ServiceAction::set, true, {{"real_weight", "0"}}));
  ask(FrameType::service_list, "");
  EXPECT_EQ(parts, 1);
  ask(FrameType::service_change, change(ServiceAction::remove, true, {}));
  ask(FrameType::service_change, change(ServiceAction::remove, false, {}));
  ASSERT_EQ(log.controls.size(), 5U);
  for (const ControlRecord& c : log.controls) EXPECT_EQ(c.uid, 5U);
  EXPECT_EQ(log.controls[2].old_value, "weight=3 forward=masq upper=0 lower=0");
  EXPECT_EQ(log.controls[2].new_value, "weight=0 forward=masq upper=0 lower=0");
  EXPECT_EQ(witness.changes, 0) << "the engine tells its own";
  EXPECT_EQ(witness.acts, 5);
}

TEST_F(AdministrationTest, WhoWasLetInElsewhereStandsBeforeTheCommandLine) {
  store.add_engine(knobs);
  const auto whom = [](protozero::pbf_tag_type tag, const std::string& name) {
    std::string bytes;
    protozero::pbf_writer(bytes).add_string(tag, name);
    return bytes;
  };
  ask(FrameType::service_change, change(ServiceAction::add, false, {}) + whom(field::ServiceChange::for_whom, "alice@console"));
  ask(FrameType::knob_set, [&] {
    std::string bytes = whom(field::KnobSet::for_whom, "bob");
    protozero::pbf_writer w(bytes);
    protozero::pbf_writer one(w, field::KnobSet::assignments);
    one.add_string(field::KnobAssignment::name, "expire_nodest_conn");
    one.add_string(field::KnobAssignment::value, "1");
    return bytes;
  }());
  ASSERT_EQ(log.controls.size(), 2U);
  EXPECT_EQ(log.controls[0].command, "for alice@console: vslog up");
  EXPECT_EQ(log.controls[1].command, "for bob: vslog up");
  for (const std::string bad : {"", "a b", "x:", "\n"}) {
    EXPECT_THROW(ask(FrameType::service_change, change(ServiceAction::remove, false, {}) + whom(field::ServiceChange::for_whom, bad)), BadRequest) << bad;
  }
  EXPECT_EQ(log.controls.size(), 2U);
}

TEST_F(AdministrationTest, WhatIsNotThereOrThereAlreadyIsToldByItsCode) {
  const auto code = [this](const std::string& payload) {
    try {
      ask(FrameType::service_change, payload);
    } catch (const RequestError& e) {
      return e.code();
    }
    return 0;
  };
  EXPECT_EQ(code(change(ServiceAction::set, false, {{"service_scheduler", "rr"}})), ENOENT);
  EXPECT_EQ(code(change(ServiceAction::add, true, {})), ENOENT);
  EXPECT_EQ(code(change(ServiceAction::add, false, {})), 0);
  EXPECT_EQ(code(change(ServiceAction::add, false, {})), EEXIST);
  EXPECT_EQ(code(change(ServiceAction::set, true, {{"real_weight", "1"}})), ENOENT);
  EXPECT_EQ(code(change(ServiceAction::add, true, {{"real_forward", "direct"}})), EOPNOTSUPP);
  EXPECT_EQ(code(change(ServiceAction::add, true, {{"real_tunnel_type", "gue"}})), EOPNOTSUPP);
}

TEST_F(AdministrationTest, EveryKnobIsListedButThoseOfServices) {
  store.add_engine(knobs);
  ask(FrameType::knob_list, "");
  int wanted = 0;
  for (const Knob& knob : vslog::knobs()) wanted += knob.backing == KnobBacking::service || knob.backing == KnobBacking::real_server ? 0 : 1;
  EXPECT_EQ(parts, wanted);
}

}  // namespace
}  // namespace vslog
