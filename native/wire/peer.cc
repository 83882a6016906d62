#include "wire/peer.h"

#include <grp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "wire/journal.h"
#include "wire/peer_process.h"

namespace vslog {

Peer read_credentials(int fd) {
  ucred who{};
  socklen_t size = sizeof who;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return {};
  return {who.uid, {who.gid}, who.pid};
}

void read_groups(int fd, Peer& peer) {
  if (peer.uid == static_cast<uid_t>(-1)) return;
  std::vector<gid_t> groups(32);
  auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  int result = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
  if (result != 0 && errno == ERANGE) {  // the kernel has written how much they take; they are those of the connect, so they grow no more
    groups.resize(size / sizeof(gid_t));
    result = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
  }
  if (result == 0) {
    groups.resize(size / sizeof(gid_t));
    // A process may hold 65,536 groups: each once is enough.
    std::sort(groups.begin(), groups.end());
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
    peer.groups.insert(peer.groups.end(), groups.begin(), groups.end());
  }
  if (!has_peer_pidfd(fd)) peer.start_time = start_time_of(peer);
}

Peer read_peer(int fd) {
  Peer peer = read_credentials(fd);
  read_groups(fd, peer);
  return peer;
}

gid_t find_group(const std::string& name_or_gid, const char* option) {
  gid_t gid = 0;
  const char* const end = name_or_gid.data() + name_or_gid.size();
  if (const auto [at, error] = std::from_chars(name_or_gid.data(), end, gid); error == std::errc() && at == end) return gid;
  group entry{};
  group* found = nullptr;
  std::vector<char> text(64 << 10);
  if (getgrnam_r(name_or_gid.c_str(), &entry, text.data(), text.size(), &found) != 0 || found == nullptr) {
    throw SetupError("--" + std::string(option) + " " + name_or_gid + " is no group of this machine: name one that exists, or its number.");
  }
  return entry.gr_gid;
}

}  // namespace vslog
