#include "source/ipvs/translate.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <random>
#include <vector>

extern "C" {
#include "bpf/record.h"
}

namespace vslog {
namespace {

struct Gathered final : EventSink {
  std::vector<ConnRecord> conns;
  std::vector<ControlRecord> controls;
  void conn(const ConnRecord& record) override { conns.push_back(record); }
  void control(const ControlRecord& record) override { controls.push_back(record); }
};

template <typename T>
std::span<const std::byte> bytes_of(const T& record) {
  return std::as_bytes(std::span(&record, 1));
}

class TranslateTest : public testing::Test {
 protected:
  void SetUp() override { clock_.update(1'000'000'000'000); }

  WallClock clock_;
  Translator translator_{clock_, 250};
  Gathered got_;
};

vslog_conn_record conn_record() {
  vslog_conn_record r{};
  r.head = {VSLOG_RECORD_CONN, sizeof r};
  r.time = 5'000;
  r.created = 2'000;
  r.conn_id = 7;
  r.template_id = 6;
  r.timeout = 250 * 60;
  r.tuple.family = AF_INET;
  r.tuple.real_family = AF_INET;
  const std::uint8_t client[4] = {10, 1, 0, 2};
  std::memcpy(r.tuple.client_addr, client, 4);
  r.tuple.client_port = htons(40000);
  r.tuple.virtual_port = htons(80);
  r.tuple.real_port = htons(8080);
  r.tuple.protocol = 6;
  r.tuple.flags = 0x143;
  r.tuple.netns = 4026531840;
  r.packets_in = 12;
  r.weight = 0;
  r.state = 3;
  r.kind = VSLOG_KIND_EXPIRE;
  r.reason = VSLOG_REASON_TIMEOUT;
  r.scheduled_by = VSLOG_BY_PERSISTENCE;
  return r;
}

TEST_F(TranslateTest, ConnectionInWallTimeHostOrderAndMappedAddresses) {
  ASSERT_TRUE(translator_.translate(bytes_of(conn_record()), got_));
  ASSERT_EQ(got_.conns.size(), 1U);
  const ConnRecord& c = got_.conns[0];
  EXPECT_EQ(c.kind, EventKind::expire);
  EXPECT_EQ(c.reason, EndReason::timeout);
  EXPECT_EQ(c.time_ns, 1'000'000'005'000U);
  EXPECT_EQ(c.created_ns, 1'000'000'002'000U);
  EXPECT_EQ(c.duration_ns, 3'000U);
  EXPECT_EQ(c.timeout_ms, 60'000U);
  EXPECT_EQ(c.client_port, 40000);
  EXPECT_EQ(c.real_port, 8080);
  EXPECT_EQ(c.forward, ForwardMethod::direct);
  EXPECT_TRUE(c.quiesced);
  const Address client{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 0, 2};
  EXPECT_EQ(c.client_addr, client);
  EXPECT_EQ(c.family, 4);
}

TEST_F(TranslateTest, CreatedUnknownLeavesDurationUnknown) {
  vslog_conn_record r = conn_record();
  r.created = 0;
  ASSERT_TRUE(translator_.translate(bytes_of(r), got_));
  EXPECT_EQ(got_.conns[0].created_ns, 0U);
  EXPECT_EQ(got_.conns[0].duration_ns, 0U);
}

TEST_F(TranslateTest, FwmarkTemplateHoldsNoVirtualAddress) {
  vslog_conn_record r = conn_record();
  r.tuple.flags |= 0x1000;
  r.tuple.protocol = 0;
  r.tuple.fwmark = 9;
  r.tuple.virtual_addr[3] = 9;
  ASSERT_TRUE(translator_.translate(bytes_of(r), got_));
  EXPECT_EQ(got_.conns[0].virtual_addr, Address{});
  EXPECT_EQ(got_.conns[0].fwmark, 9U);
  EXPECT_TRUE(got_.conns[0].is_template);
}

TEST_F(TranslateTest, RealServerOfAnotherFamily) {
  vslog_conn_record r = conn_record();
  r.tuple.family = AF_INET6;
  const std::uint8_t real[4] = {10, 2, 0, 2};
  std::memcpy(r.tuple.real_addr, real, 4);
  ASSERT_TRUE(translator_.translate(bytes_of(r), got_));
  EXPECT_EQ(got_.conns[0].family, 6);
  EXPECT_EQ(got_.conns[0].real_addr[10], 0xff);
  EXPECT_EQ(got_.conns[0].real_addr[15], 2);
}

TEST_F(TranslateTest, ChangeOfARealServerNamesItsAuthor) {
  vslog_dest_record r{};
  r.head = {VSLOG_RECORD_DEST, sizeof r};
  r.time = 1;
  r.family = r.real_family = AF_INET;
  r.control = VSLOG_CONTROL_CHANGED;
  r.before = {3, 0, 0, 0};
  r.after = {0, 2, 100, 80};
  r.author.uid = 0;
  r.author.login_uid = 1000;
  r.author.pid = 77;
  r.author.through = VSLOG_THROUGH_NETLINK;
  constexpr char kArgv[] = "ipvsadm\0-e\0-t\0a\nb";
  std::memcpy(r.author.command, kArgv, sizeof kArgv);
  r.author.command_size = sizeof kArgv;
  ASSERT_TRUE(translator_.translate(bytes_of(r), got_));
  const ControlRecord& c = got_.controls.at(0);
  EXPECT_EQ(c.kind, ControlKind::real_changed);
  EXPECT_EQ(c.old_value, "weight=3 forward=masq upper=0 lower=0");
  EXPECT_EQ(c.new_value, "weight=0 forward=tunnel upper=100 lower=80");
  EXPECT_EQ(c.command, "ipvsadm -e -t a b");
  EXPECT_EQ(c.login_uid, 1000U);
  EXPECT_EQ(c.through, Through::netlink);
}

TEST_F(TranslateTest, WithoutACommandLineTheCommIsTaken) {
  vslog_service_record r{};
  r.head = {VSLOG_RECORD_SERVICE, sizeof r};
  r.control = VSLOG_CONTROL_ADDED;
  r.family = AF_INET;
  std::strcpy(r.after.scheduler, "wlc");
  r.after.flags = 0x3;
  r.after.timeout = 300 * 250;
  std::strcpy(r.author.comm, "keepalived");
  r.author.through = VSLOG_THROUGH_NETLINK;
  ASSERT_TRUE(translator_.translate(bytes_of(r), got_));
  EXPECT_EQ(got_.controls.at(0).command, "keepalived");
  EXPECT_EQ(got_.controls.at(0).new_value, "scheduler=wlc persistent=300s flags=0x3");
  EXPECT_EQ(got_.controls.at(0).old_value, "");
}

TEST_F(TranslateTest, AnythingOfAnotherSizeOrTypeIsRefused) {
  const vslog_conn_record r = conn_record();
  for (std::size_t size = 0; size < sizeof r; ++size) EXPECT_FALSE(translator_.translate(bytes_of(r).first(size), got_)) << size;
  vslog_conn_record lying = r;
  lying.head.size = sizeof r + 8;
  EXPECT_FALSE(translator_.translate(bytes_of(lying), got_));
  lying = r;
  lying.head.type = 99;
  EXPECT_FALSE(translator_.translate(bytes_of(lying), got_));
  EXPECT_TRUE(got_.conns.empty());
}

TEST_F(TranslateTest, RandomBytesNeverHarm) {
  std::mt19937 random(1);
  std::vector<std::byte> bytes(sizeof(vslog_service_record) + 64);
  for (int i = 0; i < 20000; ++i) {
    for (std::byte& b : bytes) b = static_cast<std::byte>(random());
    const std::size_t sizes[] = {sizeof(vslog_conn_record), sizeof(vslog_service_record), sizeof(vslog_dest_record), random() % bytes.size()};
    const std::size_t size = sizes[random() % 4];
    const vslog_record_head head{static_cast<__u32>(random() % 5), static_cast<__u32>(size)};
    std::memcpy(bytes.data(), &head, sizeof head);
    translator_.translate(std::span<const std::byte>(bytes).first(size), got_);
  }
  EXPECT_GT(got_.conns.size() + got_.controls.size(), 0U);
}

TEST(WallClockTest, SlewIsNoStepAndASettingIs) {
  WallClock clock;
  clock.update(1'000'000'000);
  EXPECT_FALSE(clock.update(1'000'500'000).has_value());
  const std::optional<ClockStep> step = clock.update(3'600'000'000'000);
  ASSERT_TRUE(step.has_value());
  EXPECT_EQ(step->before, 1'000'500'000);
  EXPECT_EQ(step->after, 3'600'000'000'000);
  EXPECT_EQ(clock.wall(5), 3'600'000'000'005U);
  EXPECT_EQ(clock.wall(0), 0U);
}

}  // namespace
}  // namespace vslog
