// Who is at the other end of the socket, and what that allows.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace vslog {

struct Peer {
  uid_t uid = static_cast<uid_t>(-1);
  std::vector<gid_t> groups;
};

/// The peer of a connected unix socket by SO_PEERCRED, with all groups of its user.
Peer read_peer(int fd);

/// Root, the capture's own user, members of the socket's group.
bool may_subscribe(const Peer& peer, uid_t own, gid_t socket_group);

/// Root and the capture's own user.
bool may_set(const Peer& peer, uid_t own);

/// The group with this name or number. Throws SetupError when there is none.
gid_t find_group(const std::string& name_or_gid);

}  // namespace vslog
