// Those that compare loads and remember nothing: ip_vs_lc.c, ip_vs_wlc.c, ip_vs_sed.c, ip_vs_nq.c, ip_vs_fo.c, ip_vs_ovf.c.
// Of equals the first in the list is chosen.
#include "engine/schedulers/schedulers.h"

namespace vslog::engine {
namespace {

template <RealServer* (*Choose)(const std::vector<RealServer*>&)>
class Comparing final : public Scheduler {
 public:
  explicit Comparing(std::string_view name) : name_(name) {}
  std::string_view name() const override { return name_; }
  RealServer* schedule(const Service& service, const ScheduleContext&) override { return Choose(service.reals); }
  void changed(const Service&) override {}

 private:
  std::string_view name_;
};

bool takes(const RealServer& r) { return r.usable() && !r.quiesced(); }

/// lc: the least overhead, whatever the weights.
RealServer* least_connections(const std::vector<RealServer*>& reals) {
  RealServer* least = nullptr;
  for (RealServer* const r : reals) {
    if (takes(*r) && (least == nullptr || overhead(*r) < overhead(*least))) least = r;
  }
  return least;
}

/// sed: the shortest expected delay, which is active connections with the new one, by weight.
RealServer* shortest_delay(const std::vector<RealServer*>& reals) {
  RealServer* least = nullptr;
  for (RealServer* const r : reals) {
    if (takes(*r) && (least == nullptr || busier(least->active + 1, *least, r->active + 1, *r))) least = r;
  }
  return least;
}

/// nq: one with nothing to do, else as sed.
RealServer* never_queue(const std::vector<RealServer*>& reals) {
  for (RealServer* const r : reals) {
    if (takes(*r) && r->active == 0) return r;
  }
  return shortest_delay(reals);
}

/// fo: the highest weight takes all.
RealServer* failover(const std::vector<RealServer*>& reals) {
  RealServer* best = nullptr;
  for (RealServer* const r : reals) {
    if (takes(*r) && (best == nullptr || r->config.weight > best->config.weight)) best = r;
  }
  return best;
}

/// ovf: the highest weight that has not more active connections than its weight.
RealServer* overflow(const std::vector<RealServer*>& reals) {
  RealServer* best = nullptr;
  for (RealServer* const r : reals) {
    if (takes(*r) && r->active <= r->config.weight && (best == nullptr || r->config.weight > best->config.weight)) best = r;
  }
  return best;
}

}  // namespace

std::unique_ptr<Scheduler> make_lc() { return std::make_unique<Comparing<least_connections>>("lc"); }
std::unique_ptr<Scheduler> make_wlc() { return std::make_unique<Comparing<least_busy>>("wlc"); }
std::unique_ptr<Scheduler> make_sed() { return std::make_unique<Comparing<shortest_delay>>("sed"); }
std::unique_ptr<Scheduler> make_nq() { return std::make_unique<Comparing<never_queue>>("nq"); }
std::unique_ptr<Scheduler> make_fo() { return std::make_unique<Comparing<failover>>("fo"); }
std::unique_ptr<Scheduler> make_ovf() { return std::make_unique<Comparing<overflow>>("ovf"); }

}  // namespace vslog::engine
