// Virtual services and real servers at work: ip_vs_service and ip_vs_dest.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/config.h"
#include "engine/traffic.h"

namespace vslog::engine {

class Scheduler;
struct Service;

/// Lives as long as a connection or a service refers to it: a deleted real server stays, not available, until its last connection is gone or it is added again (ip_vs_ctl.c's trash).
struct RealServer {
  RealConfig config;
  std::uint32_t index = 0;         ///< its place in the engine's list, what connections hold
  Service* service = nullptr;      ///< null when the service was removed
  bool available = true;           ///< false: deleted
  bool overloaded = false;         ///< IP_VS_DEST_F_OVERLOAD
  std::int32_t last_weight = 0;    ///< the latest that was not 0, for mh; the one it was added with even if that is 0
  std::int32_t active = 0;         ///< connections in an active state
  std::int32_t inactive = 0;       ///< the others, one-packet ones too
  std::int32_t persistent = 0;     ///< templates
  std::uint32_t references = 0;    ///< entries of the table that point here
  ServiceKey service_key;          ///< of the service it belonged to, for the trash
  TrafficMeter traffic;

  bool quiesced() const { return config.weight == 0; }
  /// May be given new connections, weight apart.
  bool usable() const { return available && !overloaded; }
};

struct Service {
  ServiceConfig config;
  std::vector<RealServer*> reals;  ///< in the order in which the kernel walks them: the newest first (ip_vs_ctl.c, list_add_rcu)
  std::unique_ptr<Scheduler> scheduler;
  TrafficMeter traffic;

  bool persistent() const { return config.persistent_s != 0; }
  std::uint32_t timeout_s() const { return config.persistent_s; }
};

}  // namespace vslog::engine
