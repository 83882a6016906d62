#include "sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "wait.h"

namespace hand {
Endpoint endpoint(const std::string& address, int port) {
  Endpoint e;
  auto& four = reinterpret_cast<sockaddr_in&>(e.address);
  auto& six = reinterpret_cast<sockaddr_in6&>(e.address);
  if (inet_pton(AF_INET, address.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(static_cast<std::uint16_t>(port));
    e.size = sizeof four;
  } else if (inet_pton(AF_INET6, address.c_str(), &six.sin6_addr) == 1) {
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(static_cast<std::uint16_t>(port));
    e.size = sizeof six;
  } else {
    throw std::runtime_error("no address: " + address);
  }
  return e;
}

Fd bound_socket(const std::string& protocol, const Endpoint& at, int more_flags) {
  const int type = protocol == "udp" ? SOCK_DGRAM : SOCK_STREAM;
  Fd fd(socket(at.address.ss_family, type | SOCK_CLOEXEC | more_flags, protocol == "sctp" ? IPPROTO_SCTP : 0));
  if (fd.get() < 0) fail("socket " + protocol);
  const int one = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&at.address), at.size) != 0) fail("bind " + protocol);
  return fd;
}

Fd connect_from(const std::string& protocol, const Endpoint& from, const Endpoint& to, std::chrono::seconds patience) {
  Fd fd = bound_socket(protocol, from);
  const timeval limit{patience.count(), 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  // The last connection between the two places may not be over yet for the client's own system.
  while (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.address), to.size) != 0) {
    if (errno != EADDRNOTAVAIL) fail("connect");
    look_later();
  }
  return fd;
}

void reset(Fd fd) {
  const linger now{1, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

}  // namespace hand
