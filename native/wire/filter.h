// Which events a live subscription gets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wire/event_filter.h"
#include "wire/messages.h"

namespace vslog {

/// A set of groups. Empty means all.
class GroupFilter {
 public:
  GroupFilter() = default;
  explicit GroupFilter(const std::vector<Group>& groups);

  bool all() const { return mask_ == 0; }
  bool takes(RecordType record, std::int32_t kind) const;

 private:
  std::uint32_t mask_ = 0;
};

/// What is left of a batch.
struct FilteredBatch {
  std::string body;
  std::uint32_t count = 0;
  std::uint64_t first_sequence = 0;  ///< of the first and last event that is left
  std::uint64_t last_sequence = 0;
};

/// The events of `batch` that both take. Stops at an event that cannot be read.
FilteredBatch filter_batch(const EventBatch& batch, const GroupFilter& groups, const EventFilter& filter);

}  // namespace vslog
