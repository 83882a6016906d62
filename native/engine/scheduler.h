// Which real server gets a new connection: one class for each of the kernel's schedulers (ip_vs_rr.c and its siblings).
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/service.h"

namespace vslog::engine {

struct SchedulerKnobs {
  std::uint64_t lblc_expiration_s = 86400;
  std::uint64_t lblcr_expiration_s = 86400;
};

/// What a scheduler may look at besides the service's real servers.
struct ScheduleContext {
  const Packet& packet;
  Time now = 0;
  const SchedulerKnobs& knobs;
  std::uint64_t chance = 0;  ///< a random number, another one for each connection
};

/// One a service. It holds RealServer pointers only between two calls of changed().
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  virtual std::string_view name() const = 0;

  /// The real server for a new connection, or null: then the packet finds no destination. One that is overloaded only where the kernel's does so too (lblc); never one that is not available.
  virtual RealServer* schedule(const Service& service, const ScheduleContext& context) = 0;

  /// A real server was added, removed or edited. Not when the service was edited: its flags are read with each packet.
  virtual void changed(const Service& service) = 0;

  /// About once a second: lets old table entries go.
  virtual void tick(const Service& service, const SchedulerKnobs& knobs, Time now) { (void)service, (void)knobs, (void)now; }
};

/// rr, wrr, lc, wlc, sed, nq, fo, ovf, sh, dh, mh, lblc, lblcr, twos. In the kernel's words.
const std::vector<std::string_view>& scheduler_names();

/// Null when there is none of that name. `service` is complete but for its scheduler.
std::unique_ptr<Scheduler> make_scheduler(std::string_view name, const Service& service);

}  // namespace vslog::engine
