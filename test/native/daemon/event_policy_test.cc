#include "daemon/event_policy.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

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
  EXPECT_EQ(shown_client(v4(10, 1, 0xff, 7), options), v4(10, 1, 0xf0, 0));
  Address v6{};
  v6.fill(0xff);
  Address shown = shown_client(v6, options);
  EXPECT_EQ(shown[4], 0xff);
  EXPECT_EQ(shown[5], 0xf0);
  EXPECT_EQ(shown[6], 0);
  EXPECT_EQ(shown_client(Address{}, options), Address{}) << "no client stays none";
  options.prefix4 = 32;
  EXPECT_EQ(shown_client(v4(10, 1, 2, 3), options), v4(10, 1, 2, 3));
  options.prefix4 = 0;
  EXPECT_EQ(shown_client(v4(10, 1, 2, 3), options), v4(0, 0, 0, 0));
}

TEST(EventPolicy, AHashIsTheSameForTheSameClientAndKey) {
  EventPolicyOptions options;
  options.client = ClientAddress::hash;
  options.key = {1};
  const Address one = shown_client(v4(10, 0, 0, 1), options);
  EXPECT_EQ(one, shown_client(v4(10, 0, 0, 1), options));
  EXPECT_NE(one, shown_client(v4(10, 0, 0, 2), options));
  EXPECT_EQ(one[0], 0xfd);
  options.key = {2};
  EXPECT_NE(one, shown_client(v4(10, 0, 0, 1), options));
}

// vectors.h of the reference implementation has the value of no bytes, by which the program that made this one was checked.
TEST(EventPolicy, SipHashIsTheReferences) {
  std::array<std::uint8_t, 16> counting{};
  for (std::uint8_t i = 0; i < 16; ++i) counting[i] = i;
  const std::array<std::uint8_t, 16> wanted = {0x6e, 0xe2, 0xa4, 0xca, 0x67, 0xb0, 0x54, 0xbb, 0xfd, 0x33, 0x15, 0xbf, 0x85, 0x23, 0x05, 0x77};
  EXPECT_EQ(siphash128(counting, counting), wanted);
}

TEST(EventPolicy, AKeyIsReadOrRefused) {
  TempDir dir;
  const auto file = [&dir](const char* text) {
    std::ofstream(dir.file("key")) << text;
    chmod(dir.file("key").c_str(), 0600);
    return dir.file("key");
  };
  EXPECT_EQ(read_key(file("000102030405060708090A0b0c0d0e0f\nrest"))[10], 0x0a);
  for (const char* bad : {"", "0001", "000102030405060708090a0b0c0d0e0fff", "xx0102030405060708090a0b0c0d0e0f"}) EXPECT_THROW(read_key(file(bad)), std::invalid_argument) << bad;
  EXPECT_THROW(read_key(dir.file("none")), std::invalid_argument);
  const std::string key = file("000102030405060708090a0b0c0d0e0f");
  for (const mode_t open : {mode_t{0644}, mode_t{0604}, mode_t{0660}, mode_t{0602}}) {
    chmod(key.c_str(), open);
    EXPECT_THROW(read_key(key), std::invalid_argument) << open;
  }
  chmod(key.c_str(), 0640);
  EXPECT_EQ(read_key(key)[15], 0x0f);
}

}  // namespace
}  // namespace vslog
