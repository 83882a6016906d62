// What has virtual services and real servers: the kernel's balancer or the embedded one.
#pragma once

#include <optional>
#include <vector>

#include "event/author.h"
#include "knob/service_state.h"

namespace vslog {

enum class ServiceVerb { add, set, remove };

/// A change of a virtual service or, with `real`, of that real server of it. Settings that are not named stay as they are; of a new one they are the defaults.
struct ServiceOrder {
  ServiceVerb verb = ServiceVerb::set;
  engine::ServiceKey service;
  std::optional<engine::Endpoint> real;
  Settings settings;
};

class Balancer {
 public:
  virtual ~Balancer() = default;
  /// In the calling thread's network namespace. `only`: this one, or none. Throws RequestError.
  virtual std::vector<ServiceState> list(const engine::ServiceKey* only) = 0;
  /// Settings were checked one by one. Throws RequestError, and then has changed nothing.
  virtual void change(const ServiceOrder& order, const Author& author) = 0;
  /// Writes the records of its changes itself.
  virtual bool tells() const = 0;
};

/// As control_events has it: "scheduler=rr persistent=60s flags=0x3", "weight=1 forward=masq upper=0 lower=0".
std::string describe_service(const Settings& settings);
std::string describe_real(const Settings& settings);

}  // namespace vslog
