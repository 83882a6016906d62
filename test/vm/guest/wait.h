// How the guest's hand waits: for conditions, and as long as it takes. The host gives up, with the patience of test/support/patience.ts, and hangs up: that ends every wait.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <thread>

namespace hand {

using namespace std::chrono_literals;

/// Ends every wait once the host is gone: there is nobody to tell.
class HungUp {};

/// Every later wait of this process ends with HungUp when the host at the other end of this socket has hung up.
void wait_only_while_host_at(int connection);

/// Between two looks at what the kernel or a program is to do.
void look_later();

template <typename Condition>
void until(const Condition& holds) {
  while (!holds()) look_later();
}

/// Until poll(2) tells one of these events of a descriptor, or an error, which it tells unasked.
void until_told(int fd, short events);

/// recv(2) from a blocking socket.
ssize_t receive(int fd, void* buffer, std::size_t size);

/// Lets time pass that decides nothing; `why` says what it is for.
inline void pause(std::chrono::milliseconds time, const char* /*why*/) { std::this_thread::sleep_for(time); }

}  // namespace hand
