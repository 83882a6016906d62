#include "engine/nodest.h"

namespace vslog::engine {

std::optional<NodestSum> NodestLedger::dropped(std::uint32_t index, std::uint64_t id, std::uint32_t bytes, Time now) {
  if (interval_ == 0) return NodestSum{1, bytes, now, now};
  const auto [at, first] = entries_.try_emplace(index, Entry{id, {}});
  if (first) {
    turns_.push_back({now + interval_, index, id});
    return NodestSum{1, bytes, now, now};
  }
  NodestSum& sum = at->second.sum;
  if (sum.packets++ == 0) sum.first = now;
  sum.bytes += bytes;
  sum.last = now;
  return std::nullopt;
}

std::optional<NodestSum> NodestLedger::ended(std::uint32_t index, std::uint64_t id) {
  if (entries_.empty()) return std::nullopt;
  const auto at = entries_.find(index);
  if (at == entries_.end() || at->second.id != id) return std::nullopt;
  const NodestSum sum = at->second.sum;
  entries_.erase(at);
  if (sum.packets == 0) return std::nullopt;
  return sum;
}

std::optional<NodestLedger::Due> NodestLedger::due(Time now) {
  while (!turns_.empty() && turns_.front().at <= now) {
    const Turn turn = turns_.front();
    turns_.pop_front();
    const auto at = entries_.find(turn.index);
    if (at == entries_.end() || at->second.id != turn.id) continue;
    const NodestSum sum = at->second.sum;
    if (sum.packets == 0) {
      entries_.erase(at);
      continue;
    }
    at->second.sum = {};
    turns_.push_back({turn.at + interval_, turn.index, turn.id});
    return Due{turn.index, sum};
  }
  return std::nullopt;
}

}  // namespace vslog::engine
