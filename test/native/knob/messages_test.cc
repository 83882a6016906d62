#include "knob/messages.h"

#include <gtest/gtest.h>

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "fake.h"
#include "vslog_fields.h"
#include "wire/strict_message.h"

namespace vslog {
namespace {

using protozero::pbf_writer;

void put_key(pbf_writer& w) {
  pbf_writer key(w, field::ServiceChange::service);
  key.add_uint32(field::ServiceKey::protocol, 6);
  key.add_uint32(field::ServiceKey::family, 4);
  const Address address = fake::endpoint(1, 0).address;
  key.add_bytes(field::ServiceKey::address, reinterpret_cast<const char*>(address.data()), address.size());
  key.add_uint32(field::ServiceKey::port, 80);
}

void put_setting(pbf_writer& w, const std::string& name, const std::string& value) {
  pbf_writer one(w, field::ServiceChange::settings);
  one.add_string(field::KnobAssignment::name, name);
  one.add_string(field::KnobAssignment::value, value);
}

std::string change(std::uint32_t action, const std::vector<KnobAssignment>& settings, bool of_real = false) {
  std::string bytes;
  pbf_writer w(bytes);
  w.add_uint32(field::ServiceChange::action, action);
  put_key(w);
  if (of_real) {
    pbf_writer key(w, field::ServiceChange::real);
    const Address address = fake::endpoint(2, 0).address;
    key.add_bytes(field::ServerKey::address, reinterpret_cast<const char*>(address.data()), address.size());
    key.add_uint32(field::ServerKey::port, 8080);
  }
  for (const KnobAssignment& s : settings) put_setting(w, s.name, s.value);
  return bytes;
}

std::string refusal(const std::string& bytes) {
  try {
    decode_service_change(bytes);
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

TEST(KnobMessages, AServiceChangeIsRead) {
  const ServiceChangeRequest r = decode_service_change(change(1, {{"real_weight", "3"}, {"real_forward", "masq"}}, true));
  EXPECT_EQ(r.order.verb, ServiceVerb::add);
  EXPECT_EQ(r.order.service, fake::service());
  EXPECT_EQ(r.order.real, fake::endpoint(2, 8080));
  EXPECT_EQ(r.order.settings.find("real_weight")->second, "3");
}

TEST(KnobMessages, WhatCannotBeIsRefusedBeforeAnythingChanges) {
  EXPECT_EQ(refusal(change(0, {})), "action must be add, set or remove.");
  EXPECT_EQ(refusal(change(2, {})), "there is nothing to set.");
  EXPECT_EQ(refusal(change(3, {{"service_scheduler", "rr"}})), "what is removed has no settings.");
  EXPECT_EQ(refusal(change(2, {{"real_weight", "3"}})), "real_weight is no setting of a virtual service.");
  EXPECT_EQ(refusal(change(2, {{"real_weight", "3"}, {"real_weight", "4"}}, true)), "real_weight is there twice.");
  EXPECT_NE(refusal(change(2, {{"real_weight", "-1"}}, true)), "");
  EXPECT_EQ(refusal(change(2, {{"real_upper", "10"}, {"real_lower", "11"}}, true)), "real_lower 11 must not be above real_upper, which is 10.");
  EXPECT_EQ(refusal(change(2, {{"real_upper", "0"}, {"real_lower", "11"}}, true)), "") << "no upper one: no limit";
  EXPECT_NE(refusal(""), "");
}

TEST(KnobMessages, AFieldThatIsNotKnownIsRefused) {
  std::string bytes = change(1, {});
  pbf_writer(bytes).add_uint32(99, 1);
  EXPECT_NE(refusal(bytes).find("field 99"), std::string::npos);
}

TEST(KnobMessages, AKeyMustBeWhole) {
  std::string bytes;
  pbf_writer w(bytes);
  w.add_uint32(field::ServiceChange::action, 1);
  {
    pbf_writer key(w, field::ServiceChange::service);
    key.add_uint32(field::ServiceKey::family, 6);
    key.add_uint32(field::ServiceKey::protocol, 6);
    const Address address = fake::endpoint(1, 0).address;
    key.add_bytes(field::ServiceKey::address, reinterpret_cast<const char*>(address.data()), address.size());
  }
  EXPECT_EQ(refusal(bytes), "service.address is not of the service's family.");
}

TEST(KnobMessages, AServiceIsWrittenWhole) {
  ServiceState state;
  state.key = fake::service();
  state.settings = {{"service_scheduler", "rr"}};
  RealState& real = state.reals.emplace_back();
  real.at = fake::endpoint(2, 8080);
  real.active = 5;
  real.traffic = Traffic{.connections = 7};
  const std::string bytes = encode_service_entry(state);
  protozero::pbf_reader r(bytes);
  int reals = 0;
  while (r.next()) {
    if (r.tag() == field::ServiceEntry::reals) {
      protozero::pbf_reader one = r.get_message();
      while (one.next()) {
        if (one.tag() == field::RealEntry::active) {
          EXPECT_EQ(one.get_uint64(), 5U);
        } else {
          one.skip();
        }
      }
      ++reals;
    } else {
      r.skip();
    }
  }
  EXPECT_EQ(reals, 1);
}

}  // namespace
}  // namespace vslog
