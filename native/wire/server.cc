#include "wire/server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "wire/peer.h"

namespace vslog {
namespace {

constexpr int kSendBuffer = 1 << 20;

std::string reason(int error) { return std::generic_category().message(error); }

UniqueFd stream_socket() {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) throw SetupError("no unix socket can be made: " + reason(errno) + ".");
  return fd;
}

}  // namespace

Server::Server(const ServerOptions& options, Exchange& exchange)
    : exchange_(exchange), path_(options.path), group_(options.group.empty() ? getegid() : find_group(options.group)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (!options.admin_group.empty()) admin_group_ = find_group(options.admin_group, "admin-group");
  if (!epoll_) throw SetupError("no epoll descriptor can be made: " + reason(errno) + ".");
  listen_at(path_);
  epoll_event event{.events = EPOLLIN, .data = {.u64 = 0}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener_.get(), &event) != 0) throw SetupError("the socket cannot be watched: " + reason(errno) + ".");
}

Server::~Server() {
  if (listener_) unlink(path_.c_str());
}

void Server::listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    throw SetupError("--socket " + path + " is no usable path: it must have 1 to " + std::to_string(sizeof address.sun_path - 1) + " bytes.");
  }
  path.copy(address.sun_path, path.size());
  std::error_code ignored;  // bind says what is wrong
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  const auto* const where = reinterpret_cast<const sockaddr*>(&address);

  // A socket that nobody listens on was left by a process that was killed.
  if (struct stat info{}; lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) throw SetupError("--socket " + path + " is a file that is no socket: remove it, or name another path.");
    const UniqueFd probe = stream_socket();
    if (connect(probe.get(), where, sizeof address) == 0 || errno == EAGAIN) {
      throw InUse("the socket " + path + " is in use by another process: stop that one, or name another with --socket.");
    }
    if (errno == ECONNREFUSED) unlink(path.c_str());
  }
  UniqueFd fd = stream_socket();
  const mode_t mask = umask(0777);  // nobody gets in between bind and chmod
  const int bound = bind(fd.get(), where, sizeof address);
  const int error = errno;
  umask(mask);
  if (bound != 0) throw SetupError("the socket " + path + " cannot be made: " + reason(error) + "; name a writable place with --socket.");
  if (chown(path.c_str(), static_cast<uid_t>(-1), group_) != 0 || chmod(path.c_str(), 0666) != 0 || listen(fd.get(), 64) != 0) {
    const int failed = errno;
    unlink(path.c_str());
    throw SetupError("the socket " + path + " cannot be given to group " + std::to_string(group_) + ": " + reason(failed) + ".");
  }
  listener_ = std::move(fd);
}

void Server::handle() {
  std::array<epoll_event, 64> events;
  const int n = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < n; ++i) {
    const auto port = static_cast<std::uint32_t>(events[static_cast<std::size_t>(i)].data.u64);
    const std::uint32_t what = events[static_cast<std::size_t>(i)].events;
    if (port == 0) {
      accept_all();
      continue;
    }
    const auto it = connections_.find(port);
    if (it == connections_.end()) continue;
    const bool readable = (what & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
    const bool open = !readable || receive(it->second);
    if (!open || !settle(port, it->second)) connections_.erase(it);
  }
}

void Server::accept_all() {
  for (;;) {
    UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return;
    if (connections_.size() >= kMaxSessions) continue;
    // Beyond net.core.wmem_max where we may: then a large batch goes out in one piece.
    if (setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kSendBuffer, sizeof kSendBuffer) != 0) setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer);
    const std::uint32_t port = next_port_++;
    if (next_port_ == 0) next_port_ = 1;
    epoll_event event{.events = EPOLLIN, .data = {.u64 = port}};
    if (connections_.contains(port) || epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) continue;
    const Peer peer = read_peer(fd.get());
    const bool stranger = !may_subscribe(peer, geteuid(), group_);
    if (stranger && static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(), [](const auto& c) { return c.second.stranger; })) >= kMaxStrangers) continue;
    auto session = std::make_unique<Session>(exchange_, fd.get(), port, !stranger, may_set(peer, geteuid(), admin_group_), peer);
    connections_.emplace(port, Connection{std::move(fd), std::move(session), EPOLLIN, stranger});
  }
}

bool Server::receive(Connection& connection) {
  static std::array<char, 64 << 10> buffer;
  const ssize_t n = recv(connection.fd.get(), buffer.data(), buffer.size(), 0);
  if (n == 0) return false;
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  connection.session->receive({buffer.data(), static_cast<std::size_t>(n)});
  return true;
}

bool Server::settle(std::uint32_t port, Connection& connection) {
  Session& session = *connection.session;
  if (session.flush() == Session::State::dead) return false;
  const std::uint32_t interest = (session.wants_input() ? EPOLLIN : 0U) | (session.blocked() ? EPOLLOUT : 0U);
  if (interest != connection.interest) {
    epoll_event event{.events = interest, .data = {.u64 = port}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event) != 0) return false;
    connection.interest = interest;
  }
  return true;
}

void Server::published(const KeptBatch& batch) {
  for (auto& [port, connection] : connections_) connection.session->published(batch);
}

void Server::flush() {
  for (auto it = connections_.begin(); it != connections_.end();) {
    // One that waits for its socket is woken by it.
    const bool open = it->second.session->blocked() || settle(it->first, it->second);
    it = open ? std::next(it) : connections_.erase(it);
  }
}

bool Server::idle() const {
  for (const auto& [port, connection] : connections_) {
    if (!connection.session->idle()) return false;
  }
  return true;
}

}  // namespace vslog
