// Which events a live subscription wants, beyond its groups: the EventFilter of proto/vslog/v1/socket.proto. It looks at an event's bytes as they are.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/filter.h"
#include "vslog_fields.h"

namespace vslog {

class EventFilter {
 public:
  /// Passes everything.
  EventFilter() = default;
  /// Reads the message strictly: a filter that lost a part would pass more than its sender wants. Throws BadRequest, and protozero::exception at bytes
  /// that are no message.
  explicit EventFilter(std::string_view message);

  bool all() const { return nodes_.empty(); }
  /// Whether an event (its message without the length before it) passes. One that cannot be read does not.
  bool takes(RecordType record, std::string_view event) const;

 private:
  enum class What : std::uint8_t { all, any, none, places, ranges };
  struct Range {
    std::uint64_t first;
    std::uint64_t last;
  };
  /// A part; its own parts follow it, up to `end`.
  struct Node {
    What what;
    std::uint8_t field = 0;
    std::uint32_t end = 0;                 ///< the node after its last part
    std::vector<engine::Place> places;
    std::vector<Range> ranges;
  };
  struct Event;

  void read(std::string_view message, unsigned depth);
  void read_parts(What what, const std::vector<std::string_view>& parts, unsigned depth);
  void read_test(std::string_view message);
  bool passes(std::uint32_t at, const Event& event) const;

  std::vector<Node> nodes_;  ///< the first is the whole
};

}  // namespace vslog
