#include "source/conntrack/flow_parser.h"

#include <gtest/gtest.h>

#include <random>

#include "message_builder.h"
#include "source/conntrack/flow_records.h"

namespace vslog {
namespace {

using testing::Message;
using testing::message_of;
using testing::MessageBuilder;
using testing::sample_flow;
using testing::v4;
using testing::v6;

/// Reads a copy that ends where the message ends, so that a byte read beyond it is an error to AddressSanitizer.
Parsed parse(const Message& message, Flow& flow) {
  const std::unique_ptr<std::byte[]> exact(new std::byte[message.size() + (message.empty() ? 1 : 0)]);
  std::copy(message.begin(), message.end(), exact.get());
  return parse_flow(Bytes(exact.get(), message.size()), flow);
}

void set_length(Message& message) {
  const auto size = static_cast<std::uint32_t>(message.size());
  std::memcpy(message.data(), &size, sizeof size);
}

TEST(FlowParser, ReadsWhatTheKernelTells) {
  Flow f = sample_flow();
  f.has_timeout = true;
  f.timeout_s = 432000;
  f.mark = 0xdeadbeef;
  f.zone = 7;
  f.labels[0] = 1;
  f.labels[15] = 0x80;
  f.has_counters = true;
  f.packets_original = 3;
  f.bytes_original = 1ULL << 40;
  f.packets_reply = 2;
  f.bytes_reply = 99;
  f.start_ns = 1'700'000'000'123'456'789;
  Flow got;
  ASSERT_EQ(parse(message_of(f), got), Parsed::flow);
  EXPECT_EQ(got.kind, Flow::Kind::created);
  EXPECT_EQ(got.family, 4);
  EXPECT_EQ(got.protocol, IPPROTO_TCP);
  EXPECT_EQ(key_of(got), key_of(f));
  EXPECT_EQ(got.reply.source, v4(3));
  EXPECT_EQ(got.reply.source_port, 8080);
  EXPECT_EQ(got.status, static_cast<std::uint32_t>(IPS_CONFIRMED | IPS_DST_NAT));
  EXPECT_TRUE(got.has_timeout);
  EXPECT_EQ(got.timeout_s, 432000U);
  EXPECT_EQ(got.mark, 0xdeadbeefU);
  EXPECT_EQ(got.zone, 7);
  EXPECT_EQ(got.labels, f.labels);
  EXPECT_TRUE(got.has_labels);
  EXPECT_EQ(got.packets_original, 3U);
  EXPECT_EQ(got.bytes_original, 1ULL << 40);
  EXPECT_EQ(got.packets_reply, 2U);
  EXPECT_EQ(got.bytes_reply, 99U);
  EXPECT_EQ(got.start_ns, f.start_ns);
  EXPECT_EQ(got.stop_ns, 0U);
  EXPECT_FALSE(got.requested);
}

TEST(FlowParser, TellsTheKindsOfMessagesApart) {
  for (const Flow::Kind kind : {Flow::Kind::created, Flow::Kind::updated, Flow::Kind::destroyed, Flow::Kind::listed}) {
    Flow f = sample_flow();
    f.kind = kind;
    f.requested = kind == Flow::Kind::destroyed;
    Flow got;
    ASSERT_EQ(parse(message_of(f), got), Parsed::flow);
    EXPECT_EQ(got.kind, kind);
    EXPECT_EQ(got.requested, f.requested);
  }
}

TEST(FlowParser, ReadsIcmpOfBothFamilies) {
  Flow f = sample_flow(IPPROTO_ICMP);
  f.original = {v4(1), v4(2), 4711, 8 << 8};
  f.reply = {v4(2), v4(1), 4711, 0};
  Flow got;
  ASSERT_EQ(parse(message_of(f), got), Parsed::flow);
  EXPECT_EQ(got.original.source_port, 4711);
  EXPECT_EQ(got.original.destination_port, 8 << 8);
  EXPECT_EQ(real_port_of(got), 0);
  EXPECT_FALSE(is_translated(got));

  f.family = 6;
  f.protocol = IPPROTO_ICMPV6;
  f.original = {v6(1), v6(2), 4712, 128 << 8 | 3};
  f.reply = {v6(2), v6(1), 4712, 129 << 8};
  ASSERT_EQ(parse(message_of(f), got), Parsed::flow);
  EXPECT_EQ(got.family, 6);
  EXPECT_EQ(got.original.source, v6(1));
  EXPECT_EQ(got.original.destination_port, 128 << 8 | 3);
}

TEST(FlowParser, NamesTheStatesOfTcpAsIpvsDoes) {
  // enum tcp_conntrack to IP_VS_TCP_S_*: include/net/ip_vs.h.
  const std::pair<unsigned, unsigned> states[] = {{1, 2}, {2, 3}, {3, 1}, {4, 4}, {5, 7}, {6, 8}, {7, 5}, {8, 6}};
  for (const auto& [theirs, ours] : states) {
    MessageBuilder m(IPCTNL_MSG_CT_NEW, 0, AF_INET);
    const Flow f = sample_flow();
    testing::put_tuple(m, CTA_TUPLE_ORIG, f, f.original);
    testing::put_tuple(m, CTA_TUPLE_REPLY, f, f.reply);
    m.nest(CTA_PROTOINFO, [&, s = theirs](MessageBuilder& p) { p.nest(CTA_PROTOINFO_TCP, [&](MessageBuilder& t) { t.u8(CTA_PROTOINFO_TCP_STATE, s); }); });
    Flow got;
    ASSERT_EQ(parse(m.take(), got), Parsed::flow);
    EXPECT_TRUE(got.has_state);
    EXPECT_EQ(got.state, ours) << "state " << theirs;
  }
}

TEST(FlowParser, TakesTheZoneOfOneDirection) {
  MessageBuilder m(IPCTNL_MSG_CT_NEW, NLM_F_CREATE, AF_INET);
  const Flow f = sample_flow();
  m.nest(CTA_TUPLE_ORIG, [](MessageBuilder& t) {
    t.nest(CTA_TUPLE_IP, [](MessageBuilder& ip) { ip.bytes(CTA_IP_V4_SRC, "\x0a\0\0\1", 4).bytes(CTA_IP_V4_DST, "\x0a\0\0\2", 4); });
    t.nest(CTA_TUPLE_PROTO, [](MessageBuilder& p) { p.u8(CTA_PROTO_NUM, IPPROTO_UDP).u16(CTA_PROTO_SRC_PORT, 1).u16(CTA_PROTO_DST_PORT, 2); });
    t.u16(CTA_TUPLE_ZONE, 9);
  });
  testing::put_tuple(m, CTA_TUPLE_REPLY, f, f.reply);
  Flow got;
  ASSERT_EQ(parse(m.take(), got), Parsed::flow);
  EXPECT_EQ(got.zone, 9);
}

TEST(FlowParser, LeavesOutWhatIsNotAFlow) {
  Flow got;
  EXPECT_EQ(parse(MessageBuilder(IPCTNL_MSG_CT_NEW, 0, AF_INET, 0, NFNL_SUBSYS_CTNETLINK_EXP).take(), got), Parsed::ignored);
  EXPECT_EQ(parse(MessageBuilder(IPCTNL_MSG_CT_NEW, 0, AF_INET, 0, NFNL_SUBSYS_QUEUE).take(), got), Parsed::ignored);
  EXPECT_EQ(parse(MessageBuilder(IPCTNL_MSG_CT_GET_STATS, 0, AF_INET).take(), got), Parsed::ignored);
  EXPECT_EQ(parse(MessageBuilder(IPCTNL_MSG_CT_NEW, 0, AF_BRIDGE).take(), got), Parsed::ignored);
}

TEST(FlowParser, CallsAMessageWithoutBothTuplesMalformed) {
  const Flow f = sample_flow();
  Flow got;
  EXPECT_EQ(parse(MessageBuilder(IPCTNL_MSG_CT_NEW, 0, AF_INET).take(), got), Parsed::malformed);
  for (const std::uint16_t one : {CTA_TUPLE_ORIG, CTA_TUPLE_REPLY}) {
    MessageBuilder m(IPCTNL_MSG_CT_NEW, 0, AF_INET);
    testing::put_tuple(m, one, f, f.original);
    EXPECT_EQ(parse(m.take(), got), Parsed::malformed);
  }
}

TEST(FlowParser, CallsEveryWrongSizeMalformed) {
  const Flow f = sample_flow();
  const auto with = [&](const std::function<void(MessageBuilder&)>& put) {
    MessageBuilder m(IPCTNL_MSG_CT_NEW, 0, AF_INET);
    testing::put_tuple(m, CTA_TUPLE_ORIG, f, f.original);
    testing::put_tuple(m, CTA_TUPLE_REPLY, f, f.reply);
    put(m);
    Flow got;
    return parse(m.take(), got);
  };
  const char zeros[32] = {};
  EXPECT_EQ(with([](MessageBuilder&) {}), Parsed::flow);
  for (const std::uint16_t type : {CTA_ID, CTA_STATUS, CTA_MARK, CTA_TIMEOUT}) {
    for (const std::size_t size : {0, 1, 3, 5, 8}) EXPECT_EQ(with([&](MessageBuilder& m) { m.bytes(type, zeros, size); }), Parsed::malformed) << type << " of " << size;
  }
  EXPECT_EQ(with([](MessageBuilder& m) { m.u32(CTA_ZONE, 1); }), Parsed::malformed);
  EXPECT_EQ(with([&](MessageBuilder& m) { m.bytes(CTA_LABELS, zeros, 17); }), Parsed::malformed);
  EXPECT_EQ(with([&](MessageBuilder& m) { m.bytes(CTA_LABELS, zeros, 8); }), Parsed::flow);
  EXPECT_EQ(with([](MessageBuilder& m) { m.nest(CTA_COUNTERS_ORIG, [](MessageBuilder& c) { c.u32(CTA_COUNTERS_PACKETS, 1); }); }), Parsed::malformed);
  EXPECT_EQ(with([](MessageBuilder& m) { m.nest(CTA_COUNTERS_REPLY, [](MessageBuilder& c) { c.u16(CTA_COUNTERS_BYTES, 1); }); }), Parsed::malformed);
  EXPECT_EQ(with([](MessageBuilder& m) { m.nest(CTA_TIMESTAMP, [](MessageBuilder& t) { t.u32(CTA_TIMESTAMP_START, 1); }); }), Parsed::malformed);
  EXPECT_EQ(with([](MessageBuilder& m) { m.nest(CTA_PROTOINFO, [](MessageBuilder& p) { p.nest(CTA_PROTOINFO_TCP, [](MessageBuilder& t) { t.u16(CTA_PROTOINFO_TCP_STATE, 1); }); }); }),
            Parsed::malformed);
  // What is not known is passed over, whatever it holds.
  EXPECT_EQ(with([&](MessageBuilder& m) { m.bytes(500, zeros, 11); }), Parsed::flow);
}

TEST(FlowParser, CallsTuplesOfWrongSizesMalformed) {
  const auto tuple = [](std::size_t address, std::size_t port, std::size_t protocol) {
    MessageBuilder m(IPCTNL_MSG_CT_NEW, 0, AF_INET);
    const char zeros[32] = {};
    for (const std::uint16_t type : {CTA_TUPLE_ORIG, CTA_TUPLE_REPLY}) {
      m.nest(type, [&](MessageBuilder& t) {
        t.nest(CTA_TUPLE_IP, [&](MessageBuilder& ip) { ip.bytes(CTA_IP_V4_SRC, zeros, address).bytes(CTA_IP_V4_DST, zeros, 4); });
        t.nest(CTA_TUPLE_PROTO, [&](MessageBuilder& p) { p.bytes(CTA_PROTO_NUM, zeros, protocol).bytes(CTA_PROTO_SRC_PORT, zeros, port); });
      });
    }
    Flow got;
    return parse(m.take(), got);
  };
  EXPECT_EQ(tuple(4, 2, 1), Parsed::flow);
  EXPECT_EQ(tuple(3, 2, 1), Parsed::malformed);
  EXPECT_EQ(tuple(16, 2, 1), Parsed::malformed);
  EXPECT_EQ(tuple(4, 1, 1), Parsed::malformed);
  EXPECT_EQ(tuple(4, 4, 1), Parsed::malformed);
  EXPECT_EQ(tuple(4, 2, 2), Parsed::malformed);
  EXPECT_EQ(tuple(4, 2, 0), Parsed::malformed);
}

/// A message with everything in it.
Message whole() {
  Flow f = sample_flow();
  f.kind = Flow::Kind::destroyed;
  f.has_timeout = f.has_counters = true;
  f.mark = f.zone = 5;
  f.labels[3] = 9;
  f.start_ns = 1;
  f.stop_ns = 2;
  return message_of(f);
}

TEST(FlowParser, NeverReadsBeyondATruncatedMessage) {
  const Message message = whole();
  Flow got;
  ASSERT_EQ(parse(message, got), Parsed::flow);
  for (std::size_t size = 0; size < message.size(); ++size) {
    // As it came short, its header saying the old length; and with a header that knows.
    Message cut(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(parse(cut, got), Parsed::malformed) << size;
    if (size >= sizeof(nlmsghdr)) {
      set_length(cut);
      parse(cut, got);  // what ends between two attributes is whole
    }
  }
}

TEST(FlowParser, NeverReadsBeyondALyingLength) {
  const Message message = whole();
  Flow got;
  for (std::size_t at = sizeof(nlmsghdr) + sizeof(nfgenmsg); at + 1 < message.size(); ++at) {
    for (const std::uint16_t lie : {0, 1, 3, 4, 5, 7, 255, 0x7fff, 0xffff}) {
      Message lying = message;
      std::memcpy(lying.data() + at, &lie, sizeof lie);
      parse(lying, got);
    }
  }
  // The first attribute's own length, which surely counts.
  for (const std::uint16_t lie : {0, 3, 0xffff}) {
    Message lying = message;
    std::memcpy(lying.data() + sizeof(nlmsghdr) + sizeof(nfgenmsg), &lie, sizeof lie);
    EXPECT_EQ(parse(lying, got), Parsed::malformed) << lie;
  }
  for (const std::uint32_t lie : {0U, 15U, 0xffffffffU, static_cast<std::uint32_t>(message.size() + 1)}) {
    Message lying = message;
    std::memcpy(lying.data(), &lie, sizeof lie);
    EXPECT_EQ(parse(lying, got), Parsed::malformed) << lie;
  }
}

TEST(FlowParser, SurvivesRandomDamage) {
  std::mt19937 random(4711);
  const Message message = whole();
  Flow got;
  for (int round = 0; round < 20'000; ++round) {
    Message damaged = message;
    for (unsigned i = 0; i < 1 + random() % 4; ++i) damaged[random() % damaged.size()] = static_cast<std::byte>(random());
    damaged.resize(damaged.size() - (random() % 3 == 0 ? random() % damaged.size() : 0));
    if (damaged.size() >= sizeof(nlmsghdr) && random() % 2 == 0) set_length(damaged);
    parse(damaged, got);
  }
}

TEST(FlowRecords, TellWhyAFlowEnded) {
  Flow f = sample_flow();
  f.kind = Flow::Kind::destroyed;
  EXPECT_EQ(end_reason(f), EndReason::timeout);
  f.has_timeout = true;
  EXPECT_EQ(end_reason(f), EndReason::timeout);
  f.timeout_s = 20;
  EXPECT_EQ(end_reason(f), EndReason::expire_now);
  f.requested = true;
  EXPECT_EQ(end_reason(f), EndReason::flushed);
}

TEST(FlowRecords, TakeTheReplysSourceForTheRealServer) {
  Flow f = sample_flow();
  ConnRecord r = record_of(f, EventKind::create, 5);
  EXPECT_EQ(r.client_addr, v4(1));
  EXPECT_EQ(r.virtual_addr, v4(2));
  EXPECT_EQ(r.real_addr, v4(3));
  EXPECT_EQ(r.client_port, 40000);
  EXPECT_EQ(r.virtual_port, 80);
  EXPECT_EQ(r.real_port, 8080);
  EXPECT_EQ(r.forward, ForwardMethod::masq);
  f.reply.source = f.original.destination;
  EXPECT_EQ(record_of(f, EventKind::create, 5).forward, ForwardMethod::masq) << "the port is translated";
  f.reply.source_port = 80;
  EXPECT_EQ(record_of(f, EventKind::create, 5).forward, ForwardMethod::direct);
}

}  // namespace
}  // namespace vslog
