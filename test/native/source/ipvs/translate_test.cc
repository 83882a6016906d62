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

/// A record in which no two fields have the same value.
vslog_conn_record distinct_record() {
  vslog_conn_record r{};
  r.head = {VSLOG_RECORD_CONN, sizeof r};
  r.time = 1'001;
  r.conn_id = 1'002;
  r.template_id = 1'003;
  r.created = 1'004;
  r.timeout = 250 * 5;
  r.drop_packets = 1'006;
  r.drop_bytes = 1'007;
  r.drop_first = 1'008;
  r.drop_last = 1'009;
  vslog_tuple& t = r.tuple;
  t.family = t.real_family = AF_INET6;
  for (std::uint8_t i = 0; i < 16; ++i) {
    t.client_addr[i] = i;
    t.virtual_addr[i] = static_cast<std::uint8_t>(0x20 + i);
    t.real_addr[i] = static_cast<std::uint8_t>(0x40 + i);
  }
  t.client_port = htons(1'010);
  t.virtual_port = htons(1'011);
  t.real_port = htons(1'012);
  t.protocol = 132;
  t.fwmark = 1'014;
  t.flags = 0x1142;  // a template, by tunnel
  t.netns = 1'016;
  r.packets_in = 1'017;
  r.weight = 18;
  r.state = 7;
  r.kind = VSLOG_KIND_NODEST_DROP;
  r.reason = VSLOG_REASON_NODEST;
  r.scheduled_by = VSLOG_BY_SYNC;
  return r;
}

TEST_F(TranslateTest, EachFieldComesFromItsOwn) {
  ASSERT_TRUE(translator_.translate(bytes_of(distinct_record()), got_));
  const ConnRecord& c = got_.conns.at(0);
  constexpr std::uint64_t kWall = 1'000'000'000'000;
  EXPECT_EQ(c.time_ns, kWall + 1'001);
  EXPECT_EQ(c.conn_id, 1'002U);
  EXPECT_EQ(c.template_id, 1'003U);
  EXPECT_EQ(c.created_ns, kWall + 1'004);
  EXPECT_EQ(c.duration_ns, 0U) << "it has not ended";
  EXPECT_EQ(c.timeout_ms, 5'000U);
  EXPECT_EQ(c.drop_packets, 1'006U);
  EXPECT_EQ(c.drop_bytes, 1'007U);
  EXPECT_EQ(c.drop_first_ns, kWall + 1'008);
  EXPECT_EQ(c.drop_last_ns, kWall + 1'009);
  EXPECT_EQ(c.client_port, 1'010);
  EXPECT_EQ(c.virtual_port, 1'011);
  EXPECT_EQ(c.real_port, 1'012);
  EXPECT_EQ(c.protocol, 132);
  EXPECT_EQ(c.family, 6);
  EXPECT_EQ(c.fwmark, 1'014U);
  EXPECT_EQ(c.flags, 0x1142U);
  EXPECT_EQ(c.forward, ForwardMethod::tunnel);
  EXPECT_TRUE(c.is_template);
  EXPECT_EQ(c.netns, 1'016U);
  EXPECT_EQ(c.packets_in, 1'017U);
  EXPECT_EQ(c.weight, 18);
  EXPECT_FALSE(c.quiesced);
  EXPECT_EQ(c.state, 7U);
  EXPECT_EQ(c.kind, EventKind::nodest_drop);
  EXPECT_EQ(c.reason, EndReason::nodest);
  EXPECT_EQ(c.scheduled_by, ScheduledBy::sync);
  for (std::uint8_t i = 0; i < 16; ++i) {
    EXPECT_EQ(c.client_addr[i], i);
    EXPECT_EQ(c.virtual_addr[i], 0x20 + i);
    EXPECT_EQ(c.real_addr[i], 0x40 + i);
  }
}

TEST_F(TranslateTest, AFailedSchedulingHasNoRealServer) {
  vslog_conn_record r = distinct_record();
  r.kind = VSLOG_KIND_SCHED_FAIL;
  ASSERT_TRUE(translator_.translate(bytes_of(r), got_));
  EXPECT_EQ(got_.conns[0].real_addr, Address{});
}

TEST_F(TranslateTest, ASnapshotIsWhatTheKernelHasNow) {
  vslog_conn_state state{};
  state.id = 7;
  state.template_id = 6;
  state.created = 2'000;
  state.weight = 1;
  state.now_weight = 0;
  state.state = 2;
  state.now_state = 3;
  state.packets = 4;
  state.now_packets = 5;
  state.scheduled_by = VSLOG_BY_PERSISTENCE;
  state.tuple = distinct_record().tuple;
  const ConnRecord c = translator_.snapshot(state, 9'000);
  EXPECT_EQ(c.kind, EventKind::snapshot);
  EXPECT_EQ(c.time_ns, 1'000'000'009'000U);
  EXPECT_EQ(c.created_ns, 1'000'000'002'000U);
  EXPECT_EQ(c.conn_id, 7U);
  EXPECT_EQ(c.template_id, 6U);
  EXPECT_EQ(c.state, 3U);
  EXPECT_EQ(c.packets_in, 5U);
  EXPECT_TRUE(c.quiesced);
  EXPECT_EQ(c.scheduled_by, ScheduledBy::persistence);
  EXPECT_EQ(c.client_port, 1'010);
}

TEST_F(TranslateTest, EachChangeHasItsKindAndItsValues) {
  const struct {
    std::uint8_t control;
    ControlKind of_service;
    ControlKind of_real;
    bool has_old;
    bool has_new;
  } changes[] = {
      {VSLOG_CONTROL_ADDED, ControlKind::service_added, ControlKind::real_added, false, true},
      {VSLOG_CONTROL_CHANGED, ControlKind::service_changed, ControlKind::real_changed, true, true},
      {VSLOG_CONTROL_REMOVED, ControlKind::service_removed, ControlKind::real_removed, true, false},
  };
  for (const auto& change : changes) {
    vslog_service_record s{};
    s.head = {VSLOG_RECORD_SERVICE, sizeof s};
    s.family = AF_INET;
    s.control = change.control;
    s.virtual_port = htons(443);
    s.protocol = 6;
    vslog_dest_record d{};
    d.head = {VSLOG_RECORD_DEST, sizeof d};
    d.family = d.real_family = AF_INET;
    d.control = change.control;
    d.virtual_port = htons(443);
    d.real_port = htons(8443);
    got_.controls.clear();
    ASSERT_TRUE(translator_.translate(bytes_of(s), got_));
    ASSERT_TRUE(translator_.translate(bytes_of(d), got_));
    EXPECT_EQ(got_.controls[0].kind, change.of_service);
    EXPECT_EQ(got_.controls[0].virtual_port, 443);
    EXPECT_EQ(got_.controls[0].protocol, 6);
    EXPECT_EQ(got_.controls[1].kind, change.of_real);
    EXPECT_EQ(got_.controls[1].virtual_port, 443);
    EXPECT_EQ(got_.controls[1].real_port, 8443);
    for (const ControlRecord& c : got_.controls) {
      EXPECT_EQ(c.old_value != "", change.has_old);
      EXPECT_EQ(c.new_value != "", change.has_new);
    }
  }
}

TEST_F(TranslateTest, OverloadIsNobodysChange) {
  for (const auto& [control, kind] : {std::pair(VSLOG_CONTROL_OVERLOAD_ON, ControlKind::overload_on), std::pair(VSLOG_CONTROL_OVERLOAD_OFF, ControlKind::overload_off)}) {
    vslog_dest_record d{};
    d.head = {VSLOG_RECORD_DEST, sizeof d};
    d.family = d.real_family = AF_INET;
    d.control = static_cast<__u8>(control);
    d.author.through = VSLOG_THROUGH_KERNEL;
    got_.controls.clear();
    ASSERT_TRUE(translator_.translate(bytes_of(d), got_));
    EXPECT_EQ(got_.controls.at(0).kind, kind);
    EXPECT_EQ(got_.controls.at(0).through, Through::kernel);
    EXPECT_EQ(got_.controls.at(0).uid, kNoUid);
  }
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
  EXPECT_EQ(c.command, "ipvsadm -e -t a\\x0ab");
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

}  // namespace
}  // namespace vslog
