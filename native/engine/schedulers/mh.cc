// Maglev hashing: ip_vs_mh.c. Every real server has an order of preference over the places of a table and takes turns in choosing, so that few places change
// hands when a server comes or goes.
#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "engine/schedulers/schedulers.h"

namespace vslog::engine {
namespace {

constexpr std::uint32_t kPlaces = 4093;      // the kernel's default, CONFIG_IP_VS_MH_TAB_INDEX = 12
constexpr std::uint32_t kMostTurns = 6;      // bits of a weight that count: half of that 12
constexpr std::uint64_t kOffsetKey = 2654435761;
constexpr std::uint64_t kSkipKey = 2654446892;

/// hsiphash_1u32() of lib/siphash.c on 64 bits: SipHash-1-3 of one 32-bit word, both halves of the key the same.
std::uint32_t half_siphash(std::uint32_t word, std::uint64_t key) {
  std::uint64_t v0 = 0x736f6d6570736575 ^ key;
  std::uint64_t v1 = 0x646f72616e646f6d ^ key;
  std::uint64_t v2 = 0x6c7967656e657261 ^ key;
  std::uint64_t v3 = 0x7465646279746573 ^ key;
  const auto round = [&] {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  };
  const std::uint64_t b = std::uint64_t{4} << 56 | word;
  v3 ^= b;
  round();
  v0 ^= b;
  v2 ^= 0xff;
  round();
  round();
  round();
  return static_cast<std::uint32_t>(v0 ^ v1 ^ v2 ^ v3);
}

bool takes(const RealServer* r) { return r != nullptr && r->usable() && !r->quiesced(); }

class Maglev final : public Scheduler {
 public:
  std::string_view name() const override { return "mh"; }

  RealServer* schedule(const Service& service, const ScheduleContext& context) override {
    const Packet& p = context.packet;
    const std::uint32_t client = fold(p.source.address, p.family) + ((service.config.flags & kSched2) != 0 ? p.source.port : 0U);
    const auto place = [client](std::uint32_t offset) { return half_siphash(client + offset, kOffsetKey) % kPlaces; };
    const std::uint32_t home = place(0);
    RealServer* const first = table_[home];
    if (takes(first)) return first;
    if (first == nullptr || (service.config.flags & kSched1) == 0) return nullptr;
    for (std::uint32_t i = 0; i < kPlaces; ++i) {
      RealServer* const other = table_[place((i + home) % kPlaces)];
      if (takes(other)) return other;
    }
    return nullptr;
  }

  void changed(const Service& service) override {
    // A quiesced server keeps the places of its last weight, so that they are there when it comes back.
    std::int32_t divisor = 0;
    std::int32_t most = 0;
    for (const RealServer* r : service.reals) {
      divisor = std::gcd(divisor, r->last_weight);
      most = std::max(most, r->last_weight);
    }
    table_.fill(nullptr);
    if (divisor < 1) return;
    const int excess = static_cast<int>(std::bit_width(static_cast<std::uint32_t>(most / divisor))) - static_cast<int>(kMostTurns);
    populate(service, divisor, excess > 0 ? excess : 0);
  }

 private:
  struct Chooser {
    RealServer* real;
    std::uint32_t next;
    std::uint32_t skip;
    std::int32_t turns;
  };

  void populate(const Service& service, std::int32_t divisor, int shift) {
    std::vector<Chooser> choosers;
    for (RealServer* const r : service.reals) {
      const std::int32_t weight = r->last_weight;
      if (weight == 0) continue;
      const std::uint32_t who = fold(r->config.at.address, service.config.key.family) + r->config.at.port;
      choosers.push_back({r, half_siphash(who, kOffsetKey) % kPlaces, half_siphash(who, kSkipKey) % (kPlaces - 1) + 1, std::max(1, weight / divisor >> shift)});
    }
    for (std::uint32_t taken = 0; taken < kPlaces;) {
      for (Chooser& c : choosers) {
        for (std::int32_t turn = 0; turn < c.turns && taken < kPlaces; ++turn) {
          while (table_[c.next] != nullptr) c.next = (c.next + c.skip) % kPlaces;
          table_[c.next] = c.real;
          ++taken;
        }
      }
    }
  }

  std::array<RealServer*, kPlaces> table_{};
};

}  // namespace

std::unique_ptr<Scheduler> make_mh() { return std::make_unique<Maglev>(); }

}  // namespace vslog::engine
