// Source `engine`: the embedded balancer, behind real sockets or fed with packets.
#pragma once

#include <memory>

#include "source/engine/engine_options.h"
#include "source/source.h"

namespace vslog {

class EngineSource : public Source {
 public:
  /// What it balances with: for who changes services, real servers and knobs while it runs. Packets are the source's business alone.
  virtual engine::Engine& engine() = 0;
  /// Before it is changed: its clock goes to now, where that is the machine's.
  virtual void catch_up() {}
  /// Before a service is added while it runs. Throws InUse and SetupError. Nothing where packets come from elsewhere.
  virtual void open_service(const engine::ServiceKey& key) { (void)key; }
  /// Before a real server is added while it runs. Throws engine::ConfigError when it would balance to itself. Nothing where packets come from elsewhere.
  virtual void check_real(const engine::ServiceKey& key, const engine::Endpoint& real) { (void)key, (void)real; }
  /// After a service was removed.
  virtual void close_service(const engine::ServiceKey& key) { (void)key; }
};

/// Binds every service. Throws InUse and SetupError, and then holds nothing.
std::unique_ptr<EngineSource> make_engine_source(const EngineSourceOptions& options);

}  // namespace vslog
