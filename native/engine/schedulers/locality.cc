// Locality-based least connection, and the same with replication: ip_vs_lblc.c, ip_vs_lblcr.c. Made for caches: what goes to one destination address goes to
// one real server, or to a set of them.
#include <algorithm>
#include <map>

#include "engine/schedulers/schedulers.h"

namespace vslog::engine {
namespace {

constexpr Time kLook = 60 * kSecond;    // CHECK_EXPIRE_INTERVAL
constexpr int kFullLook = 30;           // COUNT_FOR_FULL_EXPIRATION
constexpr Time kYoung = 360 * kSecond;  // ENTRY_TIMEOUT
constexpr std::size_t kMany = 1024 * 16;

/// It has more active connections than its weight, and another less than half of its own.
bool overloaded(const RealServer& r, const Service& service) {
  return r.active > r.config.weight && std::any_of(service.reals.begin(), service.reals.end(), [](const RealServer* o) { return o->active * 2 < o->config.weight; });
}

/// A real server that an address is tied to. A deleted one is remembered: when it is added again the address is its own again.
struct Tie {
  Endpoint at;
  RealServer* real = nullptr;  ///< null while it is deleted

  explicit Tie(RealServer* r) : at(r->config.at), real(r) {}
  void look(const Service& service) {
    const auto found = std::find_if(service.reals.begin(), service.reals.end(), [this](const RealServer* r) { return r->config.at == at; });
    real = found == service.reals.end() ? nullptr : *found;
  }
};

/// Looks once a minute; every half hour whatever was not used for `expiration` goes, and in between only when there are too many.
template <typename Entries>
void collect(Entries& entries, Time& next, int& looks, Time expiration, Time now) {
  if (now < next) return;
  const bool first = next == 0;
  next = now + kLook;
  if (first) return;
  const bool full = ++looks % kFullLook == 0;
  if (!full && entries.size() <= kMany) return;
  std::erase_if(entries, [&](const auto& e) { return e.second.used + (full ? expiration : kYoung) <= now; });
}

class Locality final : public Scheduler {
 public:
  std::string_view name() const override { return "lblc"; }

  RealServer* schedule(const Service& service, const ScheduleContext& context) override {
    const auto at = entries_.find(context.packet.destination.address);
    if (at != entries_.end()) {
      at->second.used = context.now;
      // The thresholds are not looked at here.
      RealServer* const r = at->second.tie.real;
      if (r != nullptr && !r->quiesced() && !overloaded(*r, service)) return r;
    }
    RealServer* const r = least_busy(service.reals);
    if (r != nullptr) entries_.insert_or_assign(context.packet.destination.address, Entry{Tie(r), context.now});
    return r;
  }

  void changed(const Service& service) override {
    for (auto& [address, entry] : entries_) entry.tie.look(service);
  }

  void tick(const Service&, const SchedulerKnobs& knobs, Time now) override { collect(entries_, next_, looks_, knobs.lblc_expiration_s * kSecond, now); }

 private:
  struct Entry {
    Tie tie;
    Time used;
  };
  std::map<Address, Entry> entries_;
  Time next_ = 0;
  int looks_ = 0;
};

class LocalityReplicated final : public Scheduler {
 public:
  std::string_view name() const override { return "lblcr"; }

  RealServer* schedule(const Service& service, const ScheduleContext& context) override {
    const auto at = entries_.find(context.packet.destination.address);
    if (at == entries_.end()) {
      RealServer* const r = least_busy(service.reals);
      if (r != nullptr) entries_[context.packet.destination.address] = {{Tie(r)}, context.now, context.now};
      return r;
    }
    Entry& entry = at->second;
    entry.used = context.now;
    RealServer* const chosen = least_busy_of(entry.set);
    // A set that has not changed for long is made smaller by its busiest.
    if (entry.set.size() > 1 && context.now > entry.changed + context.knobs.lblcr_expiration_s * kSecond) {
      if (const RealServer* const most = busiest(entry.set)) {
        std::erase_if(entry.set, [most](const Tie& t) { return t.real == most; });
        entry.changed = context.now;
      }
    }
    if (chosen != nullptr && !overloaded(*chosen, service)) return chosen;
    RealServer* const other = least_busy(service.reals);
    if (other != nullptr && std::none_of(entry.set.begin(), entry.set.end(), [other](const Tie& t) { return t.real == other; })) {
      entry.set.insert(entry.set.begin(), Tie(other));
      entry.changed = context.now;
    }
    return other;
  }

  void changed(const Service& service) override {
    for (auto& [address, entry] : entries_) {
      for (Tie& t : entry.set) t.look(service);
    }
  }

  void tick(const Service&, const SchedulerKnobs& knobs, Time now) override { collect(entries_, next_, looks_, knobs.lblcr_expiration_s * kSecond, now); }

 private:
  struct Entry {
    std::vector<Tie> set;  ///< the newest first
    Time used = 0;
    Time changed = 0;
  };

  static RealServer* least_busy_of(const std::vector<Tie>& set) {
    std::vector<RealServer*> reals;
    for (const Tie& t : set) {
      if (t.real != nullptr) reals.push_back(t.real);
    }
    return least_busy(reals);
  }

  static const RealServer* busiest(const std::vector<Tie>& set) {
    const RealServer* most = nullptr;
    for (const Tie& t : set) {
      const RealServer* const r = t.real;
      if (r != nullptr && r->config.weight > 0 && (most == nullptr || busier(overhead(*r), *r, overhead(*most), *most))) most = r;
    }
    return most;
  }

  std::map<Address, Entry> entries_;
  Time next_ = 0;
  int looks_ = 0;
};

}  // namespace

std::unique_ptr<Scheduler> make_lblc() { return std::make_unique<Locality>(); }
std::unique_ptr<Scheduler> make_lblcr() { return std::make_unique<LocalityReplicated>(); }

}  // namespace vslog::engine
