#include "source/engine/sockets.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "wire/journal.h"

namespace vslog {
namespace {

constexpr int kBacklog = 1024;

bool is_ipv4(const Address& a) { return std::all_of(a.begin(), a.begin() + 10, [](std::uint8_t byte) { return byte == 0; }) && a[10] == 0xff && a[11] == 0xff; }

}  // namespace

std::uint8_t family_of(const engine::Endpoint& endpoint) { return is_ipv4(endpoint.address) ? 4 : 6; }

SocketAddress to_socket_address(const engine::Endpoint& endpoint) {
  SocketAddress address;
  if (is_ipv4(endpoint.address)) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(endpoint.port);
    std::memcpy(&in.sin_addr, endpoint.address.data() + 12, 4);
    std::memcpy(&address.storage, &in, sizeof in);
    address.length = sizeof in;
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(endpoint.port);
    std::memcpy(&in.sin6_addr, endpoint.address.data(), 16);
    std::memcpy(&address.storage, &in, sizeof in);
    address.length = sizeof in;
  }
  return address;
}

engine::Endpoint to_endpoint(const SocketAddress& address) {
  engine::Endpoint endpoint;
  if (address.storage.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address.storage, sizeof in);
    std::uint8_t bytes[4];
    std::memcpy(bytes, &in.sin_addr, 4);
    endpoint.address = map_ipv4(bytes);
    endpoint.port = ntohs(in.sin_port);
  } else {
    sockaddr_in6 in{};
    std::memcpy(&in, &address.storage, sizeof in);
    std::memcpy(endpoint.address.data(), &in.sin6_addr, 16);
    endpoint.port = ntohs(in.sin6_port);
  }
  return endpoint;
}

UniqueFd bind_service(const engine::ServiceKey& key) {
  const bool tcp = key.protocol == engine::kTcp;
  const std::string who = "service " + engine::to_text(key);
  UniqueFd fd(socket(key.family == 6 ? AF_INET6 : AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd && errno == EMFILE) throw SetupError(who + ": there are no descriptors for it. A service takes one and a connection two: raise the limit of open files (ulimit -Hn, LimitNOFILE=).");
  if (!fd) throw std::system_error(errno, std::generic_category(), "cannot make a socket for " + who);
  const int on = 1;
  if (tcp) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (key.family == 6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  const SocketAddress at = to_socket_address(key.at);
  if (bind(fd.get(), at.get(), at.length) == 0 && (!tcp || listen(fd.get(), kBacklog) == 0)) return fd;
  switch (errno) {
    case EADDRINUSE: throw InUse(who + ": another process has this address; end that one, or choose another port.");
    case EADDRNOTAVAIL: throw SetupError(who + ": this machine does not have this address.");
    case EACCES: throw SetupError(who + ": a port below 1024 needs root or CAP_NET_BIND_SERVICE; choose a higher one.");
    default: throw SetupError(who + " cannot be listened at: " + std::string(std::strerror(errno)) + ".");
  }
}

UniqueFd connect_to(const engine::Endpoint& real, int type) {
  UniqueFd fd(socket(family_of(real) == 6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fd;
  const SocketAddress at = to_socket_address(real);
  if (connect(fd.get(), at.get(), at.length) != 0 && errno != EINPROGRESS) return {};
  return fd;
}

void reset(UniqueFd& fd) {
  if (!fd) return;
  const linger now{1, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  fd = UniqueFd();
}

void watch(int epoll, int fd, std::uint32_t events, std::uint64_t key, bool first) {
  epoll_event event{.events = events, .data = {.u64 = key}};
  if (epoll_ctl(epoll, first ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) != 0) throw std::system_error(errno, std::generic_category(), "cannot watch a socket");
}

}  // namespace vslog
