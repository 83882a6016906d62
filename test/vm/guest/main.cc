// The host's hand in the guest: `hand SESSIONS BRIDGES`. On the first port each connection is a session (session.h). On the second one the first line names a unix
// socket, and the connection is joined to that. `hand attack` is what another user tries (attack.h). Both are greeted, so that the host knows a connection that the emulated network has lost.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#include "attack.h"
#include "netns.h"
#include "session.h"
#include "sockets.h"

namespace {

using hand::Fd;

Fd listener(int port) {
  Fd fd = hand::bound_socket("tcp", hand::endpoint("0.0.0.0", port));
  if (listen(fd.get(), 1024) != 0) hand::fail("listen");
  return fd;
}

/// One direction of a bridge. False: it is over.
bool carry(int from, int to) {
  std::array<char, 65536> buffer;
  const ssize_t n = read(from, buffer.data(), buffer.size());
  if (n <= 0) return false;
  for (ssize_t done = 0; done < n;) {
    const ssize_t sent = send(to, buffer.data() + done, static_cast<std::size_t>(n - done), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    done += sent;
  }
  return true;
}

void bridge(const Fd& outer) {
  std::string path;
  for (char c; read(outer.get(), &c, 1) == 1 && c != '\n';) path += c;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const Fd inner(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(inner.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
  for (;;) {
    std::array<pollfd, 2> ends{pollfd{outer.get(), POLLIN, 0}, pollfd{inner.get(), POLLIN, 0}};
    poll(ends.data(), ends.size(), -1);
    if (ends[0].revents != 0 && !carry(outer.get(), inner.get())) return;
    if (ends[1].revents != 0 && !carry(inner.get(), outer.get())) return;
  }
}

void serve(const Fd& listening, bool bridges, unsigned number) {
  Fd connection(accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (connection.get() < 0 || fork() != 0) return;
  int code = 0;
  try {
    const int one = 1;
    setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    constexpr std::array<char, 6> kGreeting{'r', 'e', 'a', 'd', 'y', '\n'};
    if (write(connection.get(), kGreeting.data(), kGreeting.size()) < 0) std::_Exit(1);
    if (bridges) {
      bridge(connection);
    } else {
      std::signal(SIGCHLD, SIG_DFL);
      hand::Session(connection.release(), number).serve();
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hand: %s\n", error.what());
    code = 1;
  }
  std::_Exit(code);
}

hand::Way way_of(const std::string& word) {
  if (word == "whole") return hand::Way::whole;
  if (word == "half") return hand::Way::half;
  if (word == "keep") return hand::Way::keep;
  throw std::runtime_error(word + " is no way to attack: whole, half or keep");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 8 && std::string(argv[1]) == "attack") {
      hand::attack({argv[2], static_cast<unsigned>(std::stoul(argv[3])), std::stoi(argv[4]), std::stoi(argv[5]), way_of(argv[6]), std::stoi(argv[7])});
      return 0;
    }
    if (argc != 3) throw std::runtime_error("usage: hand SESSIONS BRIDGES, both ports; or hand attack SOCKET UID SESSIONS FRAMES whole|half|keep ROUNDS");
    std::signal(SIGCHLD, SIG_IGN);
    std::signal(SIGPIPE, SIG_IGN);
    const Fd sessions = listener(std::stoi(argv[1])), bridges = listener(std::stoi(argv[2]));
    for (unsigned number = 0;;) {
      std::array<pollfd, 2> doors{pollfd{sessions.get(), POLLIN, 0}, pollfd{bridges.get(), POLLIN, 0}};
      if (poll(doors.data(), doors.size(), -1) < 0) continue;
      if (doors[0].revents != 0) serve(sessions, false, number++);
      if (doors[1].revents != 0) serve(bridges, true, 0);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hand: %s\n", error.what());
    return 1;
  }
}
