// When a durable subscriber that does not come gives way, so that one that nobody runs any more holds up nobody for ever.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace vslog {

struct GivingWayOptions {
  std::uint64_t timeout_ns = 0;   ///< away for longer than that gives way; 0: for as long as it likes
  bool prefers_traffic = false;   ///< also when the journal has been nearly full for a minute
};

/// A durable subscriber as it is now.
struct Subscriber {
  std::string name;
  std::uint64_t acknowledged = 0;
  std::uint64_t away_ns = 0;  ///< 0: a session has it
};

/// Decides; times are given to it, ns of one clock that does not go back.
class GivingWay {
 public:
  /// So full is nearly full, and for so long.
  static constexpr std::uint64_t kNearlyOf8 = 7;
  static constexpr std::uint64_t kFullForNs = 60'000'000'000;

  explicit GivingWay(GivingWayOptions options) : options_(options) {}

  struct Verdict {
    std::string name;
    std::string why;  ///< "it was away for 1440 minutes"
  };

  /// Who gives way now: one at a time, and the journal is looked at anew after it.
  std::optional<Verdict> decide(const std::vector<Subscriber>& all, std::uint64_t used, std::uint64_t capacity, std::uint64_t now) {
    for (const Subscriber& s : all) {
      if (options_.timeout_ns != 0 && s.away_ns > options_.timeout_ns) return Verdict{s.name, "it was away for " + duration_text(s.away_ns)};
    }
    const bool nearly = used > capacity / 8 * kNearlyOf8;
    if (!options_.prefers_traffic || !nearly || all.empty()) {
      full_since_.reset();
      return std::nullopt;
    }
    if (!full_since_) {
      full_since_ = now;
      then_.clear();
      for (const Subscriber& s : all) then_[s.name] = s.acknowledged;
    }
    if (now - *full_since_ < kFullForNs) return std::nullopt;
    full_since_.reset();
    // Whoever goes on, however slowly, is waited for; of the others the one that is furthest behind holds the most.
    const auto slowest = std::min_element(all.begin(), all.end(), [](const Subscriber& a, const Subscriber& b) { return a.acknowledged < b.acknowledged; });
    const auto then = then_.find(slowest->name);
    if (then == then_.end() || slowest->acknowledged != then->second) return std::nullopt;
    return Verdict{slowest->name, std::string("the journal was nearly full for a minute, in which it ") + (slowest->away_ns > 0 ? "was away" : "acknowledged nothing")};
  }

 private:
  /// In the largest unit of which it has two, rounded down.
  static std::string duration_text(std::uint64_t ns) {
    const std::uint64_t s = ns / 1'000'000'000;
    if (s >= std::uint64_t{2} * 86'400) return std::to_string(s / 86'400) + " days";
    if (s >= std::uint64_t{2} * 3600) return std::to_string(s / 3600) + " hours";
    if (s >= std::uint64_t{2} * 60) return std::to_string(s / 60) + " minutes";
    return std::to_string(s) + " s";
  }

  GivingWayOptions options_;
  std::optional<std::uint64_t> full_since_;
  std::map<std::string, std::uint64_t> then_;
};

}  // namespace vslog
