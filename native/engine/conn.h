// One entry of the connection table: ip_vs_conn, packed, since there are millions of them.
#pragma once

#include <cstdint>

#include "engine/packet.h"

namespace vslog::engine {

/// IP_VS_CONN_F_* of include/uapi/linux/ip_vs.h, as they go into records.
enum ConnFlag : std::uint32_t {
  kForwardMask = 0x7,
  kInHash = 0x40,
  kNoOutput = 0x80,
  kInactive = 0x100,
  kTemplate = 0x1000,
  kOnePacketConn = 0x2000,
};

/// A template's state is a bit mask: IP_VS_CTPL_S_ASSURED.
inline constexpr std::uint8_t kAssured = 1;

inline constexpr std::uint32_t kNone = UINT32_MAX;

/// Ticks of the engine's timers since its start, as jiffies are for the kernel's; they wrap, and are compared by difference.
using Tick = std::uint32_t;
inline constexpr Time kTickLength = 4 * kMillisecond;  // HZ = 250

/// Indexes stand for pointers: half the size, and they stay valid when the table grows.
struct Conn {
  Address client{};
  Address virtual_addr{};
  std::uint64_t id = 0;  ///< 0: the place is free
  std::uint16_t client_port = 0;
  std::uint16_t virtual_port = 0;
  std::uint16_t real_port = 0;
  std::uint8_t protocol = 0;
  std::uint8_t family = 4;
  std::uint32_t flags = 0;
  std::uint32_t real = kNone;       ///< index of the RealServer; kNone: bypass
  std::uint32_t control = kNone;    ///< the template or connection that controls this one
  std::uint32_t controlled = 0;     ///< how many this one controls: n_control
  std::uint32_t timer_next = kNone;  ///< of a free place: the next free one
  std::uint32_t timer_prev = kNone;
  Tick expires = 0;                 ///< when it ends if nothing comes
  Tick armed = 0;                   ///< where its timer is queued, at or before `expires`
  std::uint32_t timeout_ticks = 0;  ///< what a packet winds the timer up to
  std::uint32_t fwmark = 0;         ///< of its service; 0: none
  std::uint32_t user = 0;
  std::uint8_t timer_level = 0;     ///< of the wheel, while queued
  std::uint8_t state = 0;
  ScheduledBy scheduled_by = ScheduledBy::unknown;
  EndReason tag = EndReason::none;  ///< why it will have ended when its timer runs out; none: the timer
  bool told = false;                ///< its create was told
  bool childless = false;           ///< a template for which no connection was made yet
  Time created = 0;
  std::uint64_t packets_in = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t packets_out = 0;
  std::uint64_t bytes_out = 0;

  bool is_template() const { return (flags & kTemplate) != 0; }
  bool one_packet() const { return (flags & kOnePacketConn) != 0; }
  ForwardMethod forward() const { return static_cast<ForwardMethod>(flags & kForwardMask); }
};

/// Timer ticks for a duration, rounded up, so that nothing ends early.
constexpr std::uint32_t ticks(Time duration) { return static_cast<std::uint32_t>((duration + kTickLength - 1) / kTickLength); }

}  // namespace vslog::engine
