// One connection event as the capture holds it before it is encoded. Fields, units and meaning: proto/vslog/v1/conn_event.proto.
#pragma once

#include <array>
#include <cstdint>

#include "vslog_fields.h"

namespace vslog {

/// An address as it goes on the wire: 16 bytes in network order, IPv4 as ::ffff:a.b.c.d, all zero for "none".
using Address = std::array<std::uint8_t, 16>;

/// The v4-mapped form of an IPv4 address whose four bytes are in network order.
constexpr Address map_ipv4(const std::uint8_t (&bytes)[4]) {
  Address a{};
  a[10] = 0xff;
  a[11] = 0xff;
  for (int i = 0; i < 4; ++i) a[12 + i] = bytes[i];
  return a;
}

/// Whether it is an IPv4 address in that form.
constexpr bool is_mapped_ipv4(const Address& address) {
  for (std::size_t i = 0; i < 10; ++i) {
    if (address[i] != 0) return false;
  }
  return address[10] == 0xff && address[11] == 0xff;
}

/// All fields of ConnEvent but the sequence, which the journal gives.
struct ConnRecord {
  EventKind kind = EventKind::unspecified;
  ForwardMethod forward = ForwardMethod::masq;
  EndReason reason = EndReason::none;
  ScheduledBy scheduled_by = ScheduledBy::unknown;
  std::uint64_t time_ns = 0;
  std::uint64_t conn_id = 0;
  std::uint64_t template_id = 0;
  std::uint64_t created_ns = 0;
  std::uint64_t duration_ns = 0;
  std::uint64_t packets_in = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t packets_out = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t drop_packets = 0;
  std::uint64_t drop_bytes = 0;
  std::uint64_t drop_first_ns = 0;
  std::uint64_t drop_last_ns = 0;
  Address client_addr{};
  Address virtual_addr{};
  Address real_addr{};
  std::uint16_t client_port = 0;
  std::uint16_t virtual_port = 0;
  std::uint16_t real_port = 0;
  std::uint8_t protocol = 0;
  std::uint8_t family = 0;
  std::uint32_t fwmark = 0;
  std::uint32_t flags = 0;
  std::uint32_t state = 0;
  std::int32_t weight = -1;
  std::uint32_t timeout_ms = 0;
  std::uint32_t netns = 0;
  std::uint32_t zone = 0;
  std::uint32_t mark = 0;
  std::array<std::uint8_t, 16> labels{};
  bool is_template = false;
  bool quiesced = false;

  bool operator==(const ConnRecord&) const = default;
};

}  // namespace vslog
