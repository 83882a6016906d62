// One reading of the kernel's table of flows, a piece at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "source/conntrack/flow_filter.h"
#include "source/conntrack/netlink_socket.h"

namespace vslog {

class TableDump {
 public:
  /// Asks the kernel for its table. `with_undelivered`: after it, for the flows that have ended and whose end the kernel keeps until somebody has taken it (NETLINK_BROADCAST_ERROR).
  /// Throws SourceRefusal, std::system_error.
  explicit TableDump(const FlowFilter& filter, bool with_undelivered = false);

  struct Progress {
    std::size_t flows = 0;      ///< that were shown
    std::size_t malformed = 0;  ///< messages that could not be read
    bool done = false;
  };
  /// Shows the next piece of the table, some hundred flows at most. Throws std::system_error when the kernel refuses to go on.
  Progress next(const std::function<void(const Flow&)>& each);

 private:
  const FlowFilter& filter_;
  bool undelivered_too_;
  NetlinkSocket socket_;
  std::vector<std::byte> buffer_;
};

}  // namespace vslog
