#include "engine/state.h"

#include "engine/state_tables.h"

namespace vslog::engine {

Timeouts::Timeouts() : tcp(tcp_timeouts()), sctp(sctp_timeouts()), udp(300 * kSecond) {}

Transition transition(const TransitionInput& in, const Timeouts& timeouts, bool secure) {
  const View view = !in.from_client ? real_view : in.no_output ? client_only_view : client_view;
  Transition t;
  // One that did not change its state stays what it was (set_tcp_state).
  const auto inactive = [&](bool active) { return t.state == in.state ? in.inactive : !active; };
  if (in.protocol == kTcp) {
    const TcpState next = next_tcp_state(static_cast<TcpState>(in.state), view, in.flags, secure);
    t.state = static_cast<std::uint8_t>(next);
    t.inactive = inactive(is_active(next));
    t.timeout = timeouts.tcp[t.state];
  } else if (in.protocol == kSctp) {
    const SctpState next = next_sctp_state(static_cast<SctpState>(in.state), view, in.flags);
    t.state = static_cast<std::uint8_t>(next);
    t.inactive = inactive(next == SctpState::established);
    t.timeout = timeouts.sctp[t.state];
  } else {
    t.state = static_cast<std::uint8_t>(UdpState::normal);
    t.inactive = in.inactive;
    t.timeout = timeouts.udp;
  }
  return t;
}

bool may_schedule(std::uint8_t protocol, std::uint8_t flags, bool sloppy_tcp, bool sloppy_sctp) {
  if (protocol == kTcp) return (sloppy_tcp || (flags & kSyn) != 0) && (flags & kRst) == 0;
  if (protocol == kSctp) return (sloppy_sctp || flags == kSctpInit) && flags != kSctpAbort;
  return protocol == kUdp;
}

bool is_new(std::uint8_t protocol, std::uint8_t flags) {
  if (protocol == kTcp) return (flags & kSyn) != 0;
  return protocol == kSctp && flags == kSctpInit;
}

const char* state_name(std::uint8_t protocol, std::uint8_t state) {
  static constexpr std::array<const char*, static_cast<std::size_t>(TcpState::count)> kTcpNames{
      "NONE", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "SYNACK"};
  static constexpr std::array<const char*, static_cast<std::size_t>(SctpState::count)> kSctpNames{
      "NONE", "INIT1", "INIT", "C-SENT", "C-REPLIED", "C-WAIT", "COOKIE", "C-ECHOED", "ESTABLISHED", "S-SENT", "S-RECEIVED", "S-ACK-SENT", "REJECTED", "CLOSED"};
  if (protocol == kTcp && state < kTcpNames.size()) return kTcpNames[state];
  if (protocol == kSctp && state < kSctpNames.size()) return kSctpNames[state];
  return protocol == kUdp && state == 0 ? "UDP" : "NONE";
}

}  // namespace vslog::engine
