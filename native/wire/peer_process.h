// The process at the other end of the socket, told from another one that has its pid after it.
#pragma once

#include <cstdint>

#include "wire/peer.h"

namespace vslog {

/// Whether the kernel names the process of a connected socket's peer itself (SO_PEERPIDFD, Linux 6.5). Where it does not, its start time is compared.
bool has_peer_pidfd(int socket);

/// Start time of the process that has the peer's pid now, jiffies since boot. 0: it has ended, or it is another user's.
std::uint64_t start_time_of(const Peer& peer);

}  // namespace vslog
