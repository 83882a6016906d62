// Clients, the balancer, real servers, and the wires between them.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "clock.h"
#include "engine/engine.h"
#include "event_log.h"
#include "host.h"

namespace vslog::conformance {

class Network {
 public:
  Network();

  Clock clock;
  EventLog log;
  engine::Engine engine;
  Host clients;
  Host servers;

  /// Addresses of the balancer itself: packets to them are its business, all others it only passes on.
  std::vector<Address> own;
  /// Firewall marks by protocol and port.
  std::map<std::pair<std::uint8_t, std::uint16_t>, std::uint32_t> marks;
  /// Real servers answer IPv4 clients past the balancer.
  bool direct_replies = false;

  /// Runs the network and the engine's timers for so long, or until `done`. Returns done().
  bool run(Time duration, const std::function<bool()>& done);

 private:
  void from_client(const Segment& segment);
  void from_server(const Segment& segment);
  bool is_own(const Address& address) const;
  engine::Outcome ask(const Segment& segment, engine::Direction direction);
};

}  // namespace vslog::conformance
