// Which connections are meant: what "conn expire" and "conn ls" ask for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>

#include "engine/packet.h"
#include "event/conn_record.h"

namespace vslog::engine {

/// An address range with an optional port.
struct Place {
  Address address{};
  std::uint8_t prefix = 128;             ///< bits of the 16-byte form: an IPv4 prefix of n has 96 + n
  std::optional<std::uint16_t> port;
};

/// Every given part must match; nothing given matches every connection.
struct ConnFilter {
  std::optional<Place> client;
  std::optional<Place> virtual_service;
  std::optional<Place> real;
  std::optional<std::uint8_t> protocol;
  std::optional<std::uint32_t> fwmark;
  std::optional<std::uint8_t> family;    ///< 4 or 6
  std::optional<std::uint8_t> state;
  std::optional<bool> is_template;       ///< not given: both
  std::optional<std::uint64_t> conn_id;
  std::optional<Time> idle_at_least;     ///< since its last packet, ns
  std::optional<Time> older_than;        ///< since its beginning, ns
  bool quiesced_only = false;            ///< its real server has weight 0
  std::function<bool(const ConnRecord&)> also;  ///< asked last, of its record
};

inline bool contains(const Place& place, const Address& address, std::uint16_t port) {
  if (place.port && *place.port != port) return false;
  const std::size_t bits = std::min<std::size_t>(place.prefix, 128);
  const std::size_t whole = bits / 8;
  if (std::memcmp(place.address.data(), address.data(), whole) != 0) return false;
  if (bits % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff00U >> bits % 8);
  return ((place.address[whole] ^ address[whole]) & mask) == 0;
}

}  // namespace vslog::engine
