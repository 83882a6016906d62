// Which flows are wanted: asked in the kernel for events, and here for what a dump brings.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <vector>

#include "source/conntrack/conntrack_options.h"
#include "source/conntrack/flow.h"

namespace vslog {

/// Whether a block is of IPv4 addresses. ::/0 is not, and takes no IPv4 flow.
bool is_ipv4(const AddressBlock& block);

class FlowFilter {
 public:
  explicit FlowFilter(const ConntrackOptions& options) : protocols_(options.protocols), addresses_(options.addresses) {}

  bool all() const { return protocols_.empty() && addresses_.empty(); }
  bool takes(const Flow& flow) const;

  /// A socket filter (SO_ATTACH_FILTER) that drops the events of other flows before they take room in the buffer. Lets pass what it does not understand. Empty: all pass.
  std::vector<sock_filter> program() const;

 private:
  std::vector<std::uint8_t> protocols_;
  std::vector<AddressBlock> addresses_;
};

}  // namespace vslog
