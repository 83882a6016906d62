// Source `engine --load`: the balancer with made-up clients, as many as are asked for.
#pragma once

#include <memory>

#include "source/engine/engine_options.h"
#include "source/source.h"

namespace vslog {

/// The set-up of a load without services of its own: three of TCP and one of UDP, with four real servers each.
std::vector<ServiceSetup> default_load_services();

std::unique_ptr<Source> make_load_source(const EngineSourceOptions& options);

}  // namespace vslog
