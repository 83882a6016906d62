// The largest of some values, of late.
#pragma once

#include <algorithm>
#include <cstdint>

namespace vslog {

/// Keeps the largest value of this minute and of the one before. Times are ns of one clock that does not go back.
class Lately {
 public:
  void note(std::uint64_t value, std::uint64_t now) {
    roll(now);
    here_ = std::max(here_, value);
  }
  /// Of the last minute or two.
  std::uint64_t largest(std::uint64_t now) {
    roll(now);
    return std::max(here_, before_);
  }

 private:
  static constexpr std::uint64_t kMinuteNs = 60'000'000'000;

  void roll(std::uint64_t now) {
    const std::uint64_t minute = now / kMinuteNs;
    if (minute == minute_) return;
    before_ = minute == minute_ + 1 ? here_ : 0;
    here_ = 0;
    minute_ = minute;
  }

  std::uint64_t minute_ = 0;
  std::uint64_t here_ = 0;
  std::uint64_t before_ = 0;
};

}  // namespace vslog
