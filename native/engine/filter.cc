#include "engine/filter.h"

#include <algorithm>
#include <cstring>

namespace vslog::engine {

bool contains(const Place& place, const Address& address, std::uint16_t port) {
  if (place.port && *place.port != port) return false;
  const std::size_t bits = std::min<std::size_t>(place.prefix, 128);
  const std::size_t whole = bits / 8;
  if (std::memcmp(place.address.data(), address.data(), whole) != 0) return false;
  if (bits % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff00U >> bits % 8);
  return ((place.address[whole] ^ address[whole]) & mask) == 0;
}

}  // namespace vslog::engine
