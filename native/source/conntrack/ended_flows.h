// The flows whose end was told lately.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "source/conntrack/flow_table.h"

namespace vslog {

/// Where somebody on this machine wants events delivered (NETLINK_BROADCAST_ERROR) and has no room, the kernel tells them again, to all: net/netfilter/nf_conntrack_ecache.c.
/// Of fixed size: places of eight, in each of which a newer flow takes the room of the oldest.
class EndedFlows {
 public:
  /// Does nothing for a flow that is there.
  void add(const FlowName& name) {
    if (places_.empty()) places_.resize(kPlaces);
    Place& place = places_[name.print % kPlaces];
    if (holds(place, name)) return;
    std::copy_backward(place.begin(), place.end() - 1, place.end());
    place.front() = name.print;
  }
  bool has(const FlowName& name) const { return !places_.empty() && holds(places_[name.print % kPlaces], name); }

 private:
  /// 2 MiB: at a thousand ends a second, some minutes of them.
  static constexpr std::size_t kPlaces = 1 << 15;
  /// A line of the processor's cache.
  using Place = std::array<std::uint64_t, 8>;

  static bool holds(const Place& place, const FlowName& name) { return std::find(place.begin(), place.end(), name.print) != place.end(); }

  std::vector<Place> places_;
};

}  // namespace vslog
