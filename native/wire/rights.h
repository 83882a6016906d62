// What a session may do. docs/security.md has the table.
#pragma once

#include <sys/types.h>

#include <optional>

#include "wire/peer.h"

namespace vslog {

struct Rights {
  bool subscribe = false;   ///< hear events live, list connections
  bool keep = false;        ///< have events kept under a name until they are acknowledged, which can fill the journal
  bool set = false;         ///< change knobs, services and connections
  bool privileged = false;  ///< root, the capture's own user and the collector: no budget holds them up
};

/// Whose members may what. Nothing: nobody's.
struct Groups {
  gid_t socket = 0;                ///< subscribe
  std::optional<gid_t> keepers{};  ///< subscribe and keep
  std::optional<gid_t> admins{};   ///< set
};

/// Root and the capture's own user (`own`) may everything.
Rights rights_of(const Peer& peer, uid_t own, const Groups& groups);

}  // namespace vslog
