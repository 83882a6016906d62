// SCTP as a balancer between the two ends sees it: ip_vs_proto_sctp.c, sctp_states[].
#include "engine/state_tables.h"

namespace vslog::engine {
namespace {

constexpr auto NO = SctpState::none, I1 = SctpState::init1, IN = SctpState::init, CS = SctpState::cookie_sent, CR = SctpState::cookie_replied, CW = SctpState::cookie_wait,
               CO = SctpState::cookie, CE = SctpState::cookie_echoed, ES = SctpState::established, SS = SctpState::shutdown_sent, SR = SctpState::shutdown_received,
               SA = SctpState::shutdown_ack_sent, RJ = SctpState::rejected, CL = SctpState::closed;

constexpr std::size_t kStates = static_cast<std::size_t>(SctpState::count);
enum Event : std::size_t { data, init, init_ack, cookie_echo, cookie_ack, shutdown, shutdown_ack, shutdown_complete, error, abort, events };
using Table = std::array<std::array<std::array<SctpState, kStates>, events>, views>;

// Rows: the events above. Columns: the state before, NO I1 IN CS CR CW CO CE ES SS SR SA RJ CL.
constexpr Table kTable{{
    {{// from the client
      {ES, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL},
      {I1, IN, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, IN, IN},
      {CW, CW, CW, CS, CR, CO, CO, CE, ES, SS, SR, SA, RJ, CL},
      {CR, IN, IN, CR, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL},
      {ES, I1, IN, CS, CR, CW, CO, ES, ES, SS, SR, SA, RJ, CL},
      {SR, I1, IN, CS, CR, CW, CO, CE, SR, SS, SR, SA, RJ, CL},
      {CL, IN, IN, CS, CR, CW, CO, CE, ES, CL, SR, CL, RJ, CL},
      {CL, CL, CL, CS, CR, CW, CO, CE, ES, SS, SR, CL, RJ, CL},
      {CL, I1, IN, CS, CR, CW, CO, CL, ES, SS, SR, SA, RJ, CL},
      {CL, CL, CL, CL, CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL}}},
    {{// from the real server
      {ES, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL},
      {CW, CW, CW, CW, CW, CW, CW, CW, ES, CW, CW, CW, CW, CW},
      {CS, CS, CS, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL},
      {CE, CE, CE, CE, CE, CE, CE, CE, ES, SS, SR, SA, RJ, CL},
      {ES, ES, ES, ES, ES, ES, ES, ES, ES, SS, SR, SA, RJ, CL},
      {SS, SS, SS, SS, SS, SS, SS, SS, SS, SS, SR, SA, RJ, CL},
      {SA, SA, SA, SA, SA, CW, CO, CE, ES, SA, SA, SA, RJ, CL},
      {CL, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL},
      {CL, CL, CL, CL, CL, CW, CO, CE, ES, SS, SR, SA, RJ, CL},
      {CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL}}},
    {{// from the client, and the real server's packets do not pass here
      {ES, I1, IN, CS, CR, ES, CO, CE, ES, SS, SR, SA, RJ, CL},
      {I1, IN, IN, IN, IN, IN, CO, CE, ES, SS, SR, SA, IN, IN},
      {CE, CE, CE, CE, CE, CE, CO, CE, ES, SS, SR, SA, RJ, CL},
      {ES, ES, ES, ES, ES, ES, CO, CE, ES, SS, SR, SA, RJ, CL},
      {ES, I1, IN, ES, ES, CW, ES, ES, ES, SS, SR, SA, RJ, CL},
      {SR, I1, IN, CS, CR, CW, CO, CE, SR, SS, SR, SA, RJ, CL},
      {CL, IN, IN, CS, CR, CW, CO, CE, CL, CL, SR, CL, RJ, CL},
      {CL, CL, CL, CL, CL, CW, CO, CE, ES, SS, CL, CL, RJ, CL},
      {CL, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL},
      {CL, CL, CL, CL, CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL}}},
}};

/// What a packet's first chunk says. Chunks that say nothing of the association's life count as data.
Event event_of(std::uint8_t chunk) {
  switch (chunk) {
    case kSctpInit: return init;
    case kSctpInitAck: return init_ack;
    case kSctpCookieEcho: return cookie_echo;
    case kSctpCookieAck: return cookie_ack;
    case kSctpShutdown: return shutdown;
    case kSctpShutdownAck: return shutdown_ack;
    case kSctpShutdownComplete: return shutdown_complete;
    case kSctpError: return error;
    case kSctpAbort: return abort;
    default: return data;
  }
}

}  // namespace

SctpState next_sctp_state(SctpState state, View view, std::uint8_t chunk) { return kTable[view][event_of(chunk)][static_cast<std::size_t>(state)]; }

std::array<Time, kStates> sctp_timeouts() {
  std::array<Time, kStates> t{};
  t.fill(61 * kSecond);  // RFC 9260's longest retransmission time and one second
  t[static_cast<std::size_t>(NO)] = 2 * kSecond;
  t[static_cast<std::size_t>(I1)] = t[static_cast<std::size_t>(RJ)] = 4 * kSecond;
  t[static_cast<std::size_t>(ES)] = 900 * kSecond;
  return t;
}

}  // namespace vslog::engine
