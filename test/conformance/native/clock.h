// Virtual time: what happens in the simulated network, in order.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "engine/packet.h"

namespace vslog::conformance {

using engine::kMillisecond;
using engine::kSecond;
using engine::Time;

class Clock {
 public:
  Time now() const { return now_; }

  /// `action` runs `delay` ns from now; of two that are due together the one that was asked for first.
  void after(Time delay, std::function<void()> action) { queue_.push({now_ + delay, ++order_, std::move(action)}); }

  /// Runs what is due until `end` or until `done` says so, and goes no further than that. Returns done().
  bool run(Time end, const std::function<bool()>& done) {
    while (!done()) {
      if (queue_.empty() || queue_.top().at > end) {
        if (end > now_) now_ = end;
        return done();
      }
      const Entry next = queue_.top();
      queue_.pop();
      now_ = next.at;
      next.action();
    }
    return true;
  }
  void run(Time end) {
    run(end, [] { return false; });
  }

 private:
  struct Entry {
    Time at;
    std::uint64_t order;
    std::function<void()> action;
    bool operator<(const Entry& other) const { return at != other.at ? at > other.at : order > other.order; }
  };

  Time now_ = 0;
  std::uint64_t order_ = 0;
  std::priority_queue<Entry> queue_;
};

}  // namespace vslog::conformance
