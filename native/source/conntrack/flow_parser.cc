#include "source/conntrack/flow_parser.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

namespace vslog {
namespace {

/// CTA_TIMESTAMP_EVENT (Linux 6.14): wall clock of the event itself, where nf_conntrack_timestamp is on. Not in older headers.
constexpr std::uint16_t kTimestampEvent = CTA_STATUS_MASK + 1;

// The kernel's states (nf_conntrack_tcp.h, nf_conntrack_sctp.h) as IPVS numbers those of the same name (include/net/ip_vs.h), so that one list of names serves all sources.
constexpr std::uint8_t kTcpStates[] = {
    0,  // NONE
    2,  // SYN_SENT
    3,  // SYN_RECV
    1,  // ESTABLISHED
    4,  // FIN_WAIT
    7,  // CLOSE_WAIT
    8,  // LAST_ACK
    5,  // TIME_WAIT
    6,  // CLOSE
    2,  // SYN_SENT2, a simultaneous open
};
constexpr std::uint8_t kSctpStates[] = {
    0,   // NONE
    13,  // CLOSED
    5,   // COOKIE_WAIT
    7,   // COOKIE_ECHOED
    8,   // ESTABLISHED
    9,   // SHUTDOWN_SENT
    10,  // SHUTDOWN_RECD
    11,  // SHUTDOWN_ACK_SENT
    8,   // HEARTBEAT_SENT: packets of an association whose beginning was not seen
    8,   // HEARTBEAT_ACKED, in kernels before 6.2
};

bool read_ipv4(Bytes value, Address& out) {
  if (value.size() != 4) return false;
  std::uint8_t four[4];
  std::memcpy(four, value.data(), sizeof four);
  out = map_ipv4(four);
  return true;
}

bool read_ipv6(Bytes value, Address& out) {
  if (value.size() != out.size()) return false;
  std::memcpy(out.data(), value.data(), out.size());
  return true;
}

bool read_addresses(Bytes nest, FlowTuple& tuple) {
  Attributes attributes(nest);
  bool ok = true;
  bool source = false;
  bool destination = false;
  for (Attribute a; ok && attributes.next(a);) {
    switch (a.type) {
      case CTA_IP_V4_SRC: ok = source = read_ipv4(a.value, tuple.source); break;
      case CTA_IP_V4_DST: ok = destination = read_ipv4(a.value, tuple.destination); break;
      case CTA_IP_V6_SRC: ok = source = read_ipv6(a.value, tuple.source); break;
      case CTA_IP_V6_DST: ok = destination = read_ipv6(a.value, tuple.destination); break;
      default: break;
    }
  }
  return ok && source && destination && !attributes.malformed();
}

bool read_ports(Bytes nest, FlowTuple& tuple, std::uint8_t& protocol) {
  Attributes attributes(nest);
  bool ok = true;
  bool told = false;
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  bool icmp = false;
  for (Attribute a; ok && attributes.next(a);) {
    switch (a.type) {
      case CTA_PROTO_NUM: ok = told = read_be(a.value, protocol); break;
      case CTA_PROTO_SRC_PORT:
      case CTA_PROTO_ICMP_ID:
      case CTA_PROTO_ICMPV6_ID: ok = read_be(a.value, tuple.source_port); break;
      case CTA_PROTO_DST_PORT: ok = read_be(a.value, tuple.destination_port); break;
      case CTA_PROTO_ICMP_TYPE:
      case CTA_PROTO_ICMPV6_TYPE: ok = icmp = read_be(a.value, type); break;
      case CTA_PROTO_ICMP_CODE:
      case CTA_PROTO_ICMPV6_CODE: ok = icmp = read_be(a.value, code); break;
      default: break;
    }
  }
  if (icmp) tuple.destination_port = static_cast<std::uint16_t>(type << 8 | code);
  return ok && told && !attributes.malformed();
}

bool read_tuple(Bytes nest, FlowTuple& tuple, std::uint8_t& protocol, std::uint16_t& zone) {
  Attributes attributes(nest);
  bool ok = true;
  bool addresses = false;
  bool ports = false;
  for (Attribute a; ok && attributes.next(a);) {
    switch (a.type) {
      case CTA_TUPLE_IP: ok = addresses = read_addresses(a.value, tuple); break;
      case CTA_TUPLE_PROTO: ok = ports = read_ports(a.value, tuple, protocol); break;
      case CTA_TUPLE_ZONE: ok = read_be(a.value, zone); break;  // a zone of one direction only
      default: break;
    }
  }
  return ok && addresses && ports && !attributes.malformed();
}

bool read_counters(Bytes nest, std::uint64_t& packets, std::uint64_t& bytes) {
  Attributes attributes(nest);
  bool ok = true;
  for (Attribute a; ok && attributes.next(a);) {
    if (a.type == CTA_COUNTERS_PACKETS) ok = read_be(a.value, packets);
    if (a.type == CTA_COUNTERS_BYTES) ok = read_be(a.value, bytes);
  }
  return ok && !attributes.malformed();
}

bool read_times(Bytes nest, Flow& flow) {
  Attributes attributes(nest);
  bool ok = true;
  for (Attribute a; ok && attributes.next(a);) {
    if (a.type == CTA_TIMESTAMP_START) ok = read_be(a.value, flow.start_ns);
    if (a.type == CTA_TIMESTAMP_STOP) ok = read_be(a.value, flow.stop_ns);
  }
  return ok && !attributes.malformed();
}

template <std::size_t N>
bool read_state(Bytes nest, std::uint16_t attribute, const std::uint8_t (&names)[N], Flow& flow) {
  Attributes attributes(nest);
  for (Attribute a; attributes.next(a);) {
    if (a.type != attribute) continue;
    std::uint8_t number = 0;
    if (!read_be(a.value, number)) return false;
    // A state that a later kernel brings has no name here.
    flow.state = number < N ? names[number] : 0;
    flow.has_state = number < N;
  }
  return !attributes.malformed();
}

bool read_protocol_info(Bytes nest, Flow& flow) {
  Attributes attributes(nest);
  bool ok = true;
  for (Attribute a; ok && attributes.next(a);) {
    if (a.type == CTA_PROTOINFO_TCP) ok = read_state(a.value, CTA_PROTOINFO_TCP_STATE, kTcpStates, flow);
    if (a.type == CTA_PROTOINFO_SCTP) ok = read_state(a.value, CTA_PROTOINFO_SCTP_STATE, kSctpStates, flow);
  }
  return ok && !attributes.malformed();
}

bool read_labels(Bytes value, Flow& flow) {
  // 128 bits in words of the kernel's own byte order; it may send fewer.
  if (value.size() > flow.labels.size()) return false;
  std::memcpy(flow.labels.data(), value.data(), value.size());
  return flow.has_labels = true;
}

bool read_attribute(const Attribute& a, Flow& flow, bool& original, bool& reply, std::uint16_t (&tuple_zones)[2]) {
  std::uint8_t protocol = 0;
  switch (a.type) {
    case CTA_TUPLE_ORIG: return original = read_tuple(a.value, flow.original, flow.protocol, tuple_zones[0]);
    case CTA_TUPLE_REPLY: return reply = read_tuple(a.value, flow.reply, protocol, tuple_zones[1]);
    case CTA_ID: return read_be(a.value, flow.id);
    case CTA_STATUS: return read_be(a.value, flow.status);
    case CTA_MARK: return read_be(a.value, flow.mark);
    case CTA_ZONE: return read_be(a.value, flow.zone);
    case CTA_TIMEOUT: return flow.has_timeout = read_be(a.value, flow.timeout_s);
    case CTA_LABELS: return read_labels(a.value, flow);
    case CTA_COUNTERS_ORIG: return flow.has_counters = read_counters(a.value, flow.packets_original, flow.bytes_original);
    case CTA_COUNTERS_REPLY: return read_counters(a.value, flow.packets_reply, flow.bytes_reply);
    case CTA_TIMESTAMP: return read_times(a.value, flow);
    case CTA_PROTOINFO: return read_protocol_info(a.value, flow);
    case kTimestampEvent: return read_be(a.value, flow.event_ns);
    default: return true;
  }
}

}  // namespace

Parsed parse_flow(Bytes message, Flow& flow) {
  nlmsghdr head{};
  if (message.size() < sizeof head) return Parsed::malformed;
  std::memcpy(&head, message.data(), sizeof head);
  if (head.nlmsg_len < sizeof head || head.nlmsg_len > message.size()) return Parsed::malformed;
  if (NFNL_SUBSYS_ID(head.nlmsg_type) != NFNL_SUBSYS_CTNETLINK) return Parsed::ignored;
  const unsigned type = NFNL_MSG_TYPE(head.nlmsg_type);
  if (type != IPCTNL_MSG_CT_NEW && type != IPCTNL_MSG_CT_DELETE) return Parsed::ignored;
  nfgenmsg general{};
  if (head.nlmsg_len < sizeof head + sizeof general) return Parsed::malformed;
  std::memcpy(&general, message.data() + sizeof head, sizeof general);
  if (general.nfgen_family != AF_INET && general.nfgen_family != AF_INET6) return Parsed::ignored;

  flow = {};
  flow.family = general.nfgen_family == AF_INET ? 4 : 6;
  flow.requested = head.nlmsg_pid != 0;
  if (type == IPCTNL_MSG_CT_DELETE) flow.kind = Flow::Kind::destroyed;
  else if ((head.nlmsg_flags & NLM_F_MULTI) != 0) flow.kind = Flow::Kind::listed;
  else flow.kind = (head.nlmsg_flags & (NLM_F_CREATE | NLM_F_EXCL)) != 0 ? Flow::Kind::created : Flow::Kind::updated;

  bool original = false;
  bool reply = false;
  std::uint16_t tuple_zones[2] = {0, 0};
  Attributes attributes(message.subspan(sizeof head + sizeof general, head.nlmsg_len - sizeof head - sizeof general));
  for (Attribute a; attributes.next(a);) {
    if (!read_attribute(a, flow, original, reply, tuple_zones)) return Parsed::malformed;
  }
  if (attributes.malformed() || !original || !reply) return Parsed::malformed;
  if (flow.zone == 0) flow.zone = tuple_zones[0] != 0 ? tuple_zones[0] : tuple_zones[1];
  return Parsed::flow;
}

}  // namespace vslog
