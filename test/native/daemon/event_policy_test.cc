#include "daemon/event_policy.h"

#include <gtest/gtest.h>

#include "key_file.h"
#include "temp_dir.h"

namespace vslog {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

ConnRecord record(EventKind kind, std::uint64_t time_ns) {
  ConnRecord r;
  r.kind = kind;
  r.time_ns = time_ns;
  return r;
}

Address v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  const std::uint8_t bytes[4] = {a, b, c, d};
  return map_ipv4(bytes);
}

TEST(EventPolicy, IsPlainUnlessTold) {
  EXPECT_TRUE(EventPolicy({}).is_plain());
  EventPolicyOptions options;
  options.kinds = parse_event_kinds("state,create,expire,nodest_drop,sched_fail");
  EXPECT_TRUE(EventPolicy(options).is_plain()) << "all of them";
}

TEST(EventPolicy, LeavesOutWhatIsNotWanted) {
  EventPolicyOptions options;
  options.kinds = parse_event_kinds("create,nodest_drop");
  EventPolicy policy(options);
  EXPECT_TRUE(policy.admits(record(EventKind::create, 1)));
  EXPECT_TRUE(policy.admits(record(EventKind::snapshot, 1)));
  EXPECT_TRUE(policy.admits(record(EventKind::nodest_drop, 1)));
  EXPECT_FALSE(policy.admits(record(EventKind::expire, 1)));
  policy.set_kinds(parse_event_kinds("expire"));
  EXPECT_FALSE(policy.admits(record(EventKind::snapshot, 1)));
  EXPECT_TRUE(policy.admits(record(EventKind::expire, 1)));
  policy.set_kinds(parse_event_kinds("none"));
  EXPECT_FALSE(policy.admits(record(EventKind::expire, 1)));
  for (const char* bad : {"", "create,", "born", "create, expire"}) EXPECT_THROW(parse_event_kinds(bad), std::invalid_argument) << bad;
}

TEST(EventPolicy, CountsAFloodAndSaysSoOnce) {
  EventPolicyOptions options;
  options.flood_rate = 2;
  EventPolicy policy(options);
  int logged = 0;
  for (int i = 0; i < 5; ++i) logged += policy.admits(record(EventKind::create, kSecond + static_cast<std::uint64_t>(i))) ? 1 : 0;
  EXPECT_EQ(logged, 2);
  EXPECT_TRUE(policy.admits(record(EventKind::expire, kSecond + 6))) << "ends are always logged";
  EXPECT_FALSE(policy.admits(record(EventKind::sched_fail, kSecond + 7)));
  EXPECT_TRUE(policy.admits(record(EventKind::create, 2 * kSecond))) << "the next second";
  const auto summary = policy.summary();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->kind, ControlKind::loss);
  EXPECT_EQ(summary->where, LossPlace::summarised);
  EXPECT_EQ(summary->lost, 4U);
  EXPECT_EQ(summary->first_ns, kSecond + 2);
  EXPECT_EQ(summary->last_ns, kSecond + 7);
  EXPECT_FALSE(policy.summary());
}

TEST(EventPolicy, KeepsAPrefix) {
  EventPolicyOptions options;
  options.client = ClientAddress::prefix;
  options.prefix4 = 20;
  options.prefix6 = 44;
  EXPECT_EQ(hidden_address(v4(10, 1, 0xff, 7), options, {}), v4(10, 1, 0xf0, 0));
  Address v6{};
  v6.fill(0xff);
  Address shown = hidden_address(v6, options, {});
  EXPECT_EQ(shown[4], 0xff);
  EXPECT_EQ(shown[5], 0xf0);
  EXPECT_EQ(shown[6], 0);
  EXPECT_EQ(hidden_address(Address{}, options, {}), Address{}) << "no client stays none";
  options.prefix4 = 32;
  EXPECT_EQ(hidden_address(v4(10, 1, 2, 3), options, {}), v4(10, 1, 2, 3));
  options.prefix4 = 0;
  EXPECT_EQ(hidden_address(v4(10, 1, 2, 3), options, {}), v4(0, 0, 0, 0));
}


TEST(EventPolicy, AHashIsTheSameForTheSameAddressAndKey) {
  EventPolicyOptions options;
  options.client = ClientAddress::hash;
  const Address one = hidden_address(v4(10, 0, 0, 1), options, HashKey{1});
  EXPECT_EQ(one, hidden_address(v4(10, 0, 0, 1), options, HashKey{1}));
  EXPECT_NE(one, hidden_address(v4(10, 0, 0, 2), options, HashKey{1}));
  EXPECT_EQ(one[0], 0xfd);
  EXPECT_NE(one, hidden_address(v4(10, 0, 0, 1), options, HashKey{2}));
  EXPECT_EQ(hidden_address(Address{}, options, HashKey{1}), Address{}) << "no address stays none";
}

/// A policy with a key, in a file of its own.
class HiddenAddresses : public ::testing::Test {
 protected:
  HiddenAddresses() {
    write_key(dir_.file("key"), "000102030405060708090a0b0c0d0e0f");
    options_.client = ClientAddress::hash;
    options_.key_path = dir_.file("key");
    options_.key = read_client_key(options_.key_path);
  }

