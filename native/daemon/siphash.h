// SipHash-2-4 with 16 bytes of output (Aumasson and Bernstein; the reference implementation's siphash()), of 16 bytes.
#pragma once

#include <array>
#include <cstdint>

namespace vslog {

using HashKey = std::array<std::uint8_t, 16>;

std::array<std::uint8_t, 16> siphash128(const HashKey& key, const std::array<std::uint8_t, 16>& data);

}  // namespace vslog
