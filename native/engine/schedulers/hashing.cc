// Source and destination hashing: ip_vs_sh.c, ip_vs_dh.c. 256 buckets are dealt out to the real servers in the order of the list.
#include <array>

#include "engine/schedulers/schedulers.h"

namespace vslog::engine {
namespace {

constexpr unsigned kBits = 8;
constexpr std::uint32_t kBuckets = 1U << kBits;

bool takes(const RealServer* r) { return r != nullptr && r->usable() && !r->quiesced(); }

class SourceHashing final : public Scheduler {
 public:
  std::string_view name() const override { return "sh"; }

  RealServer* schedule(const Service& service, const ScheduleContext& context) override {
    const Packet& p = context.packet;
    const std::uint32_t port = (service.config.flags & kSched2) != 0 ? p.source.port : 0;
    const std::uint32_t home = hash_32(port + fold(p.source.address, p.family), kBits);
    RealServer* const first = buckets_[home];
    if (takes(first)) return first;
    if (first == nullptr || (service.config.flags & kSched1) == 0) return nullptr;
    // Fallback: once around the table, from a place that depends on the client.
    for (std::uint32_t i = 0; i < kBuckets; ++i) {
      RealServer* const other = buckets_[((i + home) % kBuckets + home) % kBuckets];
      if (takes(other)) return other;
    }
    return nullptr;
  }

  void changed(const Service& service) override {
    buckets_.fill(nullptr);
    if (service.reals.empty()) return;
    std::size_t at = 0;
    std::int32_t dealt = 0;
    for (RealServer*& bucket : buckets_) {
      bucket = service.reals[at];
      // As many in a row as its weight says; one of weight 0 has one, which takes nobody.
      if (++dealt < bucket->config.weight) continue;
      at = (at + 1) % service.reals.size();
      dealt = 0;
    }
  }

 private:
  std::array<RealServer*, kBuckets> buckets_{};
};

class DestinationHashing final : public Scheduler {
 public:
  std::string_view name() const override { return "dh"; }

  RealServer* schedule(const Service&, const ScheduleContext& context) override {
    const Packet& p = context.packet;
    RealServer* const r = buckets_[hash_32(fold(p.destination.address, p.family), kBits)];
    return takes(r) ? r : nullptr;
  }

  void changed(const Service& service) override {
    for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] = service.reals.empty() ? nullptr : service.reals[i % service.reals.size()];
  }

 private:
  std::array<RealServer*, kBuckets> buckets_{};
};

}  // namespace

std::unique_ptr<Scheduler> make_sh() { return std::make_unique<SourceHashing>(); }
std::unique_ptr<Scheduler> make_dh() { return std::make_unique<DestinationHashing>(); }

}  // namespace vslog::engine
