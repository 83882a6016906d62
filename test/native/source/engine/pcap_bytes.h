// Packets as bytes, and files of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace vslog {

using Bytes = std::vector<std::uint8_t>;

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline Bytes be16(std::size_t value) { return {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)}; }
inline Bytes zeros(std::size_t count) { return Bytes(count); }

inline Bytes tcp(std::uint16_t from, std::uint16_t to, std::uint8_t flags) { return be16(from) + be16(to) + zeros(8) + Bytes{0x50, flags} + zeros(6); }
inline Bytes udp(std::uint16_t from, std::uint16_t to, std::size_t payload = 0) { return be16(from) + be16(to) + be16(8 + payload) + be16(0) + zeros(payload); }
inline Bytes sctp(std::uint16_t from, std::uint16_t to, std::uint8_t chunk) { return be16(from) + be16(to) + zeros(8) + Bytes{chunk, 0, 0, 4}; }

struct Ipv4 {
  Bytes source{10, 1, 0, 50};
  Bytes destination{10, 1, 0, 1};
  Bytes options{};            ///< a multiple of four
  std::uint16_t fragment = 0;  ///< flags and offset as they stand in the header
};

inline Bytes ipv4(std::uint8_t protocol, const Bytes& payload, const Ipv4& with = {}) {
  const std::size_t header = 20 + with.options.size();
  return Bytes{static_cast<std::uint8_t>(0x40 | header / 4), 0} + be16(header + payload.size()) + be16(1) + be16(with.fragment) + Bytes{64, protocol, 0, 0} + with.source + with.destination +
         with.options + payload;
}

inline Bytes v6(std::uint8_t last) { return Bytes{0x20, 0x01, 0x0d, 0xb8} + zeros(11) + Bytes{last}; }
/// 2001:db8::50 to 2001:db8::1
inline Bytes ipv6(std::uint8_t next, const Bytes& payload) { return Bytes{0x60, 0, 0, 0} + be16(payload.size()) + Bytes{next, 64} + v6(0x50) + v6(1) + payload; }

inline Bytes ethernet(std::uint16_t type, const Bytes& payload) { return zeros(12) + be16(type) + payload; }
inline Bytes tag(std::uint16_t type_behind) { return be16(7) + be16(type_behind); }
inline Bytes cooked(std::uint16_t type, const Bytes& payload) { return zeros(14) + be16(type) + payload; }
inline Bytes cooked_v2(std::uint16_t type, const Bytes& payload) { return be16(type) + zeros(18) + payload; }

/// A pcap file with microseconds, little-endian.
class PcapBytes {
 public:
  explicit PcapBytes(std::uint32_t link = 101) {
    le(0xa1b2c3d4, 4);
    le(2, 2);
    le(4, 2);
    le(0, 8);
    le(262144, 4);
    le(link, 4);
  }
  /// `captured`: how much of it the file has.
  PcapBytes& packet(std::uint32_t seconds, std::uint32_t micros, const Bytes& bytes, std::size_t captured = SIZE_MAX) {
    captured = std::min(captured, bytes.size());
    le(seconds, 4);
    le(micros, 4);
    le(captured, 4);
    le(bytes.size(), 4);
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(captured));
    return *this;
  }
  Bytes& bytes() { return bytes_; }

 private:
  void le(std::uint64_t value, int size) {
    for (int i = 0; i < size; ++i) bytes_.push_back(static_cast<std::uint8_t>(value >> 8 * i));
  }
  Bytes bytes_;
};

}  // namespace vslog
