// Messages about flows as the kernel writes them, and as it never would. Format: net/netfilter/nf_conntrack_netlink.c.
#pragma once

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "source/conntrack/attributes.h"
#include "source/conntrack/flow.h"

namespace vslog::testing {

using Message = std::vector<std::byte>;

/// Writes attributes; a nest is closed by the end of its function.
class MessageBuilder {
 public:
  MessageBuilder(unsigned type, unsigned flags, unsigned family, std::uint32_t port = 0, unsigned subsystem = NFNL_SUBSYS_CTNETLINK) {
    const nlmsghdr head{0, static_cast<__u16>(subsystem << 8 | type), static_cast<__u16>(flags), 0, port};
    const nfgenmsg general{static_cast<__u8>(family), NFNETLINK_V0, 0};
    raw(&head, sizeof head);
    raw(&general, sizeof general);
  }

  MessageBuilder& nest(std::uint16_t type, const std::function<void(MessageBuilder&)>& inside) {
    const std::size_t at = begin(type | NLA_F_NESTED);
    inside(*this);
    return end(at);
  }
  MessageBuilder& bytes(std::uint16_t type, const void* value, std::size_t size) {
    const std::size_t at = begin(type);
    raw(value, size);
    return end(at);
  }
  /// In network order.
  template <typename Number>
  MessageBuilder& be(std::uint16_t type, Number value) {
    unsigned char out[sizeof(Number)];
    for (std::size_t i = 0; i < sizeof out; ++i) out[i] = static_cast<unsigned char>(static_cast<std::uint64_t>(value) >> 8 * (sizeof out - 1 - i));
    return bytes(type, out, sizeof out);
  }
  MessageBuilder& u8(std::uint16_t type, unsigned value) { return be(type, static_cast<std::uint8_t>(value)); }
  MessageBuilder& u16(std::uint16_t type, unsigned value) { return be(type, static_cast<std::uint16_t>(value)); }
  MessageBuilder& u32(std::uint16_t type, std::uint32_t value) { return be(type, value); }
  MessageBuilder& u64(std::uint16_t type, std::uint64_t value) { return be(type, value); }

  Message take() {
    const auto size = static_cast<std::uint32_t>(out_.size());
    std::memcpy(out_.data(), &size, sizeof size);
    return std::move(out_);
  }

 private:
  void raw(const void* from, std::size_t size) {
    const auto* const bytes = static_cast<const std::byte*>(from);
    out_.insert(out_.end(), bytes, bytes + size);
  }
  std::size_t begin(std::uint16_t type) {
    const std::size_t at = out_.size();
    const nlattr head{0, type};
    raw(&head, sizeof head);
    return at;
  }
  MessageBuilder& end(std::size_t at) {
    const auto size = static_cast<std::uint16_t>(out_.size() - at);
    std::memcpy(out_.data() + at, &size, sizeof size);
    out_.resize(NLMSG_ALIGN(out_.size()));
    return *this;
  }

