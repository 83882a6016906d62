// The power of two choices: ip_vs_twos.c. Two real servers are drawn by weight, and the less busy one is taken.
#include "engine/schedulers/schedulers.h"

namespace vslog::engine {
namespace {

class Twos final : public Scheduler {
 public:
  std::string_view name() const override { return "twos"; }
  void changed(const Service&) override {}

  RealServer* schedule(const Service& service, const ScheduleContext& context) override {
    std::uint64_t total = 0;
    for (const RealServer* const r : service.reals) total += weight(*r);
    if (total == 0) return nullptr;
    // From 0 to the sum of the weights, as the kernel draws: the first of the list has one chance more than its weight.
    RealServer* const one = drawn(service, below(static_cast<std::uint32_t>(context.chance >> 32), total + 1));
    RealServer* const other = drawn(service, below(static_cast<std::uint32_t>(context.chance), total + 1));
    return busier(overhead(*one), *one, overhead(*other), *other) ? other : one;
  }

 private:
  static std::uint64_t weight(const RealServer& r) { return r.usable() && r.config.weight > 0 ? static_cast<std::uint64_t>(r.config.weight) : 0; }

  /// A number below `limit` out of a random one.
  static std::uint64_t below(std::uint32_t random, std::uint64_t limit) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>(static_cast<Wide>(random) * limit >> 32);
  }

  /// The first whose weight, with those before it, reaches `lot`. `lot` is at most the sum of the weights, which is not 0.
  static RealServer* drawn(const Service& service, std::uint64_t lot) {
    for (RealServer* const r : service.reals) {
      const std::uint64_t w = weight(*r);
      if (w == 0) continue;
      if (lot <= w) return r;
      lot -= w;
    }
    return nullptr;
  }
};

}  // namespace

std::unique_ptr<Scheduler> make_twos() { return std::make_unique<Twos>(); }

}  // namespace vslog::engine
