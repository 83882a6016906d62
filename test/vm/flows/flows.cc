// Makes the connections of the scenarios: servers, clients that stay open until told otherwise, and bursts.
//
//   flows serve PROTOCOL ADDRESS PORT              answers in the background until it is killed
//   flows open CTL PROTOCOL FROM PORT TO PORT      connects, then waits at the unix socket CTL for commands, in the background
//   flows ctl CTL COMMAND                          send (waits for the echo), post (does not), close, reset, serverclose, halfclose, serverhalfclose
//   flows burst PROTOCOL N FROM PORT TO PORT       makes N connections one after the other, each from the next port, prints how many were answered
//   flows halfopen N FROM PORT TO PORT             sends N TCP SYNs, each from the next port, and waits for nothing
//   flows udp N FROM PORT TO PORT                  sends N packets from one socket, 20 ms apart, without waiting for answers
//
// PROTOCOL: tcp, udp, sctp. Exit codes: 0 done, 1 the network said no, 2 usage.
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr int kPatienceMs = 5000;

struct Endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;
};

Endpoint endpoint(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) throw std::runtime_error("no address: " + host + " " + port);
  Endpoint e;
  e.size = found->ai_addrlen;
  std::memcpy(&e.address, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return e;
}

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

int make_socket(const std::string& protocol, int family) {
  const bool udp = protocol == "udp";
  const int fd = socket(family, udp ? SOCK_DGRAM : SOCK_STREAM, protocol == "sctp" ? IPPROTO_SCTP : 0);
  if (fd < 0) fail("socket " + protocol);
  const int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  return fd;
}

int connect_from(const std::string& protocol, const std::string& from, const std::string& from_port, const std::string& to, const std::string& to_port) {
  const Endpoint source = endpoint(from, from_port);
  const Endpoint target = endpoint(to, to_port);
  const int fd = make_socket(protocol, target.address.ss_family);
  const timeval patience{kPatienceMs / 1000, 0};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&source.address), source.size) != 0) fail("bind " + from);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&target.address), target.size) != 0) {
    const int error = errno;
    close(fd);
    errno = error;
    fail("connect " + to + ":" + to_port);
  }
  return fd;
}

void background() {
  const pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid > 0) std::exit(0);
  setsid();
  if (std::freopen("/dev/null", "r", stdin) == nullptr || std::freopen("/dev/null", "w", stdout) == nullptr || std::freopen("/dev/null", "w", stderr) == nullptr) std::exit(1);
}

/// One child a stream connection: it echoes, and closes when the client has closed. A 'q' makes it close first, an 'h' close its own half only, and after a 'k' it
/// stays open when the client has closed.
void serve_stream(int listener) {
  for (;;) {
    const int fd = accept(listener, nullptr, nullptr);
    if (fd < 0) continue;
    if (fork() == 0) {
      close(listener);
      char buffer[4096];
      for (bool stays = false;;) {
        const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        if (n == 0 && stays) pause();
        if (n <= 0 || buffer[0] == 'q') break;
        if (buffer[0] == 'k') stays = true;
        if (buffer[0] == 'h') shutdown(fd, SHUT_WR);
        else if (send(fd, buffer, static_cast<std::size_t>(n), MSG_NOSIGNAL) < 0) break;
      }
      close(fd);
      std::_Exit(0);
    }
    close(fd);
  }
}

int serve(const std::string& protocol, const std::string& address, const std::string& port) {
  const Endpoint here = endpoint(address, port);
  const int fd = make_socket(protocol, here.address.ss_family);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&here.address), here.size) != 0) fail("bind " + address + ":" + port);
  if (protocol != "udp" && listen(fd, 1024) != 0) fail("listen");
  background();
  std::signal(SIGCHLD, SIG_IGN);
  if (protocol != "udp") serve_stream(fd);
  for (;;) {
    char buffer[2048];
    Endpoint peer;
    peer.size = sizeof peer.address;
    const ssize_t n = recvfrom(fd, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&peer.address), &peer.size);
    if (n >= 0) sendto(fd, buffer, static_cast<std::size_t>(n), 0, reinterpret_cast<sockaddr*>(&peer.address), peer.size);
  }
}

bool echoed(int fd, const std::string& text) {
  if (send(fd, text.data(), text.size(), MSG_NOSIGNAL) < 0) return false;
  char buffer[256];
  return recv(fd, buffer, sizeof buffer, 0) > 0;
}

bool drained(int fd) {
  char buffer[256];
  ssize_t n = 1;
  while (n > 0) n = recv(fd, buffer, sizeof buffer, 0);
  return n == 0 || errno == ENOTCONN;  // SCTP: both ends have closed
}

