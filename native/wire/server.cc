#include "wire/server.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <system_error>

#include "wire/peer.h"

namespace vslog {
namespace {

/// Sockets that are looked at, new clients in one turn, and bytes of a session.
constexpr std::size_t kEventsAtOnce = 16;
constexpr int kAcceptAtOnce = 4;
constexpr std::size_t kReadAtOnce = 16 << 10;

std::string reason(int error) { return std::generic_category().message(error); }

UniqueFd stream_socket() {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) throw SetupError("no unix socket can be made: " + reason(errno) + ".");
  return fd;
}

}  // namespace

Server::Server(const ServerOptions& options, Exchange& exchange)
    : exchange_(exchange),
      path_(options.path),
      groups_{options.group.empty() ? getegid() : find_group(options.group)},
      users_(options.max_memory),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      spare_(open("/dev/null", O_RDONLY | O_CLOEXEC)) {
  if (!options.admin_group.empty()) groups_.admins = find_group(options.admin_group, "admin-group");
  if (!options.keeper_group.empty()) groups_.keepers = find_group(options.keeper_group, "collector-group");
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
  if (chown(path.c_str(), static_cast<uid_t>(-1), groups_.socket) != 0 || chmod(path.c_str(), 0666) != 0 || listen(fd.get(), SOMAXCONN) != 0) {
    const int failed = errno;
    unlink(path.c_str());
    throw SetupError("the socket " + path + " cannot be given to group " + std::to_string(groups_.socket) + ": " + reason(failed) + ".");
  }
  listener_ = std::move(fd);
}

void Server::handle(std::uint64_t now) {
  std::array<epoll_event, kEventsAtOnce> events;
  const int n = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < n; ++i) {
    const auto port = static_cast<std::uint32_t>(events[static_cast<std::size_t>(i)].data.u64);
    const std::uint32_t what = events[static_cast<std::size_t>(i)].events;
    if (port == 0) {
      accept_some(now);
      continue;
    }
    const auto it = connections_.find(port);
    if (it == connections_.end()) continue;
    if ((what & (EPOLLHUP | EPOLLERR)) != 0) {
      hung_up(it);
    } else if (((what & EPOLLIN) != 0 && !receive(it->second)) || !settle(port, it->second)) {
      connections_.erase(it);
    }
  }
  turns(now);
}

void Server::turns(std::uint64_t now) {
  std::uint64_t used = 0;
  turns_of(first_, now, used);
  turns_of(rest_, now, used);
}

void Server::turns_of(std::deque<std::uint32_t>& queue, std::uint64_t now, std::uint64_t& used) {
  std::uint64_t at = work_ns();
  for (std::size_t n = queue.size(); n > 0 && used < kTurnNs; --n) {
    const std::uint32_t port = queue.front();
    queue.pop_front();
    const auto it = connections_.find(port);
    if (it == connections_.end()) continue;
    Session& session = *it->second.session;
    it->second.queued = false;
    if (!session.wants_turn()) continue;
    if (users_.wait(session.user(), now) > 0 || !users_.has_room(session.user(), Session::kPiece)) {
      this->queue(port, it->second);
      continue;
    }
    it->second.since_ns = now;
    session.turn();
    const bool open = settle(port, it->second);
    const std::uint64_t then = work_ns();
    users_.spend(session.user(), now, then - at);
    used += then - at;
    at = then;
    if (!open) connections_.erase(it);
  }
}

void Server::queue(std::uint32_t port, Connection& connection) {
  if (connection.queued || !connection.session->wants_turn()) return;
  connection.queued = true;
  (connection.session->privileged() ? first_ : rest_).push_back(port);
}

int Server::wait_ms(std::uint64_t now) {
  constexpr int kNoRoomMs = 10;
  if (!first_.empty()) return 0;
  int least = -1;
  for (const std::uint32_t port : rest_) {
    const auto it = connections_.find(port);
    if (it == connections_.end()) return 0;  // it is taken out at the next turn
    User& user = it->second.session->user();
    const std::uint64_t wait = users_.wait(user, now);
    if (wait == 0 && users_.has_room(user, Session::kPiece)) return 0;
    const int ms = wait == 0 ? kNoRoomMs : static_cast<int>(std::min<std::uint64_t>(wait / 1'000'000 + 1, 1000));
    least = least < 0 ? ms : std::min(least, ms);
  }
  return least;
}

