// A part of the capture's one thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace vslog {

/// A bucket of processor time. It fills by one `part`-th of the time that goes by, up to `burst_ns`; whoever has emptied it waits. What one step costs is known
/// only afterwards, so a bucket may be overdrawn by one. All times in ns; `now` is of one monotonic clock.
class Share {
 public:
  constexpr Share(std::uint64_t part, std::uint64_t burst_ns) : part_(part), burst_(static_cast<std::int64_t>(burst_ns)), level_(burst_) {}

  /// There is something left.
  bool has_any(std::uint64_t now) {
    refill(now);
    return level_ > 0;
  }
  void spend(std::uint64_t now, std::uint64_t ns) {
    refill(now);
    level_ -= static_cast<std::int64_t>(ns);
  }
  /// How long until has_any(); 0: it has.
  std::uint64_t wait(std::uint64_t now) {
    refill(now);
    return level_ > 0 ? 0 : static_cast<std::uint64_t>(1 - level_) * part_;
  }
  /// Nothing was taken, or all of it came back.
  bool whole(std::uint64_t now) {
    refill(now);
    return level_ == burst_;
  }

 private:
  void refill(std::uint64_t now) {
    if (filled_ == 0 || now <= filled_) {
      filled_ = std::max(filled_, now);
      return;
    }
    const std::uint64_t more = (now - filled_) / part_;
    filled_ += more * part_;  // the rest counts the next time
    level_ = std::min(burst_, level_ + static_cast<std::int64_t>(std::min<std::uint64_t>(more, INT64_MAX / 4)));
  }

  std::uint64_t part_;
  std::int64_t burst_;
  std::int64_t level_;
  std::uint64_t filled_ = 0;
};

}  // namespace vslog