void reset(int fd) {
  const linger now{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(fd);
}

sockaddr_un ctl_address(const std::string& path) {
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  if (path.size() >= sizeof a.sun_path) throw std::runtime_error("path too long: " + path);
  std::memcpy(a.sun_path, path.c_str(), path.size() + 1);
  return a;
}

/// Obeys one command; the answer is "ok" or what went wrong.
std::string obey(int fd, const std::string& command) {
  if (command == "send") return echoed(fd, "p") ? "ok" : std::string("no answer: ") + std::strerror(errno);
  if (command == "post") return send(fd, "p", 1, MSG_NOSIGNAL) == 1 ? "ok" : std::string("not sent: ") + std::strerror(errno);
  if (command == "close") {
    shutdown(fd, SHUT_WR);
    const bool ended = drained(fd);
    close(fd);
    return ended ? "ok" : "the server did not close";
  }
  if (command == "serverclose") {
    if (send(fd, "q", 1, MSG_NOSIGNAL) != 1) return "not sent";
    const bool ended = drained(fd);
    close(fd);
    return ended ? "ok" : "the server did not close";
  }
  if (command == "halfclose") {
    if (!echoed(fd, "k")) return "no answer";
    shutdown(fd, SHUT_WR);
    return "ok";
  }
  if (command == "serverhalfclose") return send(fd, "h", 1, MSG_NOSIGNAL) == 1 && drained(fd) ? "ok" : "the server did not close its half";
  if (command == "reset") {
    reset(fd);
    return "ok";
  }
  return "no such command: " + command;
}

int open_connection(const std::vector<std::string>& a) {
  const std::string& path = a[0];
  const int fd = connect_from(a[1], a[2], a[3], a[4], a[5]);
  if (a[1] == "udp" && send(fd, "p", 1, 0) < 0) fail("send");
  const int ctl = socket(AF_UNIX, SOCK_STREAM, 0);
  unlink(path.c_str());
  const sockaddr_un address = ctl_address(path);
  if (bind(ctl, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(ctl, 4) != 0) fail(path);
  background();
  for (;;) {
    const int session = accept(ctl, nullptr, nullptr);
    if (session < 0) continue;
    char buffer[64];
    const ssize_t n = recv(session, buffer, sizeof buffer, 0);
    const std::string command(buffer, n > 0 ? static_cast<std::size_t>(n) : 0);
    const std::string answer = obey(fd, command);
    send(session, answer.data(), answer.size(), MSG_NOSIGNAL);
    close(session);
    if (command == "close" || command == "reset" || command == "serverclose") {
      unlink(path.c_str());
      return 0;
    }
  }
}

int ctl(const std::string& path, const std::string& command) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  const sockaddr_un address = ctl_address(path);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail(path);
  if (send(fd, command.data(), command.size(), 0) < 0) fail("send");
  char buffer[256];
  const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
  const std::string answer(buffer, n > 0 ? static_cast<std::size_t>(n) : 0);
  if (answer == "ok") return 0;
  std::fprintf(stderr, "flows: %s: %s\n", command.c_str(), answer.c_str());
  return 1;
}

int burst(const std::string& protocol, int count, const std::string& from, int from_port, const std::string& to, const std::string& port) {
  int answered = 0;
  for (int i = 0; i < count; ++i) {
    try {
      const int fd = connect_from(protocol, from, std::to_string(from_port + i), to, port);
      if (echoed(fd, "p")) ++answered;
      protocol == "udp" ? static_cast<void>(close(fd)) : reset(fd);
    } catch (const std::runtime_error& error) {
      std::fprintf(stderr, "flows: %d: %s\n", i, error.what());
    }
  }
  std::printf("%d\n", answered);
  return 0;
}

int half_open(int count, const std::string& from, int from_port, const std::string& to, const std::string& port) {
  const Endpoint target = endpoint(to, port);
  for (int i = 0; i < count; ++i) {
    const Endpoint source = endpoint(from, std::to_string(from_port + i));
    const int fd = socket(target.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&source.address), source.size) != 0) fail("bind " + from);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&target.address), target.size) != 0 && errno != EINPROGRESS) fail("connect " + to);
    close(fd);
  }
  return 0;
}

int udp_packets(const std::vector<std::string>& a) {
  const int fd = connect_from("udp", a[1], a[2], a[3], a[4]);
  for (int i = 0; i < std::stoi(a[0]); ++i) {
    // An ICMP answer to an earlier packet is reported here: the packet is then sent again.
    if (send(fd, "p", 1, 0) < 0) send(fd, "p", 1, 0);
    usleep(20'000);
  }
  return 0;
}

int run(const std::vector<std::string>& a) {
  const std::vector<std::string> rest(a.begin() + (a.empty() ? 0 : 1), a.end());
  if (a.size() == 4 && a[0] == "serve") return serve(a[1], a[2], a[3]);
  if (a.size() == 7 && a[0] == "open") return open_connection(rest);
  if (a.size() == 3 && a[0] == "ctl") return ctl(a[1], a[2]);
  if (a.size() == 7 && a[0] == "burst") return burst(a[1], std::stoi(a[2]), a[3], std::stoi(a[4]), a[5], a[6]);
  if (a.size() == 6 && a[0] == "halfopen") return half_open(std::stoi(a[1]), a[2], std::stoi(a[3]), a[4], a[5]);
  if (a.size() == 6 && a[0] == "udp") return udp_packets(rest);
  std::fprintf(stderr, "usage: flows serve|open|ctl|burst|halfopen|udp ...: see the head of flows.cc\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "flows: %s\n", error.what());
    return 1;
  }
}
