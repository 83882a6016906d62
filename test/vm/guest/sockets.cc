#include "sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "wait.h"

namespace hand {
namespace {

/// The error that waits at a socket, which it is taken from; 0: none.
int error_of(const Fd& fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) fail("SO_ERROR");
  return error;
}

}  // namespace

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

void fail_in_network(const std::string& what) {
  if (errno == ECONNREFUSED || errno == ECONNRESET) throw Refused(what + ": " + std::strerror(errno));
  fail(what);
}

Fd connecting_from(const std::string& protocol, const Endpoint& from, const Endpoint& to) {
  Fd fd = bound_socket(protocol, from, SOCK_NONBLOCK);
  // The last connection between the two places may not be over yet for the client's own system.
  while (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.address), to.size) != 0 && errno != EINPROGRESS) {
    if (errno != EADDRNOTAVAIL) fail_in_network("connect");
    look_later();
  }
  return fd;
}

Fd connect_from(const std::string& protocol, const Endpoint& from, const Endpoint& to) {
  Fd fd = connecting_from(protocol, from, to);
  until_told(fd.get(), POLLOUT);
  errno = error_of(fd);
  if (errno != 0) fail_in_network("connect");
  if (fcntl(fd.get(), F_SETFL, 0) != 0) fail("fcntl");
  return fd;
}

void must_be_unanswered(const Fd& fd) {
  pollfd told{fd.get(), POLLOUT, 0};
  if (poll(&told, 1, 0) == 0) return;
  const int error = error_of(fd);
  throw std::runtime_error(error == 0 ? "the server has answered" : std::string("something was answered: ") + std::strerror(error));
}

void reset(Fd fd) {
  const linger now{1, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

}  // namespace hand
