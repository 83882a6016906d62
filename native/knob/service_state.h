// Virtual services and real servers as they are listed, their settings by the names of proto/knobs.json.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/config.h"

namespace vslog {

/// service_* or real_* by name.
using Settings = std::map<std::string, std::string, std::less<>>;

/// The balancer's own counters since the start, and its estimates of the last seconds.
struct Traffic {
  std::uint64_t connections = 0;
  std::uint64_t packets_in = 0;
  std::uint64_t packets_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t connections_per_s = 0;
  std::uint64_t packets_in_per_s = 0;
  std::uint64_t packets_out_per_s = 0;
  std::uint64_t bytes_in_per_s = 0;
  std::uint64_t bytes_out_per_s = 0;
};

struct RealState {
  engine::Endpoint at;
  Settings settings;
  std::uint64_t active = 0;
  std::uint64_t inactive = 0;
  std::uint64_t persistent = 0;
  bool overloaded = false;
  std::optional<Traffic> traffic;
};

struct ServiceState {
  engine::ServiceKey key;
  Settings settings;
  std::vector<RealState> reals;
  std::optional<Traffic> traffic;
};

}  // namespace vslog
