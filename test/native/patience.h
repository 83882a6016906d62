// How long a native test may wait for something that comes by itself: the same for all of them, longer on a busy machine.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

namespace vslog::test {

/// Factor on every wait, at least 1: from VSLOG_TEST_PATIENCE (see test/support/patience.ts), else from the load of the last minute for each processor.
inline double patience_factor() {
  if (const char* said = std::getenv("VSLOG_TEST_PATIENCE"); said != nullptr && *said != '\0') return std::max(1.0, std::atof(said));
  double load = 0;
  if (getloadavg(&load, 1) != 1) return 1;
  return std::clamp(load / std::max(1U, std::thread::hardware_concurrency()), 1.0, 5.0);
}

/// Longest wait for one condition. It only bounds a wait for something that never comes.
inline std::chrono::milliseconds longest_wait() {
  static const auto wait = std::chrono::milliseconds(static_cast<long long>(120'000 * patience_factor()));
  return wait;
}

/// Waits until `so()` is true, looking every millisecond; false when it does not come within longest_wait().
template <typename Condition>
bool eventually(Condition so) {
  const auto late = std::chrono::steady_clock::now() + longest_wait();
  while (!so()) {
    if (std::chrono::steady_clock::now() > late) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// Lets time pass that decides nothing; `why` says what it is for.
inline void pause(std::chrono::milliseconds time, const char* /*why*/) { std::this_thread::sleep_for(time); }

}  // namespace vslog::test
