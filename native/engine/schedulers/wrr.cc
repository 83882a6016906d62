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
    const std::size_t count = service.reals.size();
    // Every server is looked at once for each bar between the highest and 1, and once more up to where this began.
    const std::size_t looks = count * (static_cast<std::size_t>((highest_ - 1) / step_) + 2);
    for (std::size_t i = 0; i <= looks; ++i) {
      if (next_ == count) {
        next_ = 0;
        bar_ -= step_;
        if (bar_ <= 0) bar_ = highest_;
      }
      RealServer* const r = service.reals[next_++];
      if (r->usable() && r->config.weight >= bar_) return r;
    }
    return nullptr;
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
  std::size_t next_ = 0;
  std::int32_t bar_ = 0;
  std::int32_t step_ = 1;
  std::int32_t highest_ = 0;
};

}  // namespace

std::unique_ptr<Scheduler> make_wrr() { return std::make_unique<WeightedRoundRobin>(); }

}  // namespace vslog::engine
