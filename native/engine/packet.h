// What the engine is given: packets without their payload. And what it answers.
#pragma once

#include <cstdint>

#include "event/conn_record.h"

namespace vslog::engine {

/// Nanoseconds of the engine's clock, which only goes forward. Whoever feeds packets owns the clock: real, or virtual as in tests.
using Time = std::uint64_t;

inline constexpr Time kMillisecond = 1'000'000;
inline constexpr Time kSecond = 1'000'000'000;

inline constexpr std::uint8_t kTcp = 6;
inline constexpr std::uint8_t kUdp = 17;
inline constexpr std::uint8_t kSctp = 132;

/// An address (IPv4 as ::ffff:a.b.c.d) and a port.
struct Endpoint {
  Address address{};
  std::uint16_t port = 0;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// Bits of the TCP header's flags byte (RFC 9293, 3.1).
enum TcpFlag : std::uint8_t { kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16 };

/// Types of an SCTP packet's first chunk (RFC 9260, 3.2).
enum SctpChunk : std::uint8_t {
  kSctpData = 0, kSctpInit = 1, kSctpInitAck = 2, kSctpSack = 3, kSctpHeartbeat = 4, kSctpAbort = 6, kSctpShutdown = 7, kSctpShutdownAck = 8, kSctpError = 9,
  kSctpCookieEcho = 10, kSctpCookieAck = 11, kSctpShutdownComplete = 14,
};

/// Which way a packet goes. `unknown` costs a second look into the table: first as a reply, then as a client's packet, the kernel's order of hooks.
enum class Direction : std::uint8_t { unknown, from_client, from_real };

struct Packet {
  Endpoint source;
  Endpoint destination;
  std::uint32_t length = 0;  ///< of the IP packet, bytes
  std::uint32_t fwmark = 0;
  std::uint8_t protocol = 0;
  std::uint8_t family = 4;       ///< 4 or 6
  std::uint8_t flags = 0;        ///< TCP: TcpFlag bits; SCTP: the first chunk's type; UDP: 0
  Direction direction = Direction::unknown;
  bool aborts = false;           ///< SCTP: behind the first chunk, a COOKIE ECHO or COOKIE ACK, stands an ABORT, which is what the state goes by (ip_vs_proto_sctp.c, set_sctp_state)
};

/// Names an entry of the connection table for as long as it lives; afterwards it names nothing.
struct ConnRef {
  std::uint32_t index = UINT32_MAX;
  std::uint64_t id = 0;  ///< the connection's conn_id
  explicit operator bool() const { return id != 0; }
};

enum class Verdict : std::uint8_t {
  pass,     ///< not of any virtual service: not the balancer's business
  forward,  ///< to the real server, or back to the client
  drop,     ///< in silence
  reject,   ///< and tell the sender: a TCP reset, an ICMP port unreachable
};

struct Outcome {
  Verdict verdict = Verdict::pass;
  bool created = false;  ///< this packet made the connection
  ConnRef conn;          ///< of forward, and of a drop that was a connection's; for a one-packet connection an entry that is already gone
  Endpoint real;         ///< forward, from a client: where to
};

}  // namespace vslog::engine
