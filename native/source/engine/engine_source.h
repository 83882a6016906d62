// Source `engine`: the embedded balancer behind real sockets.
#pragma once

#include <memory>

#include "source/engine/engine_options.h"
#include "source/source.h"

namespace vslog {

class EngineSource : public Source {
 public:
  /// What it balances with: for who changes services, real servers and knobs while it runs. Packets are the source's business alone.
  virtual engine::Engine& engine() = 0;
};

/// Binds every service. Throws InUse and SetupError, and then holds nothing.
std::unique_ptr<EngineSource> make_engine_source(const EngineSourceOptions& options);

}  // namespace vslog
