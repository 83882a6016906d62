// From the kernel's event clock (CLOCK_MONOTONIC) to wall time.
#pragma once

#include <cstdint>
#include <optional>

namespace vslog {

/// The wall clock was set: its offset to the monotonic clock before and after, ns.
struct ClockStep {
  std::int64_t before;
  std::int64_t after;
};

class WallClock {
 public:
  /// A change of the offset beyond this is a step; less is the clock being slewed (at most 500 us a second).
  static constexpr std::int64_t kStepNs = 10'000'000;

  WallClock();

  /// Reads both clocks again. Returns what changed when the wall clock was set meanwhile.
  std::optional<ClockStep> sample();

  /// As sample(), with the two readings given.
  std::optional<ClockStep> update(std::int64_t offset_ns);

  /// Wall time in ns since 1970 of a monotonic time; 0 stays 0, "not known".
  std::uint64_t wall(std::uint64_t monotonic_ns) const { return monotonic_ns == 0 ? 0 : monotonic_ns + static_cast<std::uint64_t>(offset_); }

 private:
  std::int64_t offset_;
};

}  // namespace vslog
