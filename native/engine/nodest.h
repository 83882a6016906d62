// Packets that are dropped in silence because their real server is gone, summed up per connection.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "engine/conn.h"

namespace vslog::engine {

struct NodestSum {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  Time first = 0;
  Time last = 0;
};

/// A storm must not become a storm of records: the first packet is told at once, the next ones once an interval.
class NodestLedger {
 public:
  explicit NodestLedger(Time interval) : interval_(interval) {}

  /// A packet of this connection was dropped. What is to be told now, if anything.
  std::optional<NodestSum> dropped(std::uint32_t index, std::uint64_t id, std::uint32_t bytes, Time now);
  /// The connection ends: what was not told yet.
  std::optional<NodestSum> ended(std::uint32_t index, std::uint64_t id);

  struct Due {
    std::uint32_t index;
    NodestSum sum;
  };
  /// A connection whose interval is over and that has something to tell.
  std::optional<Due> due(Time now);

 private:
  struct Entry {
    std::uint64_t id;
    NodestSum sum;
  };
  struct Turn {
    Time at;
    std::uint32_t index;
    std::uint64_t id;
  };

  Time interval_;
  std::unordered_map<std::uint32_t, Entry> entries_;
  std::deque<Turn> turns_;  // in order of time, since every interval is as long
};

}  // namespace vslog::engine