  Message out_;
};

/// ::ffff:10.0.0.LAST
inline Address v4(std::uint8_t last, std::uint8_t first = 10) {
  const std::uint8_t four[4] = {first, 0, 0, last};
  return map_ipv4(four);
}

/// 2001:db8::LAST
inline Address v6(std::uint8_t last) { return {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last}; }

/// A tuple as the kernel writes one; ICMP when the protocol is.
inline void put_tuple(MessageBuilder& m, std::uint16_t type, const Flow& flow, const FlowTuple& tuple) {
  m.nest(type, [&](MessageBuilder& t) {
    t.nest(CTA_TUPLE_IP, [&](MessageBuilder& ip) {
      if (flow.family == 4) ip.bytes(CTA_IP_V4_SRC, tuple.source.data() + 12, 4).bytes(CTA_IP_V4_DST, tuple.destination.data() + 12, 4);
      else ip.bytes(CTA_IP_V6_SRC, tuple.source.data(), 16).bytes(CTA_IP_V6_DST, tuple.destination.data(), 16);
    });
    t.nest(CTA_TUPLE_PROTO, [&](MessageBuilder& p) {
      p.u8(CTA_PROTO_NUM, flow.protocol);
      if (flow.protocol == IPPROTO_ICMP) {
        p.u16(CTA_PROTO_ICMP_ID, tuple.source_port).u8(CTA_PROTO_ICMP_TYPE, tuple.destination_port >> 8).u8(CTA_PROTO_ICMP_CODE, tuple.destination_port & 0xff);
      } else if (flow.protocol == IPPROTO_ICMPV6) {
        p.u16(CTA_PROTO_ICMPV6_ID, tuple.source_port).u8(CTA_PROTO_ICMPV6_TYPE, tuple.destination_port >> 8).u8(CTA_PROTO_ICMPV6_CODE, tuple.destination_port & 0xff);
      } else {
        p.u16(CTA_PROTO_SRC_PORT, tuple.source_port).u16(CTA_PROTO_DST_PORT, tuple.destination_port);
      }
    });
  });
}

/// A flow from client 10.0.0.1:40000 to 10.0.0.2:80, answered by 10.0.0.3:8080.
inline Flow sample_flow(std::uint8_t protocol = IPPROTO_TCP) {
  Flow f;
  f.kind = Flow::Kind::created;
  f.family = 4;
  f.protocol = protocol;
  f.original = {v4(1), v4(2), 40000, 80};
  f.reply = {v4(3), v4(1), 8080, 40000};
  f.id = 0x01020304;
  f.status = IPS_CONFIRMED | IPS_DST_NAT;
  return f;
}

/// The message that tells of the flow, with all that it has.
inline Message message_of(const Flow& flow) {
  const unsigned type = flow.kind == Flow::Kind::destroyed ? IPCTNL_MSG_CT_DELETE : IPCTNL_MSG_CT_NEW;
  const unsigned flags = flow.kind == Flow::Kind::created ? NLM_F_CREATE | NLM_F_EXCL : flow.kind == Flow::Kind::listed ? NLM_F_MULTI : 0;
  MessageBuilder m(type, flags, flow.family == 4 ? AF_INET : AF_INET6, flow.requested ? 77 : 0);
  put_tuple(m, CTA_TUPLE_ORIG, flow, flow.original);
  put_tuple(m, CTA_TUPLE_REPLY, flow, flow.reply);
  m.u32(CTA_ID, flow.id).u32(CTA_STATUS, flow.status);
  if (flow.has_timeout) m.u32(CTA_TIMEOUT, flow.timeout_s);
  if (flow.mark != 0) m.u32(CTA_MARK, flow.mark);
  if (flow.zone != 0) m.u16(CTA_ZONE, flow.zone);
  if (flow.labels != decltype(flow.labels){}) m.bytes(CTA_LABELS, flow.labels.data(), flow.labels.size());
  if (flow.has_counters) {
    m.nest(CTA_COUNTERS_ORIG, [&](MessageBuilder& c) { c.u64(CTA_COUNTERS_PACKETS, flow.packets_original).u64(CTA_COUNTERS_BYTES, flow.bytes_original); });
    m.nest(CTA_COUNTERS_REPLY, [&](MessageBuilder& c) { c.u64(CTA_COUNTERS_PACKETS, flow.packets_reply).u64(CTA_COUNTERS_BYTES, flow.bytes_reply); });
  }
  if (flow.start_ns != 0 || flow.stop_ns != 0) {
    m.nest(CTA_TIMESTAMP, [&](MessageBuilder& t) {
      t.u64(CTA_TIMESTAMP_START, flow.start_ns);
      if (flow.stop_ns != 0) t.u64(CTA_TIMESTAMP_STOP, flow.stop_ns);
    });
  }
  return m.take();
}

}  // namespace vslog::testing
