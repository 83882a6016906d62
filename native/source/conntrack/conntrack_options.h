// What source conntrack may be told.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "event/conn_record.h"

namespace vslog {

/// A block of addresses in the 16-byte form.
struct AddressBlock {
  Address address{};
  std::uint8_t prefix = 128;  ///< bits of the 16-byte form: an IPv4 prefix of n has 96 + n
};

struct ConntrackOptions {
  /// How events come from the kernel: by the ring where it can be had, else by the socket; or only so.
  enum class Delivery : std::uint8_t { automatic, ring, socket };

  bool creates = true;
  bool expires = true;
  bool states = false;                          ///< UPDATE messages as state records
  std::vector<std::uint8_t> protocols;          ///< IP protocol numbers; empty: all
  std::vector<AddressBlock> addresses;          ///< original source or destination in one of these; empty: all
  Delivery delivery = Delivery::automatic;
  std::uint64_t buffer_bytes = 128 << 20;       ///< socket: its receive buffer grows up to this
  std::uint64_t queue_bytes = 64 << 20;         ///< the ring; socket: between the reader thread and the rest; power of two
  std::uint32_t resync_s = 60;                  ///< 0: the table is compared after an overrun only
  std::uint32_t max_conns = 1 << 22;            ///< connections that are remembered at once
  bool reliable = false;                        ///< the kernel keeps each end until it is delivered
};

/// "create,expire,state". Throws std::invalid_argument whose what() names the word that is not known.
void parse_conntrack_events(const std::string& list, ConntrackOptions& options);

/// "auto", "ring", "socket". Throws std::invalid_argument.
ConntrackOptions::Delivery parse_conntrack_delivery(const std::string& name);

/// "tcp,udp,47". Throws std::invalid_argument.
std::vector<std::uint8_t> parse_conntrack_protocols(const std::string& list);

/// "10.0.0.0/8,2001:db8::/32"; an address without a prefix is a block of one. Throws std::invalid_argument.
std::vector<AddressBlock> parse_address_blocks(const std::string& list);

}  // namespace vslog
