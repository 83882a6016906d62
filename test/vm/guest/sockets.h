// Sockets of the scenarios' clients and servers.
#pragma once

#include <sys/socket.h>

#include <chrono>
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

/// A connected socket. It waits so long for each answer, here and later.
Fd connect_from(const std::string& protocol, const Endpoint& from, const Endpoint& to, std::chrono::seconds patience);

/// Closes a stream connection by a reset.
void reset(Fd fd);

}  // namespace hand
