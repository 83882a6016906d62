// One reading of the kernel's table of flows, a piece at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "source/conntrack/flow_filter.h"
#include "source/conntrack/kernel_table.h"
#include "source/conntrack/netlink_socket.h"

namespace vslog {

class TableDump final : public FlowListing {
 public:
  /// Asks the kernel for its table. `with_undelivered`: after it, for the flows that have ended and whose end the kernel keeps until somebody has taken it (NETLINK_BROADCAST_ERROR).
  /// Throws SourceRefusal, std::system_error.
  explicit TableDump(const FlowFilter& filter, bool with_undelivered = false);

  Progress next(const std::function<void(const Flow&)>& each) override;

 private:
  const FlowFilter& filter_;
  bool undelivered_too_;
  NetlinkSocket socket_;
  std::vector<std::byte> buffer_;
};

}  // namespace vslog
