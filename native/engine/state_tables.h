// What state.cc puts together.
#pragma once

#include "engine/state.h"

namespace vslog::engine {

/// Who sent a packet, and whether the balancer sees both sides.
enum View : std::size_t { client_view, real_view, client_only_view, views };

/// secure: secure_tcp's table.
TcpState next_tcp_state(TcpState state, View view, std::uint8_t flags, bool secure);
SctpState next_sctp_state(SctpState state, View view, std::uint8_t chunk);

/// A connection in this state counts as active: those on their way to be established too (tcp_state_active).
bool is_active(TcpState state);

std::array<Time, static_cast<std::size_t>(TcpState::count)> tcp_timeouts();
std::array<Time, static_cast<std::size_t>(SctpState::count)> sctp_timeouts();

}  // namespace vslog::engine
