// Tells every change of a kernel's knob, whoever made it: by the kernel's account where there is one, by comparison otherwise, and over the capture's own restarts.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "event/control_record.h"
#include "knob/knob_events.h"
#include "knob/knob_store.h"

namespace vslog {

struct KnobWatchOptions {
  std::string state_path;        ///< where the values are kept between runs; empty: nowhere
  std::string boot_id;
  std::uint32_t own_netns = 0;
  bool all_netns = false;        ///< tell changes in every network namespace; only the own one's are compared
  bool ipvs = true;              ///< the kernel's balancer is of interest
  std::uint64_t wall_offset = 0; ///< CLOCK_REALTIME less CLOCK_MONOTONIC
};

class KnobWatch {
 public:
  using Read = std::function<KnobReading(const Knob&)>;
  using Tell = std::function<void(const ControlRecord&)>;

  /// `events` may be null: then changes are found by comparison, and who made them is not known.
  KnobWatch(KnobWatchOptions options, std::unique_ptr<KnobEvents> events, Read read, Tell tell);

  /// Tells what changed since an earlier run of this boot, and remembers what there is.
  void start();
  /// -1: nothing to wait for.
  int poll_fd() const { return events_ ? events_->poll_fd() : -1; }
  /// Takes the kernel's account.
  void drain();
  /// About once a second: compares.
  void tick();
  /// A change that was made through us.
  void set(const KnobChange& change, std::uint32_t netns, const Author& author);
  /// Writes what is remembered, if it changed.
  void save();

  std::uint64_t lost() const { return events_ ? events_->lost() : 0; }

 private:
  struct Known {
    std::string value;
    std::string seen;  ///< by the comparison before: a difference is told when it is there twice
  };

  bool is_watched(const Knob& knob) const;
  void take(const KnobEvent& event);
  void take_timeouts(const KnobEvent& event);
  void compare(const Knob& knob, bool at_once, const char* detail);
  void tell(const Knob& knob, const std::string& before, const std::string& after, std::uint32_t netns, std::uint64_t time, const Author& author, const char* detail);
  void load();

  KnobWatchOptions options_;
  std::unique_ptr<KnobEvents> events_;
  Read read_;
  Tell tell_;
  std::map<const Knob*, Known> known_;
  bool dirty_ = false;
  std::string trouble_;  // of the last save(), which was said
};

}  // namespace vslog
