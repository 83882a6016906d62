#include "source/ipvs/wall_clock.h"

#include "event/clock.h"

namespace vslog {

WallClock::WallClock() : offset_(wall_offset_ns()) {}

std::optional<ClockStep> WallClock::sample() { return update(wall_offset_ns()); }

std::optional<ClockStep> WallClock::update(std::int64_t offset_ns) {
  const std::int64_t before = offset_;
  offset_ = offset_ns;
  if (offset_ns - before > kStepNs || before - offset_ns > kStepNs) return ClockStep{before, offset_ns};
  return std::nullopt;
}

}  // namespace vslog
