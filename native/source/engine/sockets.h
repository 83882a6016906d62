// Socket addresses as the engine has them, and the few calls that both relays make.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>

#include "engine/config.h"
#include "wire/unique_fd.h"

namespace vslog {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress to_socket_address(const engine::Endpoint& endpoint);
engine::Endpoint to_endpoint(const SocketAddress& address);
/// 4 or 6.
std::uint8_t family_of(const engine::Endpoint& endpoint);

/// A socket bound to a virtual service's address. Throws InUse when another process has it, SetupError when it cannot be.
UniqueFd bind_service(const engine::ServiceKey& key);

/// A non-blocking socket that connects to a real server, or none with errno set.
UniqueFd connect_to(const engine::Endpoint& real, int type);

/// Closes so that the other end is told by a reset.
void reset(UniqueFd& fd);

/// What an epoll event is about.
enum class Watched : std::uint8_t { timer, tcp_service, tcp_client, tcp_real, udp_service, udp_flow };

constexpr std::uint64_t watch_key(Watched what, std::uint32_t id) { return static_cast<std::uint64_t>(what) << 32 | id; }
constexpr Watched watched_of(std::uint64_t key) { return static_cast<Watched>(key >> 32); }
constexpr std::uint32_t id_of(std::uint64_t key) { return static_cast<std::uint32_t>(key); }

/// Tells epoll what to wait for; adds the descriptor at its first call.
void watch(int epoll, int fd, std::uint32_t events, std::uint64_t key, bool first);

}  // namespace vslog
