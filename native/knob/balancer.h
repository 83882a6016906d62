// What has virtual services and real servers: the kernel's balancer or the embedded one.
#pragma once

#include <memory>
#include <optional>
#include <utility>
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

/// The virtual services, one after the other.
class ServiceWalk {
 public:
  virtual ~ServiceWalk() = default;
  /// The next one, with its real servers as they are now; nothing: that was all. In the network namespace in which the walk began. Throws RequestError.
  virtual std::optional<ServiceState> next() = 0;
};

/// A walk over what was read already.
class StoredServices final : public ServiceWalk {
 public:
  explicit StoredServices(std::vector<ServiceState> services) : services_(std::move(services)) {}
  std::optional<ServiceState> next() override {
    if (at_ == services_.size()) return std::nullopt;
    return std::move(services_[at_++]);
  }

 private:
  std::vector<ServiceState> services_;
  std::size_t at_ = 0;
};

class Balancer {
 public:
  virtual ~Balancer() = default;
  /// As list(), one after the other.
  virtual std::unique_ptr<ServiceWalk> walk(const engine::ServiceKey* only) { return std::make_unique<StoredServices>(list(only)); }
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
