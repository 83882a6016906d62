// TCP as a balancer between the two ends sees it: ip_vs_proto_tcp.c, tcp_states[] and tcp_states_dos[].
#include "engine/state_tables.h"

namespace vslog::engine {
namespace {

constexpr auto NO = TcpState::none, ES = TcpState::established, SS = TcpState::syn_sent, SR = TcpState::syn_recv, FW = TcpState::fin_wait, TW = TcpState::time_wait,
               CL = TcpState::close, CW = TcpState::close_wait, LA = TcpState::last_ack, LI = TcpState::listen, SA = TcpState::synack;

constexpr std::size_t kStates = static_cast<std::size_t>(TcpState::count);
enum Event : std::size_t { syn, fin, ack, rst, events };
using Table = std::array<std::array<std::array<TcpState, kStates>, events>, views>;

// Rows: SYN, FIN, ACK, RST. Columns: the state before, NO ES SS SR FW TW CL CW LA LI SA.
constexpr Table kUsual{{
    {{// from the client
      {SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR},
      {CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, TW},
      {ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES},
      {CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, SR}}},
    {{// from the real server
      {SS, ES, SS, SR, SS, SS, SS, SS, SS, LI, SR},
      {TW, FW, SS, TW, FW, TW, CL, TW, LA, LI, TW},
      {ES, ES, SS, ES, FW, TW, CL, CW, LA, ES, ES},
      {CL, CL, SS, CL, CL, TW, CL, CL, CL, CL, CL}}},
    {{// from the client, and the real server's packets do not pass here
      {SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR},
      {CL, FW, SS, TW, FW, TW, CL, CW, LA, LI, TW},
      {ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES},
      {CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL}}},
}};

// secure_tcp: a connection is not believed to be established before its real server has said so.
constexpr Table kSecure{{
    {{{SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SA},
      {CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, SA},
      {ES, ES, SS, SR, FW, TW, CL, CW, CL, LI, SA},
      {CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL}}},
    {{{SS, ES, SS, SA, SS, SS, SS, SS, SS, LI, SA},
      {TW, FW, SS, TW, FW, TW, CL, TW, LA, LI, TW},
      {ES, ES, SS, ES, FW, TW, CL, CW, LA, ES, ES},
      {CL, CL, SS, CL, CL, TW, CL, CL, CL, CL, CL}}},
    {{{SA, ES, ES, SR, SA, SA, SA, SA, SA, SA, SA},
      {CL, FW, SS, TW, FW, TW, CL, CW, LA, LI, TW},
      {ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES},
      {CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL}}},
}};

}  // namespace

TcpState next_tcp_state(TcpState state, View view, std::uint8_t flags, bool secure) {
  // tcp_state_idx(): the flag that says most.
  const Event event = (flags & kRst) != 0 ? rst : (flags & kSyn) != 0 ? syn : (flags & kFin) != 0 ? fin : (flags & kAck) != 0 ? ack : events;
  if (event == events) return CL;
  return (secure ? kSecure : kUsual)[view][event][static_cast<std::size_t>(state)];
}

bool is_active(TcpState state) { return state == ES || state == SS || state == SR || state == SA; }

std::array<Time, kStates> tcp_timeouts() {
  std::array<Time, kStates> t{};
  const auto set = [&t](TcpState state, Time seconds) { t[static_cast<std::size_t>(state)] = seconds * kSecond; };
  set(NO, 2);
  set(ES, 900);
  set(SS, 120);
  set(SR, 60);
  set(FW, 120);
  set(TW, 120);
  set(CL, 10);
  set(CW, 60);
  set(LA, 30);
  set(LI, 120);
  set(SA, 120);
  return t;
}

}  // namespace vslog::engine
