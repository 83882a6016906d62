#include "daemon/siphash.h"

#include <bit>
#include <cstring>

namespace vslog {
namespace {

std::uint64_t load64(const std::uint8_t* bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// The four words of SipHash.
struct State {
  std::uint64_t v0, v1, v2, v3;

  void round() {
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
  }
  void take(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  std::uint64_t finish() {
    for (int i = 0; i < 4; ++i) round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

}  // namespace

std::array<std::uint8_t, 16> siphash128(const HashKey& key, const std::array<std::uint8_t, 16>& data) {
  const std::uint64_t k0 = load64(key.data());
  const std::uint64_t k1 = load64(key.data() + 8);
  State s{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573};
  s.v1 ^= 0xee;
  s.take(load64(data.data()));
  s.take(load64(data.data() + 8));
  s.take(std::uint64_t{16} << 56);  // the length, behind no further bytes
  s.v2 ^= 0xee;
  const std::uint64_t low = s.finish();
  s.v1 ^= 0xdd;
  const std::uint64_t high = s.finish();
  std::array<std::uint8_t, 16> out{};
  std::memcpy(out.data(), &low, sizeof low);
  std::memcpy(out.data() + 8, &high, sizeof high);
  return out;
}

}  // namespace vslog
