#include "source/conntrack/flow_records.h"

#include <netinet/in.h>

namespace vslog {
namespace {

bool has_ports(std::uint8_t protocol) { return protocol != IPPROTO_ICMP && protocol != IPPROTO_ICMPV6; }

}  // namespace

std::uint16_t real_port_of(const Flow& flow) { return has_ports(flow.protocol) ? flow.reply.source_port : 0; }

bool is_translated(const Flow& flow) {
  if (flow.original.destination != flow.reply.source) return true;
  return has_ports(flow.protocol) && flow.original.destination_port != flow.reply.source_port;
}

EndReason end_reason(const Flow& flow) {
  if (flow.requested) return EndReason::flushed;
  // Since Linux 5.8 an end tells how long the timer would still have run, unless it had run out.
  return flow.has_timeout && flow.timeout_s > 0 ? EndReason::expire_now : EndReason::timeout;
}

ConnRecord record_of(const Flow& flow, EventKind kind, std::uint64_t time_ns) {
  ConnRecord r;
  r.kind = kind;
  r.time_ns = time_ns;
  r.family = flow.family;
  r.protocol = flow.protocol;
  r.client_addr = flow.original.source;
  r.client_port = flow.original.source_port;
  r.virtual_addr = flow.original.destination;
  r.virtual_port = flow.original.destination_port;
  r.real_addr = flow.reply.source;
  r.real_port = real_port_of(flow);
  r.forward = is_translated(flow) ? ForwardMethod::masq : ForwardMethod::direct;
  r.flags = flow.status;
  r.state = flow.state;
  r.mark = flow.mark;
  r.zone = flow.zone;
  r.labels = flow.labels;
  r.packets_in = flow.packets_original;
  r.bytes_in = flow.bytes_original;
  r.packets_out = flow.packets_reply;
  r.bytes_out = flow.bytes_reply;
  // What an end tells is what was left of the timer, not its period.
  if (flow.has_timeout && flow.kind != Flow::Kind::destroyed) r.timeout_ms = static_cast<std::uint32_t>(std::min<std::uint64_t>(flow.timeout_s * 1000ULL, 0xffffffff));
  return r;
}

ConnRecord missed_end(const KnownFlow& known, std::uint64_t time_ns) {
  ConnRecord r;
  r.kind = EventKind::expire;
  r.reason = EndReason::missed;
  r.time_ns = time_ns;
  r.conn_id = known.conn_id;
  r.created_ns = known.created_ns;
  r.family = known.key.family;
  r.protocol = known.key.protocol;
  r.client_addr = known.key.source;
  r.client_port = known.key.source_port;
  r.virtual_addr = known.key.destination;
  r.virtual_port = known.key.destination_port;
  r.real_addr = known.real;
  r.real_port = known.real_port;
  r.forward = known.translated ? ForwardMethod::masq : ForwardMethod::direct;
  r.flags = known.status;
  r.state = known.state;
  r.mark = known.mark;
  r.zone = known.key.zone;
  r.labels = known.labels;
  return r;
}

}  // namespace vslog
