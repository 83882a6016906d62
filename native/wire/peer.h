// Who is at the other end of the socket, and what that allows.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "event/author.h"

namespace vslog {

struct Peer {
  uid_t uid = static_cast<uid_t>(-1);
  std::vector<gid_t> groups{};
  pid_t pid = 0;
};

/// The peer of a connected unix socket by SO_PEERCRED, with all groups of its user.
Peer read_peer(int fd);

/// Root, the capture's own user, members of the socket's group.
bool may_subscribe(const Peer& peer, uid_t own, gid_t socket_group);

/// Root, the capture's own user, members of the group of administrators, if there is one.
bool may_set(const Peer& peer, uid_t own, std::optional<gid_t> admin_group);

/// Who asks, for the log: what /proc tells of the peer now.
Author author_of(const Peer& peer);

/// The group with this name or number. Throws SetupError, which names the option, when there is none.
gid_t find_group(const std::string& name_or_gid, const char* option = "socket-group");

}  // namespace vslog
