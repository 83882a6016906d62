// Answers the knob and service subsystems of the socket. One request after the other: the daemon's one thread is the lock.
#pragma once

#include <cstdint>
#include <functional>

#include "event/control_record.h"
#include "knob/balancer.h"
#include "knob/knob_store.h"
#include "wire/requests.h"

namespace vslog {

/// What the administration does is told to.
class Witness {
 public:
  virtual ~Witness() = default;
  /// A change that nobody else writes into the log.
  virtual void changed(const ControlRecord& record) = 0;
  /// A change is about to be made.
  virtual void before_change() {}
  /// What this process changed in the kernel between the two, CLOCK_MONOTONIC in ns, was somebody's request.
  virtual void acted(const Author& author, std::uint64_t begin, std::uint64_t end) = 0;
};

class Administration final : public RequestHandler {
 public:
  Administration(KnobStore& knobs, Balancer& balancer, Witness& witness) : knobs_(knobs), balancer_(balancer), witness_(witness) {}

  bool takes(FrameType type) const override;
  bool changes(FrameType type) const override;
  Answer change(FrameType type, std::string_view payload, const Author& author) override;
  std::unique_ptr<Pieces> look(FrameType type, std::string_view payload) override;

 private:
  Answer set_knobs(std::string_view payload, const Author& peer);
  Answer change_service(std::string_view payload, const Author& peer);

  KnobStore& knobs_;
  Balancer& balancer_;
  Witness& witness_;
};

}  // namespace vslog
