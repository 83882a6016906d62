#include "source/engine/tcp_relay.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>

namespace vslog {
namespace {

using engine::kAck;
using engine::kFin;
using engine::kPsh;
using engine::kRst;
using engine::kSyn;
using engine::Verdict;

constexpr int kAcceptAtOnce = 64;
constexpr std::size_t kBuffer = 64 << 10;
/// An end with more waiting for it than this stops the other one.
constexpr std::size_t kMostWaiting = 256 << 10;

/// IP and TCP headers without options.
constexpr std::size_t header_bytes(std::uint8_t family) { return family == 6 ? 60 : 40; }

}  // namespace

TcpRelay::TcpRelay(engine::Engine& engine, int epoll, std::function<engine::Time()> now) : engine_(engine), epoll_(epoll), now_(std::move(now)) {}

void TcpRelay::add_service(const engine::ServiceKey& key, UniqueFd listener) {
  watch(epoll_, listener.get(), EPOLLIN, watch_key(Watched::tcp_service, static_cast<std::uint32_t>(listeners_.size())), true);
  listeners_.push_back(std::make_unique<Listener>(Listener{key, std::move(listener)}));
}

void TcpRelay::service_ready(std::uint32_t index) {
  const Listener& listener = *listeners_.at(index);
  for (int i = 0; i < kAcceptAtOnce; ++i) {
    SocketAddress from;
    UniqueFd fd(accept4(listener.fd.get(), from.get(), &from.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return;
    accept_one(listener, std::move(fd), from);
  }
}

void TcpRelay::accept_one(const Listener& listener, UniqueFd fd, const SocketAddress& from) {
  Pair pair;
  pair.client = to_endpoint(from);
  pair.service = &listener.key;
  pair.ends[kClient].fd = std::move(fd);
  engine::Packet syn;
  syn.source = pair.client;
  syn.destination = listener.key.at;
  syn.protocol = engine::kTcp;
  syn.family = listener.key.family;
  syn.flags = kSyn;
  syn.length = static_cast<std::uint32_t>(header_bytes(syn.family));
  syn.direction = engine::Direction::from_client;
  const engine::Outcome outcome = engine_.receive(syn, now_());
  // The kernel has answered the SYN already, so a refusal can only be a reset, and a drop too.
  if (outcome.verdict != Verdict::forward) return reset(pair.ends[kClient].fd);
  pair.conn = outcome.conn;
  pair.real = outcome.real;
  const std::uint32_t user = next_user_++;
  if (next_user_ > INT32_MAX) next_user_ = 1;
  UniqueFd real = connect_to(pair.real, SOCK_STREAM);
  if (!real || pairs_.contains(user) || !engine_.set_user(pair.conn, user << 1)) {
    tell(pair, kReal, kRst | kAck, 0);
    return reset(pair.ends[kClient].fd);
  }
  pair.ends[kReal].fd = std::move(real);
  Pair& placed = pairs_.emplace(user, std::move(pair)).first->second;
  placed.ends[kReal].interest = EPOLLOUT;
  watch(epoll_, placed.ends[kClient].fd.get(), 0, watch_key(Watched::tcp_client, user), true);
  watch(epoll_, placed.ends[kReal].fd.get(), EPOLLOUT, watch_key(Watched::tcp_real, user), true);
}

Verdict TcpRelay::tell(const Pair& pair, Side from, std::uint8_t flags, std::size_t bytes) {
  engine::Packet p;
  p.protocol = engine::kTcp;
  p.family = pair.service->family;
  p.flags = flags;
  p.length = static_cast<std::uint32_t>(header_bytes(p.family) + bytes);
  p.source = from == kClient ? pair.client : pair.real;
  p.destination = from == kClient ? pair.service->at : pair.client;
  p.direction = from == kClient ? engine::Direction::from_client : engine::Direction::from_real;
  return engine_.receive(p, now_()).verdict;
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
    else if ((events & (EPOLLERR | EPOLLHUP)) != 0) good = (tell(pair, kClient, kRst | kAck, 0), false);
  } else {
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) good = read_from(pair, side);
    if (good && (events & EPOLLOUT) != 0) good = send_to(pair, side);
  }
  if (good) return settle(user, pair);
  reset(pair.ends[kClient].fd);
  reset(pair.ends[kReal].fd);
  erase(user);
}

bool TcpRelay::connected(Pair& pair) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(pair.ends[kReal].fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) {
    tell(pair, kReal, kRst | kAck, 0);
    return false;
  }
  pair.connected = true;
  tell(pair, kReal, kSyn | kAck, 0);
  return tell(pair, kClient, kAck, 0) != Verdict::reject;
}

bool TcpRelay::read_from(Pair& pair, Side side) {
  static std::array<char, kBuffer> buffer;
  End& end = pair.ends[side];
  End& other = pair.ends[1 - side];
  const ssize_t n = recv(end.fd.get(), buffer.data(), buffer.size(), 0);
  if (n < 0) {
    if (errno == EAGAIN || errno == EINTR) return true;
    tell(pair, side, kRst | kAck, 0);
    return false;
  }
  if (n == 0) {
    if (end.finished) return true;
    end.finished = true;
    const Verdict verdict = tell(pair, side, kFin | kAck, 0);
    // A FIN that is dropped is none for the other end; its timer then ends it.
    end.fin_passed = verdict == Verdict::forward;
    return verdict != Verdict::reject && send_to(pair, static_cast<Side>(1 - side));
  }
  const Verdict verdict = tell(pair, side, kAck | kPsh, static_cast<std::size_t>(n));
  if (verdict == Verdict::reject) return false;
  if (verdict == Verdict::drop) return true;
  other.out.append(buffer.data(), static_cast<std::size_t>(n));
  return send_to(pair, static_cast<Side>(1 - side));
}

bool TcpRelay::send_to(Pair& pair, Side side) {
  End& end = pair.ends[side];
  while (!end.out.empty()) {
    const ssize_t n = send(end.fd.get(), end.out.data(), end.out.size(), MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (n < 0) {
      tell(pair, side, kRst | kAck, 0);
      return false;
    }
    end.out.erase(0, static_cast<std::size_t>(n));
  }
  if (pair.ends[1 - side].fin_passed && !end.shut) {
    end.shut = true;
    shutdown(end.fd.get(), SHUT_WR);
  }
  return true;
}

void TcpRelay::settle(std::uint32_t user, Pair& pair) {
  if (pair.ends[kClient].shut && pair.ends[kReal].shut) {
    // The ACK of the last FIN.
    tell(pair, kClient, kAck, 0);
    return erase(user);
  }
  for (const Side side : {kClient, kReal}) {
    End& end = pair.ends[side];
    std::uint32_t interest = 0;
    if (!pair.connected) interest = side == kReal ? EPOLLOUT : 0U;
    else if (!end.finished && pair.ends[1 - side].out.size() < kMostWaiting) interest |= EPOLLIN;
    if (!end.out.empty()) interest |= EPOLLOUT;
    if (interest == end.interest) continue;
    end.interest = interest;
    watch(epoll_, end.fd.get(), interest, watch_key(side == kClient ? Watched::tcp_client : Watched::tcp_real, user), false);
  }
}

void TcpRelay::cut(std::uint32_t user) {
  const auto at = pairs_.find(user);
  if (at == pairs_.end()) return;
  reset(at->second.ends[kClient].fd);
  reset(at->second.ends[kReal].fd);
  pairs_.erase(at);
}

void TcpRelay::erase(std::uint32_t user) { pairs_.erase(user); }

}  // namespace vslog
