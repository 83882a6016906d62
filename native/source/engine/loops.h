// A balancer whose real server is the balancer itself: each connection would make another one, without end.
#pragma once

#include "engine/engine.h"

namespace vslog {

/// Throws engine::ConfigError when what `service` sends to `real` comes back to it, at once or through others of the engine's services. `real` need not be one of its real servers yet.
void refuse_loop(const engine::Engine& engine, const engine::ServiceKey& service, const engine::Endpoint& real);

/// The same for all real servers that there are.
void refuse_loops(const engine::Engine& engine);

}  // namespace vslog
