// Clients and real servers on loopback, in one thread with the balancer: whoever waits lets all of them go on.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <list>
#include <string>

#include "source/engine/sockets.h"

namespace vslog {

/// On an address of this process's own, 127.64.0.0 to 127.127.255.255: a port that was free a moment ago is not taken by another process's test.
inline engine::Endpoint loopback(std::uint16_t port) {
  const auto pid = static_cast<std::uint32_t>(getpid());
  const std::uint8_t bytes[4] = {127, static_cast<std::uint8_t>(64 + (pid >> 16) % 64), static_cast<std::uint8_t>(pid >> 8), static_cast<std::uint8_t>(pid)};
  return {map_ipv4(bytes), port};
}

inline engine::Endpoint local_of(int fd) {
  SocketAddress at;
  getsockname(fd, at.get(), &at.length);
  return to_endpoint(at);
}

/// A socket on a port of the kernel's choice; a stream listens.
inline UniqueFd bound(int type) {
  UniqueFd fd(socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const SocketAddress at = to_socket_address(loopback(0));
  EXPECT_EQ(bind(fd.get(), at.get(), at.length), 0);
  if (type == SOCK_STREAM) {
    EXPECT_EQ(listen(fd.get(), 512), 0);
  }
  return fd;
}

/// A port that nobody has at this moment.
inline std::uint16_t free_port(int type) { return local_of(bound(type).get()).port; }

/// One end of a TCP connection.
struct Peer {
  UniqueFd fd;
  std::string got;
  std::string to_send;
  bool ended = false;  ///< a FIN came
  bool was_reset = false;
  bool reading = true;

  void step() {
    char buffer[64 << 10];
    while (reading && !ended && !was_reset) {
      const ssize_t n = recv(fd.get(), buffer, sizeof buffer, 0);
      if (n > 0) got.append(buffer, static_cast<std::size_t>(n));
      else if (n == 0) ended = true;
      else if (errno == ECONNRESET) was_reset = true;
      else break;
    }
    while (!to_send.empty()) {
      const ssize_t n = send(fd.get(), to_send.data(), to_send.size(), MSG_NOSIGNAL);
      if (n <= 0) break;
      to_send.erase(0, static_cast<std::size_t>(n));
    }
  }
  void finish() const { shutdown(fd.get(), SHUT_WR); }
  std::uint16_t port() const { return local_of(fd.get()).port; }
};

inline Peer client_of(std::uint16_t port) {
  Peer peer;
  peer.fd = connect_to(loopback(port), SOCK_STREAM);
  EXPECT_TRUE(static_cast<bool>(peer.fd));
  return peer;
}

/// A real server that keeps what it is told, and says it back if it is an echo.
struct TcpServer {
  UniqueFd listener = bound(SOCK_STREAM);
  std::uint16_t port = local_of(listener.get()).port;
  bool echo = true;
  std::list<Peer> peers;

  void step() {
    for (;;) {
      UniqueFd fd(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd) break;
      peers.emplace_back().fd = std::move(fd);
    }
    for (Peer& peer : peers) {
      const std::size_t before = peer.got.size();
      peer.step();
      if (echo) peer.to_send.append(peer.got, before);
      if (echo) peer.step();
    }
  }
};

}  // namespace vslog
