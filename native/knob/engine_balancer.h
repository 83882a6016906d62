// The embedded balancer's virtual services, real servers and knobs.
#pragma once

#include "engine/engine.h"
#include "knob/backend.h"
#include "knob/balancer.h"

namespace vslog {

/// Gives a service's socket a place, where the engine stands behind real ones.
class ServiceSockets {
 public:
  virtual ~ServiceSockets() = default;
  /// Before the service is added. Throws SetupError and InUse.
  virtual void open_service(const engine::ServiceKey& key) = 0;
  /// Before a real server is added. Throws engine::ConfigError.
  virtual void check_real(const engine::ServiceKey& key, const engine::Endpoint& real) = 0;
  /// After it was removed.
  virtual void close_service(const engine::ServiceKey& key) = 0;
};

class EngineBalancer final : public Balancer {
 public:
  /// `sockets` may be null: packets then come from elsewhere.
  EngineBalancer(engine::Engine& engine, ServiceSockets* sockets) : engine_(engine), sockets_(sockets) {}
  std::vector<ServiceState> list(const engine::ServiceKey* only) override;
  std::unique_ptr<ServiceWalk> walk(const engine::ServiceKey* only) override;
  void change(const ServiceOrder& order, const Author& author) override;
  bool tells() const override { return true; }

 private:
  engine::Engine& engine_;
  ServiceSockets* sockets_;
};

class EngineKnobs final : public KnobBackend {
 public:
  explicit EngineKnobs(engine::Engine& engine) : engine_(engine) {}
  KnobReading read(const Knob& knob) override;
  void write(const Knob& knob, const std::string& value, const Author& author) override;
  bool tells() const override { return true; }

 private:
  engine::Engine& engine_;
};

}  // namespace vslog