void Server::tick(std::uint64_t now) {
  users_.sweep(now);
  std::erase_if(connections_, [now](const auto& c) { return !c.second.session->greeted() && c.second.since_ns + kGreetingNs < now; });
}

void Server::accept_some(std::uint64_t now) {
  for (int i = 0; i < kAcceptAtOnce; ++i) {
    UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      admit(std::move(fd), now);
      continue;
    }
    if (errno != EMFILE && errno != ENFILE) return;
    // No descriptor is left. Whoever waits is turned away, as the listener would wake us for ever.
    spare_.reset();
    const UniqueFd turned_away(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    spare_.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!turned_away) return;
  }
}

std::string Server::refusal(const Peer& peer, bool privileged, bool stranger, std::uint64_t now) {
  const auto many = [](std::size_t n) { return std::to_string(n) + " sessions"; };
  if (connections_.size() >= kMaxSessions) return "this capture has " + many(kMaxSessions) + " already, which is all that it has room for.";
  if (privileged) return "";
  if (connections_.size() >= kMaxSessions - kKept) return "this capture has " + many(connections_.size()) + " already; the rest is kept for root and the collector.";
  const std::size_t most = stranger ? kStrangerSessions : kReaderSessions;
  if (users_.sessions_of(peer.uid) >= most) return "user " + std::to_string(peer.uid) + " has " + many(most) + " with this capture already: end one first.";
  const auto strangers = [this] { return static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(), [](const auto& c) { return c.second.stranger; })); };
  if (stranger && strangers() >= kMaxStrangers && !drop_idle_stranger(now)) return "this capture has " + many(kMaxStrangers) + " of users who may only read knobs and services: try again later.";
  return "";
}

bool Server::drop_idle_stranger(std::uint64_t now) {
  const auto idle = std::min_element(connections_.begin(), connections_.end(), [](const auto& a, const auto& b) {
    return std::pair(!a.second.stranger, a.second.since_ns) < std::pair(!b.second.stranger, b.second.since_ns);
  });
  if (idle == connections_.end() || !idle->second.stranger || now < idle->second.since_ns + kIdleNs) return false;
  connections_.erase(idle);
  return true;
}

void Server::admit(UniqueFd fd, std::uint64_t now) {
  Peer peer = read_peer(fd.get());
  const Rights rights = rights_of(peer, geteuid(), groups_);
  peer.groups = {};  // there may be thousands of them, and they have decided
  const bool stranger = !rights.subscribe;
  if (const std::string why = refusal(peer, rights.privileged, stranger, now); !why.empty()) {
    std::string frame;
    append_frame(frame, FrameType::control_error, 0, 0, 0, encode(ErrorReply{EUSERS, "no more: " + why, ""}));
    [[maybe_unused]] const ssize_t ignored = send(fd.get(), frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return;
  }
  const std::uint32_t port = next_port_++;
  if (next_port_ == 0) next_port_ = 1;
  epoll_event event{.events = EPOLLIN, .data = {.u64 = port}};
  if (connections_.contains(port) || epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) return;
  auto session = std::make_unique<Session>(exchange_, fd.get(), port, rights, peer, users_, users_.join(peer.uid, rights.privileged));
  connections_.emplace(port, Connection{std::move(fd), std::move(session), EPOLLIN, stranger, false, now});
}

bool Server::receive(Connection& connection) {
  static std::array<char, kReadAtOnce> buffer;
  const ssize_t n = recv(connection.fd.get(), buffer.data(), buffer.size(), 0);
  if (n == 0) return false;
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  connection.session->receive({buffer.data(), static_cast<std::size_t>(n)});
  return true;
}

/// Nobody reads an answer any more. What a collector acknowledged before it went still counts; everything else is dropped.
void Server::hung_up(Connections::iterator at) {
  while (at->second.session->keeps() && at->second.session->wants_input()) {
    std::array<char, kReadAtOnce> buffer;
    const ssize_t n = recv(at->second.fd.get(), buffer.data(), buffer.size(), 0);
    if (n <= 0) break;
    at->second.session->receive({buffer.data(), static_cast<std::size_t>(n)});
  }
  connections_.erase(at);
}

bool Server::settle(std::uint32_t port, Connection& connection) {
  Session& session = *connection.session;
  if (session.flush() == Session::State::dead) return false;
  queue(port, connection);
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
    if (connection.session->subscribed() && !connection.session->idle()) return false;
  }
  return true;
}

}  // namespace vslog
