#include "wait.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>

#include "netns.h"

namespace hand {
namespace {

/// The connection to the host; poll(2) passes over -1.
int host = -1;

/// Throws when the host has hung up, at the latest after `ms`.
void look_at_host(int ms) {
  pollfd end{host, POLLRDHUP, 0};
  if (poll(&end, 1, ms) > 0) throw HungUp();
}

}  // namespace

void wait_only_while_host_at(int connection) { host = connection; }

void look_later() { look_at_host(10); }

void until_told(int fd, short events) {
  std::array<pollfd, 2> ends{pollfd{fd, events, 0}, pollfd{host, POLLRDHUP, 0}};
  while (ends[0].revents == 0) {
    if (poll(ends.data(), ends.size(), -1) < 0 && errno != EINTR) fail("poll");
    if (ends[1].revents != 0) throw HungUp();
  }
}

ssize_t receive(int fd, void* buffer, std::size_t size) {
  // poll(2) cannot wait for this: it never tells that an association of SCTP is no more, which recv(2) does. The limit is the time between two looks at the host.
  const timeval look{0, 200'000};
  // time: it looks again, and gives up only when the host did
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &look, sizeof look) != 0) fail("receive limit");
  for (;;) {
    const ssize_t n = recv(fd, buffer, size, 0);
    if (n >= 0 || errno != EAGAIN) return n;
    look_at_host(0);
  }
}

}  // namespace hand
