#include "source/engine/tcp_relay.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace vslog {
namespace {

using engine::kAck;
using engine::kFin;
using engine::kPsh;
using engine::kRst;
using engine::kSyn;
using engine::Verdict;

constexpr int kAcceptAtOnce = 64;
constexpr engine::Time kAcceptPause = 100 * engine::kMillisecond;

/// IP and TCP headers without options.
constexpr std::size_t header_bytes(std::uint8_t family) { return family == 6 ? 60 : 40; }

bool short_of_descriptors() { return errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM; }

/// A balancer holds nothing back.
void send_at_once(const UniqueFd& fd) {
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

TcpRelay::TcpRelay(engine::Engine& engine, int epoll, std::function<engine::Time()> now) : engine_(engine), epoll_(epoll), now_(std::move(now)) {}

void TcpRelay::add_service(const engine::ServiceKey& key, UniqueFd listener) {
  watch(epoll_, listener.get(), EPOLLIN, watch_key(Watched::tcp_service, static_cast<std::uint32_t>(listeners_.size())), true);
  listeners_.push_back(std::make_unique<Listener>(Listener{key, std::move(listener)}));
}

void TcpRelay::close_service(const engine::ServiceKey& key) {
  for (const auto& listener : listeners_) {
    if (listener->key == key) listener->fd.reset();
  }
}

void TcpRelay::service_ready(std::uint32_t index) {
  const Listener& listener = *listeners_.at(index);
  for (int i = 0; i < kAcceptAtOnce; ++i) {
    SocketAddress from;
    UniqueFd fd(accept4(listener.fd.get(), from.get(), &from.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      if (short_of_descriptors()) stop_accepting();
      return;
    }
    accept_one(listener, std::move(fd), from);
    if (accept_again_ != 0) return;
  }
}

void TcpRelay::watch_listeners(std::uint32_t events) {
  for (std::uint32_t i = 0; i < listeners_.size(); ++i) {
    // One of a service that was removed is closed.
    if (listeners_[i]->fd) watch(epoll_, listeners_[i]->fd.get(), events, watch_key(Watched::tcp_service, i), false);
  }
}

void TcpRelay::stop_accepting() {
  // Those who wait in the backlog would wake us without end.
  watch_listeners(0);
  accept_again_ = now_() + kAcceptPause;
  if (shortage_said_) return;
  shortage_said_ = true;
  std::fprintf(stderr, "vslog-capture: there are no descriptors for more connections, new ones wait; raise the limit of open files (ulimit -Hn).\n");
}

void TcpRelay::tick() {
  if (accept_again_ == 0 || now_() < accept_again_) return;
  accept_again_ = 0;
  watch_listeners(EPOLLIN);
}

void TcpRelay::accept_one(const Listener& listener, UniqueFd fd, const SocketAddress& from) {
  Pair pair;
  pair.client = to_endpoint(from);
  pair.service = &listener.key;
  pair.ends[kClient].fd = std::move(fd);
  engine::Outcome outcome = show(pair, kClient, kSyn, 0);
  if (const auto old = by_conn_.find(outcome.conn.id); old != by_conn_.end()) {
    // The client's machine has given the port to a new connection, so the old one is over; only its reset was not read yet.
    tell(pairs_.at(old->second), kClient, kRst | kAck);
    abort(old->second);
    outcome = show(pair, kClient, kSyn, 0);
  }
  // The kernel has answered the SYN already, so a refusal can only be a reset, and a drop too.
  if (outcome.verdict != Verdict::forward) return reset(pair.ends[kClient].fd);
  pair.conn = outcome.conn;
  pair.real = outcome.real;
  UniqueFd real = connect_to(pair.real, SOCK_STREAM);
  if (!real && short_of_descriptors()) stop_accepting();
  while (next_user_ == 0 || next_user_ > INT32_MAX || pairs_.contains(next_user_)) next_user_ = next_user_ > INT32_MAX ? 1 : next_user_ + 1;
  const std::uint32_t user = next_user_++;
  if (!real || !engine_.set_user(pair.conn, user << 1)) {
    tell(pair, kReal, kRst | kAck);
    return reset(pair.ends[kClient].fd);
  }
  pair.ends[kReal].fd = std::move(real);
  for (const End& end : pair.ends) send_at_once(end.fd);
  by_conn_[pair.conn.id] = user;
  Pair& placed = pairs_.emplace(user, std::move(pair)).first->second;
  watch_end(user, kClient, placed.ends[kClient], 0);
  watch_end(user, kReal, placed.ends[kReal], EPOLLOUT);
}

engine::Outcome TcpRelay::show(const Pair& pair, Side from, std::uint8_t flags, std::size_t bytes) {
  engine::Packet p;
  p.protocol = engine::kTcp;
  p.family = pair.service->family;
  p.flags = flags;
  p.length = static_cast<std::uint32_t>(header_bytes(p.family) + bytes);
  p.source = from == kClient ? pair.client : pair.real;
  p.destination = from == kClient ? pair.service->at : pair.client;
  p.direction = from == kClient ? engine::Direction::from_client : engine::Direction::from_real;
  return engine_.receive(p, now_());
}

void TcpRelay::client_ready(std::uint32_t user, std::uint32_t events) { ready(user, kClient, events); }
void TcpRelay::real_ready(std::uint32_t user, std::uint32_t events) { ready(user, kReal, events); }

void TcpRelay::ready(std::uint32_t user, Side side, std::uint32_t events) {
  const auto at = pairs_.find(user);
  if (at == pairs_.end()) return;
  Pair& pair = at->second;
  bool good = true;
  if (!pair.connected) {
    if (side == kReal) good = connected(pair);
    else if ((events & (EPOLLERR | EPOLLHUP)) != 0) good = broken(pair, side);
  } else {
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) good = read_from(pair, side);
    if (good && (events & EPOLLOUT) != 0) good = send_to(pair, side);
  }
  if (good) settle(user, pair);
  else abort(user);
}

bool TcpRelay::connected(Pair& pair) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(pair.ends[kReal].fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) {
    tell(pair, kReal, kRst | kAck);
    return false;
  }
  pair.connected = true;
  tell(pair, kReal, kSyn | kAck);
  const Verdict verdict = tell(pair, kClient, kAck);
  return verdict == Verdict::forward || verdict == Verdict::drop;
}

bool TcpRelay::read_from(Pair& pair, Side side) {
  End& end = pair.ends[side];
  if (end.over || end.finished) return true;
  if (end.said.waiting() != 0) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(end.fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    return error == 0 || broken(pair, side);
  }
  const ssize_t n = end.said.take(end.fd.get(), pipes_);
  if (n < 0) return errno == EAGAIN || errno == EINTR || broken(pair, side);
  if (n == 0) end.finished = true;
  const Verdict verdict = n == 0 ? tell(pair, side, kFin | kAck) : tell(pair, side, kAck | kPsh, static_cast<std::size_t>(n));
  if (verdict == Verdict::drop) {
    // Read, and gone. A FIN that is dropped is none for the other end; the connection's timer ends it.
    end.said.discard();
    return true;
  }
  if (verdict != Verdict::forward) return false;
  end.fin_passed = n == 0;
  return send_to(pair, static_cast<Side>(1 - side));
}

bool TcpRelay::send_to(Pair& pair, Side side) {
  End& end = pair.ends[side];
  End& other = pair.ends[1 - side];
  if (end.over) other.said.discard();
  else if (!other.said.give(end.fd.get())) return broken(pair, side);
  if (other.said.waiting() == 0 && other.fin_passed && !end.shut) {
    end.shut = true;
    if (!end.over) shutdown(end.fd.get(), SHUT_WR);
  }
  return true;
}

bool TcpRelay::broken(Pair& pair, Side side) {
  if (tell(pair, side, kRst | kAck) != Verdict::drop) return false;
  // A reset that is dropped is not heard by the other end, which waits for the connection's timer.
  pair.ends[side].over = true;
  return true;
}

void TcpRelay::settle(std::uint32_t user, Pair& pair) {
  if (pair.ends[kClient].shut && pair.ends[kReal].shut) {
    // The ACK of the last FIN. What follows, TIME_WAIT, is the engine's alone: the sockets are closed.
    tell(pair, kClient, kAck);
    return erase(user);
  }
  for (const Side side : {kClient, kReal}) {
    End& end = pair.ends[side];
    if (end.finished && end.shut) end.over = true;
    if (end.over) {
      end.fd.reset();
      end.watched = false;
      continue;
    }
    std::uint32_t interest = 0;
    if (!pair.connected) interest = side == kReal ? EPOLLOUT : 0U;
    else if (!end.finished && end.said.waiting() == 0) interest |= EPOLLIN;
    if (pair.ends[1 - side].said.waiting() != 0) interest |= EPOLLOUT;
    // One of whom nothing is wanted would go on telling of its hang-up.
    if (interest == 0 && pair.connected && end.watched) {
      epoll_ctl(epoll_, EPOLL_CTL_DEL, end.fd.get(), nullptr);
      end.watched = false;
    } else if (interest != 0) {
      watch_end(user, side, end, interest);
    }
  }
}

void TcpRelay::watch_end(std::uint32_t user, Side side, End& end, std::uint32_t interest) {
  if (end.watched && interest == end.interest) return;
  watch(epoll_, end.fd.get(), interest, watch_key(side == kClient ? Watched::tcp_client : Watched::tcp_real, user), !end.watched);
  end.watched = true;
  end.interest = interest;
}

void TcpRelay::cut(std::uint32_t user) {
  if (pairs_.contains(user)) abort(user);
}

void TcpRelay::abort(std::uint32_t user) {
  for (End& end : pairs_.at(user).ends) reset(end.fd);
  erase(user);
}

void TcpRelay::erase(std::uint32_t user) {
  const auto at = pairs_.find(user);
  // The entry may live on; it must not name a number that another connection will have.
  engine_.set_user(at->second.conn, 0);
  by_conn_.erase(at->second.conn.id);
  pairs_.erase(at);
}

}  // namespace vslog
