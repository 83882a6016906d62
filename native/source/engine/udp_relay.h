// UDP of the engine on real sockets: one socket a virtual service, one a connection towards the real server.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"
#include "source/engine/sockets.h"

namespace vslog {

class UdpRelay {
 public:
  UdpRelay(engine::Engine& engine, int epoll, std::function<engine::Time()> now);

  /// Takes over a bound socket.
  void add_service(const engine::ServiceKey& key, UniqueFd socket);

  void service_ready(std::uint32_t index);
  void flow_ready(std::uint32_t user);

  /// The engine's entry is gone.
  void cut(std::uint32_t user);

  /// No new datagrams of that service's clients, if it has a socket here. Flows that are there lose their way back.
  void close_service(const engine::ServiceKey& key);

  /// No new datagrams of clients from here on.
  void close_services();

  /// Lets go of one-packet flows whose answers had their time. About once a second.
  void tick();

 private:
  struct Service {
    engine::ServiceKey key;
    UniqueFd fd;
  };
  struct Flow {
    const Service* service = nullptr;
    engine::Endpoint client;
    engine::Endpoint real;
    UniqueFd fd;
    std::uint64_t conn_id = 0;
    engine::Time until = 0;  ///< of a one-packet flow, which the engine has forgotten; 0: the engine ends it
  };

  void datagram(const Service& service, const engine::Endpoint& from, const char* data, std::size_t size);
  Flow* flow_of(const Service& service, const engine::Endpoint& from, const engine::Outcome& outcome);

  engine::Engine& engine_;
  int epoll_;
  std::function<engine::Time()> now_;
  std::vector<std::unique_ptr<Service>> services_;
  std::map<std::uint32_t, Flow> flows_;
  std::unordered_map<std::uint64_t, std::uint32_t> by_conn_;
  std::uint32_t next_user_ = 1;
};

}  // namespace vslog
