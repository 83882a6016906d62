// Weighted round robin: ip_vs_wrr.c. Passes over the list with a falling bar: first those of the highest weight, at last all.
#include <algorithm>
#include <numeric>

#include "engine/schedulers/schedulers.h"

namespace vslog::engine {
namespace {

class WeightedRoundRobin final : public Scheduler {
 public:
  std::string_view name() const override { return "wrr"; }

  RealServer* schedule(const Service& service, const ScheduleContext&) override {
    if (highest_ == 0) return nullptr;
    const std::size_t begin = next_;
    bool wrapped = false;
    bool lowest = false;
    for (std::size_t at = begin;; at = 0) {
      for (; at < service.reals.size(); ++at) {
        RealServer* const r = service.reals[at];
        if (r->usable() && r->config.weight >= bar_) {
          next_ = at + 1;
          return r;
        }
        // The last pass began behind this one, and has now seen everybody.
        if (lowest && wrapped && at + 1 == begin) return nullptr;
      }
      bar_ -= step_;
      if (bar_ <= 0) {
        bar_ = highest_;
        if (lowest || begin == 0) {
          next_ = 0;
          return nullptr;
        }
        wrapped = true;
      }
      lower(service);
      lowest = bar_ <= step_;
    }
  }

  void changed(const Service& service) override {
    // From the head of the list again (ip_vs_wrr_dest_changed). The highest is less step - 1, so that the last bar is 1.
    next_ = 0;
    step_ = 0;
    std::int32_t most = 0;
    for (const RealServer* r : service.reals) {
      step_ = std::gcd(step_, r->config.weight);
      most = std::max(most, r->config.weight);
    }
    if (step_ == 0) step_ = 1;
    highest_ = most == 0 ? 0 : most - (step_ - 1);
    if (bar_ > highest_ || bar_ == 0) bar_ = highest_;
    else if (step_ > 1) bar_ = bar_ / step_ * step_ + 1;
  }

 private:
  /// Down to where somebody can take a connection: what the passes between would come to, without making them.
  void lower(const Service& service) {
    std::int32_t target = (bar_ - 1) % step_ + 1;
    for (const RealServer* r : service.reals) {
      if (r->usable()) target = std::max(target, r->config.weight);
    }
    if (bar_ > target) bar_ -= (bar_ - target + (step_ - 1)) / step_ * step_;
  }

  std::size_t next_ = 0;
  std::int32_t bar_ = 0;
  std::int32_t step_ = 1;
  std::int32_t highest_ = 0;
};

}  // namespace

std::unique_ptr<Scheduler> make_wrr() { return std::make_unique<WeightedRoundRobin>(); }

}  // namespace vslog::engine
