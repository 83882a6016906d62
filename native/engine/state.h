// The protocols' states and timeouts: ip_vs_proto_tcp.c, ip_vs_proto_udp.c, ip_vs_proto_sctp.c.
#pragma once

#include <array>
#include <cstdint>

#include "engine/packet.h"

namespace vslog::engine {

/// Numbers as the kernel has them in include/net/ip_vs.h.
enum class TcpState : std::uint8_t { none, established, syn_sent, syn_recv, fin_wait, time_wait, close, close_wait, last_ack, listen, synack, count };
enum class UdpState : std::uint8_t { normal, count };
enum class SctpState : std::uint8_t {
  none, init1, init, cookie_sent, cookie_replied, cookie_wait, cookie, cookie_echoed, established, shutdown_sent, shutdown_received, shutdown_ack_sent, rejected, closed, count
};

/// Timeouts of every state, ns. The three that an operator sets (ipvsadm --set) are ESTABLISHED, FIN_WAIT and UDP.
struct Timeouts {
  std::array<Time, static_cast<std::size_t>(TcpState::count)> tcp;
  std::array<Time, static_cast<std::size_t>(SctpState::count)> sctp;
  Time udp;
  /// The kernel's defaults.
  Timeouts();
};

/// What a packet makes of a connection.
struct Transition {
  std::uint8_t state = 0;
  bool inactive = false;  ///< IP_VS_CONN_F_INACTIVE after it
  Time timeout = 0;       ///< of the new state
};

struct TransitionInput {
  std::uint8_t protocol = 0;
  std::uint8_t state = 0;         ///< before the packet
  bool inactive = false;          ///< IP_VS_CONN_F_INACTIVE before it
  bool no_output = false;         ///< IP_VS_CONN_F_NOOUTPUT: direct routing and tunnels; the balancer sees the client's side only
  bool from_client = true;
  std::uint8_t flags = 0;         ///< Packet::flags
};

/// secure_tcp's table is used while `secure` holds: tcp_states_dos. A SYN then goes to SYNACK, not SYN_RECV.
Transition transition(const TransitionInput& input, const Timeouts& timeouts, bool secure);

/// State of a connection just made, before its first packet's transition: 0, and the timeout until then is 3 s (ip_vs_conn_new).
inline constexpr Time kFirstTimeout = 3 * kSecond;

/// A new connection may begin with this packet: TCP SYN without ACK and RST, SCTP INIT, any UDP. sloppy: any packet but RST (TCP), any chunk but ABORT (SCTP); ip_vs_proto_tcp.c, tcp_conn_schedule.
bool may_schedule(std::uint8_t protocol, std::uint8_t flags, bool sloppy_tcp, bool sloppy_sctp);

/// is_new_conn() of ip_vs_core.c: SYN or INIT.
bool is_new(std::uint8_t protocol, std::uint8_t flags);

/// Lower-case words of a state for people: "ESTABLISHED", "NONE".
const char* state_name(std::uint8_t protocol, std::uint8_t state);

}  // namespace vslog::engine
