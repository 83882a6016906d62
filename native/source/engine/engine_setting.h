// What every source on the engine gives it: the machine's clocks, conn ids, who configures.
#pragma once

#include <cstdint>

#include "engine/engine.h"
#include "source/engine/engine_options.h"

namespace vslog {

/// This process as the author of its own command line.
engine::Author ourselves();

/// An engine whose clock is CLOCK_MONOTONIC. Conn ids go on above those of every earlier process on this node.
engine::EngineOptions engine_options(const EngineSourceOptions& options);

}  // namespace vslog
