#include "servers.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "sockets.h"
#include "wait.h"

namespace hand {

namespace {

void signal_to(int fd) {
  const std::uint64_t one = 1;
  if (write(fd, &one, sizeof one) != sizeof one) fail("eventfd");
}

void take_signal(int fd) {
  std::uint64_t count = 0;
  if (read(fd, &count, sizeof count) != sizeof count) fail("eventfd");
}

}  // namespace

Servers::Servers() : epoll_(epoll_create1(EPOLL_CLOEXEC)), stop_(eventfd(0, EFD_CLOEXEC)), mark_(eventfd(0, EFD_CLOEXEC)), idle_(eventfd(0, EFD_CLOEXEC)) {
  if (epoll_.get() < 0 || stop_.get() < 0 || mark_.get() < 0 || idle_.get() < 0) fail("epoll");
  watch(Kind::end, Fd(dup(stop_.get())));
  watch(Kind::mark, Fd(dup(mark_.get())));
  thread_ = std::thread(&Servers::serve, this);
}

Servers::~Servers() {
  const std::uint64_t one = 1;
  if (write(stop_.get(), &one, sizeof one) == sizeof one) thread_.join();
  else thread_.detach();
}

void Servers::add(const std::string& protocol, const std::string& address, int port) {
  Fd fd = bound_socket(protocol, endpoint(address, port), SOCK_NONBLOCK);
  const bool udp = protocol == "udp";
  if (!udp && listen(fd.get(), 1024) != 0) fail("listen");
  watch(udp ? Kind::datagrams : Kind::listener, std::move(fd));
}

void Servers::until_idle() {
  signal_to(mark_.get());
  until_told(idle_.get(), POLLIN);
  take_signal(idle_.get());
}

void Servers::watch(Kind kind, Fd fd) {
  const std::lock_guard lock(mutex_);
  Socket& socket = sockets_.emplace_back(Socket{kind, std::move(fd)});
  socket.self = std::prev(sockets_.end());
  epoll_event event{.events = EPOLLIN, .data = {.ptr = &socket}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket.fd.get(), &event) != 0) fail("epoll");
}

void Servers::serve() {
  for (;;) {
    // Up to two, for the mark stays ready: a mark alone means that no socket is ready.
    std::array<epoll_event, 2> events;
    const int ready = epoll_wait(epoll_.get(), events.data(), events.size(), -1);
    if (ready < 1) continue;
    const auto at = [&](int i) -> Socket& { return *static_cast<Socket*>(events.at(static_cast<std::size_t>(i)).data.ptr); };
    const bool marked = at(0).kind == Kind::mark;
    if (marked && ready == 1) {
      take_signal(mark_.get());
      signal_to(idle_.get());
      continue;
    }
    Socket& socket = at(marked ? 1 : 0);
    if (socket.kind == Kind::end) return;
    if (socket.kind == Kind::listener) {
      Fd fd(accept4(socket.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (fd.get() >= 0) watch(Kind::stream, std::move(fd));
    } else if (!echo(socket)) {
      epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, socket.fd.get(), nullptr);
      // Its half stays open until all is over.
      if (socket.stays) continue;
      const std::lock_guard lock(mutex_);
      sockets_.erase(socket.self);
    }
  }
}

bool Servers::echo(Socket& socket) {
  std::array<char, 4096> buffer;
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  const int fd = socket.fd.get();
  const ssize_t n = recvfrom(fd, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&peer), &size);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (socket.kind == Kind::datagrams) {
    // An ICMP answer to an earlier echo is reported here: it changes nothing.
    if (n >= 0) sendto(fd, buffer.data(), static_cast<std::size_t>(n), 0, reinterpret_cast<sockaddr*>(&peer), size);
    return true;
  }
  if (n <= 0 || buffer[0] == 'q') return false;
  if (buffer[0] == 'h') return shutdown(fd, SHUT_WR) == 0;
  if (buffer[0] == 'k') socket.stays = true;
  return send(fd, buffer.data(), static_cast<std::size_t>(n), MSG_NOSIGNAL) >= 0;
}

}  // namespace hand
