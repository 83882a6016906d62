// The kernel's clocks, and what must not be guessed of them while a machine is busy.
#pragma once

#include <cstdint>
#include <ctime>
#include <limits>

namespace vslog {

/// What a clock says now, ns.
inline std::uint64_t clock_ns(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

/// What threads of the calling one's have worked for it: it waited for each. Added to by whoever makes such a thread.
inline std::uint64_t& lent_work_ns() {
  thread_local std::uint64_t ns = 0;
  return ns;
}

/// Processor time that the calling thread's work has taken so far, ns: what it did itself, and what it had done by threads that it waited for.
inline std::uint64_t work_ns() { return clock_ns(CLOCK_THREAD_CPUTIME_ID) + lent_work_ns(); }

/// CLOCK_REALTIME less CLOCK_MONOTONIC, ns. The wall clock is read between two readings of the other one, which tell how far off the result may be: a process that was descheduled
/// between them reads again. Off by 50 us at most, unless no reading of a hundred was so close.
inline std::int64_t wall_offset_ns() {
  constexpr std::uint64_t kCloseNs = 100'000;
  std::int64_t best = 0;
  std::uint64_t width = std::numeric_limits<std::uint64_t>::max();
  for (int i = 0; i < 100 && width > kCloseNs; ++i) {
    const std::uint64_t before = clock_ns(CLOCK_MONOTONIC);
    const std::uint64_t wall = clock_ns(CLOCK_REALTIME);
    const std::uint64_t after = clock_ns(CLOCK_MONOTONIC);
    if (after - before >= width) continue;
    width = after - before;
    best = static_cast<std::int64_t>(wall - (before + width / 2));
  }
  return best;
}

/// The kernel's timer ticks (jiffies) a second: its coarse clocks move by one tick at a time (kernel/time/posix-timers.c, posix_get_coarse_res()), so nothing is measured.
inline std::uint32_t ticks_a_second() {
  timespec t{};
  if (clock_getres(CLOCK_MONOTONIC_COARSE, &t) != 0 || t.tv_sec != 0 || t.tv_nsec <= 0) return 250;
  return static_cast<std::uint32_t>((1'000'000'000 + t.tv_nsec / 2) / t.tv_nsec);
}

}  // namespace vslog
