// Source `engine`: the embedded balancer behind real sockets.
#pragma once

#include <memory>

#include "source/engine/engine_options.h"
#include "source/source.h"

namespace vslog {

/// Binds every service. Throws InUse and SetupError, and then holds nothing.
std::unique_ptr<Source> make_engine_source(const EngineSourceOptions& options);

}  // namespace vslog
