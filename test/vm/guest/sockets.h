// Sockets of the scenarios' clients and servers.
#pragma once

#include <sys/socket.h>

#include <stdexcept>
#include <string>

#include "netns.h"

namespace hand {

struct Endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;
};

/// A place in the network. Throws when it is none.
Endpoint endpoint(const std::string& address, int port);

/// A blocking socket of "tcp", "udp" or "sctp" at that place, in the calling thread's namespace.
Fd bound_socket(const std::string& protocol, const Endpoint& at, int more_flags = 0);

/// connect, send or recv has failed by what the other end answered, or a machine on the way: a reset, an abort, an ICMP error. It never means that time ran out.
class Refused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Says of connect, send or recv what errno does. Throws Refused, or what fail() throws when errno is no answer.
[[noreturn]] void fail_in_network(const std::string& what);

/// A socket that has begun to connect, and does not block.
Fd connecting_from(const std::string& protocol, const Endpoint& from, const Endpoint& to);

/// A connected socket, which blocks.
Fd connect_from(const std::string& protocol, const Endpoint& from, const Endpoint& to);

/// Throws when anything has been answered to a socket of connecting_from().
void must_be_unanswered(const Fd& fd);

/// Closes a stream connection by a reset.
void reset(Fd fd);

}  // namespace hand
