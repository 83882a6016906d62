// Who is at the other end of the socket; rights.h says what that allows.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "event/author.h"

namespace vslog {

/// The process that connected. A socket that it handed on speaks for it still.
struct Peer {
  uid_t uid = static_cast<uid_t>(-1);
  std::vector<gid_t> groups{};    ///< its own ones when it connected, the primary one first
  pid_t pid = 0;
  std::uint64_t start_time = 0;   ///< jiffies since boot, only where the kernel has no SO_PEERPIDFD; 0: not known
};

/// Reads user, primary group and pid of a connected unix socket's peer by SO_PEERCRED: one system call. Nobody (uid -1, no groups) when they cannot be read.
Peer read_credentials(int fd);

/// Adds the supplementary groups that the process had when it connected (SO_PEERGROUPS), and its start time where it is needed later. Asks no name service, so it cannot block:
/// what decides is what the process holds, as of a file. Membership that somebody was given since, or that the process gave up, counts from the next login on.
void read_groups(int fd, Peer& peer);

/// Both.
Peer read_peer(int fd);

/// Who asks, for the log: what /proc tells of the peer now. Of a process that has ended only user and pid are known, which the kernel kept from the connect: another process that has
/// its pid now, or its parent's, is never named. `socket`: the connected socket.
Author author_of(const Peer& peer, int socket);

/// The group with this name or number. Throws SetupError, which names the option, when there is none.
gid_t find_group(const std::string& name_or_gid, const char* option = "socket-group");

}  // namespace vslog
