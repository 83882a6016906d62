// What another user of the director may try at the capture's socket.
#pragma once

#include <string>

namespace hand {

enum class Way {
  whole,  ///< requests for all knobs, all services, the source's status and all connections in turn
  half,   ///< the beginning of a frame that says it has 16 MiB
  keep,   ///< durable subscriptions: the collector's own name, with everything acknowledged under it, and a new name a session
};

struct Attack {
  std::string socket;
  unsigned uid = 0;       ///< who does it; his only group has the same number, but for `keep`: that one is in the capture's group, so that he may look
  int sessions = 0;
  int frames = 0;         ///< what each session sends at once, of `whole`
  Way way = Way::whole;
  int rounds = 0;         ///< sessions are ended when all is sent, and begun anew; 0: they are kept, and nothing is read, until this process is ended
};

/// Becomes that user and does it. Throws when the user cannot be had, or the socket cannot be reached at all.
void attack(const Attack& how);

}  // namespace hand
