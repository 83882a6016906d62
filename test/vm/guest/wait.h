// How the guest's hand waits: for conditions, and as long as it takes. The host gives up, with the patience of test/support/patience.ts.
#pragma once

#include <chrono>
#include <thread>

namespace hand {

using namespace std::chrono_literals;

/// Between two looks at what the kernel or a program is to do.
inline void look_later() { std::this_thread::sleep_for(10ms); }

template <typename Condition>
void until(const Condition& holds) {
  while (!holds()) look_later();
}

/// Lets time pass that decides nothing; `why` says what it is for.
inline void pause(std::chrono::milliseconds time, const char* /*why*/) { std::this_thread::sleep_for(time); }

}  // namespace hand
