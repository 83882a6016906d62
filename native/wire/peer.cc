#include "wire/peer.h"

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>

#include "wire/journal.h"

namespace vslog {

Peer read_peer(int fd) {
  ucred who{};
  socklen_t size = sizeof who;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return {};
  Peer peer{who.uid, {who.gid}};
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> text(16 << 10);
  if (getpwuid_r(who.uid, &entry, text.data(), text.size(), &found) == 0 && found != nullptr) {
    int count = 256;
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    if (getgrouplist(entry.pw_name, who.gid, groups.data(), &count) < 0) {
      groups.resize(static_cast<std::size_t>(count));
      getgrouplist(entry.pw_name, who.gid, groups.data(), &count);
    }
    groups.resize(static_cast<std::size_t>(std::max(count, 0)));
    peer.groups.insert(peer.groups.end(), groups.begin(), groups.end());
  }
  return peer;
}

bool may_subscribe(const Peer& peer, uid_t own, gid_t socket_group) {
  return peer.uid == 0 || peer.uid == own || std::find(peer.groups.begin(), peer.groups.end(), socket_group) != peer.groups.end();
}

bool may_set(const Peer& peer, uid_t own) { return peer.uid == 0 || peer.uid == own; }

gid_t find_group(const std::string& name_or_gid) {
  gid_t gid = 0;
  const char* const end = name_or_gid.data() + name_or_gid.size();
  if (const auto [at, error] = std::from_chars(name_or_gid.data(), end, gid); error == std::errc() && at == end) return gid;
  group entry{};
  group* found = nullptr;
  std::vector<char> text(64 << 10);
  if (getgrnam_r(name_or_gid.c_str(), &entry, text.data(), text.size(), &found) != 0 || found == nullptr) {
    throw SetupError("--socket-group " + name_or_gid + " is no group of this machine: name one that exists, or its number.");
  }
  return entry.gr_gid;
}

}  // namespace vslog
