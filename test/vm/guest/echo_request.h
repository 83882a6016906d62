// Waiting until packets have arrived.
#pragma once

#include <string>

#include "netns.h"

namespace hand {

/**
 * A packet goes on its way at once, but the kernel may leave the rest of the way to a thread of its own, so that the next command would overtake it. All that is sent
 * from one processor keeps its order in a queue: when the answer to an echo request is here, everything before it has arrived, and so has what was answered to that.
 */
class EchoRequest {
 public:
  /// In the calling thread's namespace.
  EchoRequest();

  /// Asks that address, and waits for its answer.
  void settle(const std::string& address);

 private:
  Fd fd_;
  unsigned short sequence_ = 0;
};

}  // namespace hand