  static ConnRecord of(std::uint64_t conn_id) {
    ConnRecord r = record(EventKind::create, 1);
    r.conn_id = conn_id;
    r.client_addr = v4(203, 0, 113, 7);
    r.client_port = 4000;
    r.virtual_addr = v4(198, 51, 100, 1);
    r.real_addr = v4(10, 0, 0, 9);
    return r;
  }
  static ConnRecord shown(EventPolicy& policy, std::uint64_t conn_id) {
    ConnRecord r = of(conn_id);
    policy.hide(r);
    return r;
  }
  static engine::ConnFilter of_client(const Address& address, std::uint8_t prefix = 128) {
    engine::ConnFilter filter;
    filter.client = engine::Place{address, prefix, {}};
    return filter;
  }
  static bool finds(EventPolicy& policy, const engine::ConnFilter& filter) {
    const engine::ConnFilter asked = policy.on_shown(filter);
    const ConnRecord r = of(1);
    return (!asked.client || contains(*asked.client, r.client_addr, r.client_port)) && (!asked.also || asked.also(r));
  }

  TempDir dir_;
  EventPolicyOptions options_;
};

TEST_F(HiddenAddresses, AFilterFindsWhatIsShownAndNothingByTheAddressItself) {
  EventPolicy policy(options_);
  const Address hash = shown(policy, 1).client_addr;
  EXPECT_EQ(hash[0], 0xfd);
  EXPECT_TRUE(finds(policy, of_client(hash)));
  EXPECT_FALSE(finds(policy, of_client(of(1).client_addr)));
  EXPECT_FALSE(finds(policy, of_client(v4(203, 0, 113, 0), 96 + 24)));
  engine::ConnFilter with_port = of_client({}, 0);
  with_port.client->port = 4000;
  EXPECT_TRUE(finds(policy, with_port)) << "a port is shown";
  with_port.client->port = 4001;
  EXPECT_FALSE(finds(policy, with_port));
}

TEST_F(HiddenAddresses, AFilterFindsAPrefixAndNothingFiner) {
  options_.client = ClientAddress::prefix;
  EventPolicy policy(options_);
  EXPECT_TRUE(finds(policy, of_client(v4(203, 0, 113, 0))));
  EXPECT_TRUE(finds(policy, of_client(v4(203, 0, 113, 0), 96 + 24)));
  EXPECT_FALSE(finds(policy, of_client(of(1).client_addr)));
  EXPECT_FALSE(finds(policy, of_client(v4(203, 0, 113, 4), 96 + 30)));
}

TEST_F(HiddenAddresses, AFilterThatHidesNothingStaysAsItIs) {
  EXPECT_TRUE(EventPolicy({}).on_shown(of_client(of(1).client_addr)).client);
  EventPolicy policy(options_);
  engine::ConnFilter real;
  real.real = engine::Place{of(1).real_addr, 128, {}};
  EXPECT_TRUE(policy.on_shown(real).real);
  EXPECT_FALSE(policy.on_shown(real).also);
}

TEST_F(HiddenAddresses, EverySideThatIsNotOursIsHidden) {
  options_.sides = {HiddenSide::all, HiddenSide::foreign, HiddenSide::foreign};
  options_.own = OwnAddresses({v4(198, 51, 100, 1)}, {{v4(10, 1, 0, 0), 96 + 16}});
  EventPolicy policy(options_);
  const ConnRecord r = shown(policy, 1);
  EXPECT_EQ(r.client_addr[0], 0xfd);
  EXPECT_EQ(r.virtual_addr, of(1).virtual_addr) << "ours";
  EXPECT_EQ(r.real_addr[0], 0xfd) << "in none of our blocks";
  engine::ConnFilter real;
  real.real = engine::Place{of(1).real_addr, 128, {}};
  EXPECT_FALSE(finds(policy, real));
  real.real->address = r.real_addr;
  EXPECT_TRUE(finds(policy, real));
}

TEST_F(HiddenAddresses, SidesAreNamed) {
  const HiddenSides sides = parse_hidden_sides("virtual,real");
  EXPECT_EQ(sides.client, HiddenSide::none);
  EXPECT_EQ(sides.virtual_side, HiddenSide::all);
  EXPECT_EQ(sides.real, HiddenSide::all);
  for (const char* bad : {"", "client,", "clients", "client,auto"}) EXPECT_THROW(parse_hidden_sides(bad), std::invalid_argument) << bad;
}

TEST_F(HiddenAddresses, AConnectionKeepsItsHashWhenTheKeyIsRotated) {
  EventPolicy policy(options_);
  const std::string old_id = policy.key_id();
  const Address before = shown(policy, 5).client_addr;
  EXPECT_THROW(policy.rotate_key("00000000"), std::invalid_argument) << "the file has another key";
  write_key(options_.key_path, "ff0102030405060708090a0b0c0d0e0f");
  const std::string new_id = read_client_key(options_.key_path).id;
  EXPECT_NE(new_id, old_id);
  policy.rotate_key(new_id);
  EXPECT_EQ(policy.key_id(), new_id);
  EXPECT_EQ(shown(policy, 5).client_addr, before);
  EXPECT_EQ(shown(policy, 4).client_addr, before);
  EXPECT_NE(shown(policy, 6).client_addr, before);
  EXPECT_EQ(shown(policy, 0).client_addr, shown(policy, 6).client_addr) << "of no connection";
  policy.rotate_key(new_id);
  EXPECT_NE(shown(policy, 6).client_addr, before) << "the same again changes nothing";
}

TEST_F(HiddenAddresses, WithoutAHashThereIsNoKey) {
  options_.client = ClientAddress::prefix;
  EventPolicy policy(options_);
  EXPECT_EQ(policy.key_id(), "");
  EXPECT_THROW(policy.rotate_key(options_.key.id), std::invalid_argument);
}

}  // namespace
}  // namespace vslog
