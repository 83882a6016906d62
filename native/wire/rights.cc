#include "wire/rights.h"

#include <algorithm>

namespace vslog {

Rights rights_of(const Peer& peer, uid_t own, const Groups& groups) {
  const auto member = [&peer](std::optional<gid_t> group) { return group && std::find(peer.groups.begin(), peer.groups.end(), *group) != peer.groups.end(); };
  const bool ours = peer.uid == 0 || peer.uid == own;
  Rights rights;
  rights.keep = ours || member(groups.keepers);
  rights.subscribe = rights.keep || member(groups.socket);
  rights.set = ours || member(groups.admins);
  rights.privileged = rights.keep;
  return rights;
}

}  // namespace vslog
