// Virtual services and real servers as they are written on the command line.
#pragma once

#include <string>
#include <string_view>

#include "engine/config.h"
#include "engine/engine.h"
#include "source/engine/engine_options.h"

namespace vslog {

/// "tcp://192.0.2.1:80", "udp://[2001:db8::1]:53", "sctp://...", "fwmark://7". Throws engine::ConfigError.
engine::ServiceKey parse_service_key(std::string_view text);

/// "192.0.2.7:80,weight=2,upper=100,lower=80". Throws engine::ConfigError.
engine::RealConfig parse_real(std::string_view text);

/// "255.255.255.0" for IPv4, a prefix length of 1 to 128 for IPv6. Throws engine::ConfigError.
Address parse_netmask(std::string_view text);

/// Gives an engine its knobs and services. Throws engine::ConfigError, a sentence that names the option; of knobs that are wrong a line each, all of them.
void configure(engine::Engine& engine, const EngineSourceOptions& options, const engine::Author& author);

/// Whether the services and knobs could be taken all together: tries them on an engine without traffic. Throws engine::ConfigError; then nothing else has happened.
void check_setup(const EngineSourceOptions& options);

}  // namespace vslog
