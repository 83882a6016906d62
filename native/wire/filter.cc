#include "wire/filter.h"

#include <protozero/exception.hpp>
#include <protozero/varint.hpp>

namespace vslog {
namespace {

Group group_of(EventKind kind) {
  switch (kind) {
    case EventKind::create:
    case EventKind::snapshot: return Group::conn_create;
    case EventKind::expire: return Group::conn_expire;
    case EventKind::nodest_drop: return Group::nodest_drop;
    case EventKind::sched_fail: return Group::sched_fail;
    case EventKind::state: return Group::conn_state;
    case EventKind::erased:
    case EventKind::unspecified: break;
  }
  return Group::unspecified;
}

Group group_of(ControlKind kind) {
  switch (kind) {
    case ControlKind::knob_changed: return Group::knob;
    case ControlKind::loss: return Group::loss;
    case ControlKind::unspecified: return Group::unspecified;
    default: return Group::topology;
  }
}

}  // namespace

GroupFilter::GroupFilter(const std::vector<Group>& groups) {
  for (const Group g : groups) {
    const auto bit = static_cast<std::uint32_t>(g);
    if (bit > 0 && bit < 32) mask_ |= 1U << bit;
  }
}

bool GroupFilter::takes(RecordType record, std::int32_t kind) const {
  if (all()) return true;
  const Group g = record == RecordType::conn ? group_of(static_cast<EventKind>(kind)) : group_of(static_cast<ControlKind>(kind));
  return (mask_ >> static_cast<std::uint32_t>(g) & 1) != 0;
}

FilteredBatch filter_batch(const EventBatch& batch, const GroupFilter& groups, const EventFilter& filter) {
  FilteredBatch out;
  const char* at = batch.body.data();
  const char* const end = at + batch.body.size();
  std::uint64_t sequence = batch.header.first_sequence;
  try {
    for (; at != end; ++sequence) {
      const char* const start = at;
      const std::uint64_t size = protozero::decode_varint(&at, end);
      if (size > static_cast<std::uint64_t>(end - at)) break;
      // The kind stands first and fits a byte: tag 0x08, value.
      const std::int32_t kind = size >= 2 && *at == 0x08 ? at[1] : 0;
      const std::string_view event(at, size);
      at += size;
      if (!groups.takes(batch.header.record, kind) || !filter.takes(batch.header.record, event)) continue;
      if (out.count++ == 0) out.first_sequence = sequence;
      out.last_sequence = sequence;
      out.body.append(start, at);
    }
  } catch (const protozero::exception&) {
    // What was taken so far stands.
  }
  return out;
}

}  // namespace vslog
