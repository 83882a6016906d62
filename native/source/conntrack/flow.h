// A flow of the kernel's connection tracking, as a ctnetlink message tells it.
#pragma once

#include <linux/netfilter/nf_conntrack_common.h>

#include <array>
#include <cstdint>

#include "event/conn_record.h"

namespace vslog {

/// One direction of a flow.
struct FlowTuple {
  Address source{};
  Address destination{};
  std::uint16_t source_port = 0;       ///< ICMP: the identifier
  std::uint16_t destination_port = 0;  ///< ICMP: type << 8 | code
};

struct Flow {
  /// What the message says of it.
  enum class Kind : std::uint8_t { created, updated, destroyed, listed };

  Kind kind = Kind::listed;
  std::uint8_t family = 0;     ///< 4 or 6
  std::uint8_t protocol = 0;   ///< IP protocol number
  std::uint8_t state = 0;      ///< of TCP and SCTP: the number that IPVS gives the state of that name
  bool has_state = false;
  bool has_counters = false;
  bool has_timeout = false;
  bool has_labels = false;     ///< an end never has, a change only where it is one of labels
  bool requested = false;      ///< somebody asked for this change by ctnetlink
  FlowTuple original;
  FlowTuple reply;
  std::uint32_t id = 0;        ///< CTA_ID: a hash of the kernel's object and its tuples; the next flow in the same memory may have it again
  std::uint32_t status = 0;    ///< IPS_*, include/uapi/linux/netfilter/nf_conntrack_common.h
  std::uint32_t timeout_s = 0; ///< until it ends, when no packet comes
  std::uint32_t mark = 0;
  std::uint16_t zone = 0;
  std::array<std::uint8_t, 16> labels{};
  std::uint64_t packets_original = 0;
  std::uint64_t bytes_original = 0;
  std::uint64_t packets_reply = 0;
  std::uint64_t bytes_reply = 0;
  std::uint64_t start_ns = 0;  ///< wall clock, as the next two; 0: not told
  std::uint64_t stop_ns = 0;
  std::uint64_t event_ns = 0;
};

/// The kernel has told its end, or is about to, and takes it out of its table then. net/netfilter/nf_conntrack_core.c, nf_ct_delete().
inline bool is_dying(const Flow& flow) { return (flow.status & IPS_DYING) != 0; }

/// What tells one flow from another. All its bytes are compared.
struct FlowKey {
  Address source{};
  Address destination{};
  std::uint32_t id = 0;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint16_t zone = 0;
  std::uint8_t protocol = 0;
  std::uint8_t family = 0;

  bool operator==(const FlowKey&) const = default;
};

inline FlowKey key_of(const Flow& flow) {
  return {flow.original.source, flow.original.destination, flow.id, flow.original.source_port, flow.original.destination_port, flow.zone, flow.protocol, flow.family};
}

}  // namespace vslog
