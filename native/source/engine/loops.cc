#include "source/engine/loops.h"

#include <sys/socket.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/service.h"
#include "source/engine/sockets.h"
#include "wire/unique_fd.h"

namespace vslog {
namespace {

/// Whether this machine has the address: it may be bound then.
bool is_ours(const engine::Endpoint& endpoint) {
  const SocketAddress at = to_socket_address({endpoint.address, 0});
  const UniqueFd fd(socket(family_of(endpoint) == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return fd && bind(fd.get(), at.get(), at.length) == 0;
}

/// 0.0.0.0 or [::], which listen at every address of the machine.
Address every_address(std::uint8_t family) {
  constexpr std::uint8_t kNone[4] = {0, 0, 0, 0};
  return family == 4 ? map_ipv4(kNone) : Address{};
}

/// The service that takes what `from` sends to a real server; null: none of ours.
const engine::Service* taker(const engine::Engine& engine, const engine::ServiceKey& from, const engine::Endpoint& real) {
  // A real server of port 0 takes the port that the client used.
  const std::uint16_t port = real.port != 0 ? real.port : from.at.port;
  engine::ServiceKey key{from.protocol, family_of(real), {real.address, port}, 0};
  if (const engine::Service* const found = engine.find_service(key)) return found;
  key.at.address = every_address(key.family);
  const engine::Service* const found = engine.find_service(key);
  return found != nullptr && is_ours(real) ? found : nullptr;
}

}  // namespace

void refuse_loop(const engine::Engine& engine, const engine::ServiceKey& service, const engine::Endpoint& real) {
  const engine::Service* const first = taker(engine, service, real);
  if (first == nullptr) return;
  std::vector<const engine::Service*> reached{first};
  for (std::size_t i = 0; i < reached.size(); ++i) {
    if (reached[i]->config.key == service) {
      const std::string through = i == 0 ? "is the service itself" : "leads back to it, by way of " + engine::to_text(first->config.key);
      throw engine::ConfigError("at", "virtual service " + engine::to_text(service) + ": its real server " + engine::to_text(real) + " " + through + ": each connection would make another one, without end. Name the address at which the server itself listens.");
    }
    for (const engine::RealServer* const r : reached[i]->reals) {
      const engine::Service* const next = taker(engine, reached[i]->config.key, r->config.at);
      if (next != nullptr && std::find(reached.begin(), reached.end(), next) == reached.end()) reached.push_back(next);
    }
  }
}

void refuse_loops(const engine::Engine& engine) {
  for (const engine::Service* const service : engine.services()) {
    for (const engine::RealServer* const real : service->reals) refuse_loop(engine, service->config.key, real->config.at);
  }
}

}  // namespace vslog
