#include "source/ipvs/wall_clock.h"

#include <ctime>

namespace vslog {
namespace {

std::int64_t now(clockid_t clock) {
  timespec ts{};
  clock_gettime(clock, &ts);
  return static_cast<std::int64_t>(ts.tv_sec) * 1'000'000'000 + ts.tv_nsec;
}

/// Wall less monotonic. The wall clock is read between two readings of the other, so that being descheduled does not look like a step.
std::int64_t measure() {
  std::int64_t best = 0;
  std::int64_t width = INT64_MAX;
  for (int i = 0; i < 3; ++i) {
    const std::int64_t before = now(CLOCK_MONOTONIC);
    const std::int64_t wall = now(CLOCK_REALTIME);
    const std::int64_t after = now(CLOCK_MONOTONIC);
    if (after - before < width) {
      width = after - before;
      best = wall - (before + (after - before) / 2);
    }
  }
  return best;
}

}  // namespace

WallClock::WallClock() : offset_(measure()) {}

std::optional<ClockStep> WallClock::sample() { return update(measure()); }

std::optional<ClockStep> WallClock::update(std::int64_t offset_ns) {
  const std::int64_t before = offset_;
  offset_ = offset_ns;
  if (offset_ns - before > kStepNs || before - offset_ns > kStepNs) return ClockStep{before, offset_ns};
  return std::nullopt;
}

}  // namespace vslog
