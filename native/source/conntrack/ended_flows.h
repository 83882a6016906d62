// The flows whose end was told lately.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "source/conntrack/flow_table.h"

namespace vslog {

/// Where somebody on this machine wants events delivered (NETLINK_BROADCAST_ERROR) and has no room, the kernel tells them again, to all: net/netfilter/nf_conntrack_ecache.c.
/// A table of fixed size, in which a newer flow takes the place of an older one.
class EndedFlows {
 public:
  void add(const FlowName& name) {
    if (prints_.empty()) prints_.resize(kPlaces);
    prints_[name.print % kPlaces] = name.print;
  }
  bool has(const FlowName& name) const { return !prints_.empty() && prints_[name.print % kPlaces] == name.print; }

 private:
  /// 2 MiB: at a thousand ends a second, some minutes of them.
  static constexpr std::size_t kPlaces = 1 << 18;

  std::vector<std::uint64_t> prints_;
};

}  // namespace vslog
