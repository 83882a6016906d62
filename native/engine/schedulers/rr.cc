// Round robin: ip_vs_rr.c.
#include <algorithm>

#include "engine/schedulers/schedulers.h"

namespace vslog::engine {
namespace {

class RoundRobin final : public Scheduler {
 public:
  std::string_view name() const override { return "rr"; }

  RealServer* schedule(const Service& service, const ScheduleContext&) override {
    const std::size_t count = service.reals.size();
    const std::size_t begin = place(service);
    for (std::size_t i = 0; i < count; ++i) {
      RealServer* const r = service.reals[(begin + i) % count];
      if (r->usable() && !r->quiesced()) return last_ = r;
    }
    return nullptr;
  }

  void changed(const Service& service) override {
    // The last one is gone: as if the one before it had been the last (ip_vs_rr_del_dest).
    const auto here = [&](RealServer* r) { return std::find(service.reals.begin(), service.reals.end(), r) != service.reals.end(); };
    if (last_ != nullptr && !here(last_)) {
      auto at = std::find(order_.begin(), order_.end(), last_);
      last_ = nullptr;
      while (at != order_.begin() && last_ == nullptr) {
        --at;
        if (here(*at)) last_ = *at;
      }
    }
    order_ = service.reals;
  }

 private:
  /// Where to go on: behind the last one.
  std::size_t place(const Service& service) const {
    const auto at = std::find(service.reals.begin(), service.reals.end(), last_);
    return at == service.reals.end() ? 0 : static_cast<std::size_t>(at - service.reals.begin()) + 1;
  }

  RealServer* last_ = nullptr;
  std::vector<RealServer*> order_;
};

}  // namespace

std::unique_ptr<Scheduler> make_rr() { return std::make_unique<RoundRobin>(); }

}  // namespace vslog::engine
