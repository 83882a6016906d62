// Addresses that are ours: of no person, so they stay readable where other people's are hidden.
#pragma once

#include <vector>

#include "event/conn_record.h"
#include "source/conntrack/conntrack_options.h"

namespace vslog {

class OwnAddresses {
 public:
  OwnAddresses() = default;
  /// `addresses` in any order.
  OwnAddresses(std::vector<Address> addresses, std::vector<AddressBlock> blocks);

  bool contain(const Address& address) const;

 private:
  std::vector<Address> addresses_;  ///< sorted: a director may have hundreds
  std::vector<AddressBlock> blocks_;
};

/// The addresses of this machine's interfaces in the process's network namespace, and the loopback networks. Throws std::system_error.
OwnAddresses own_addresses(std::vector<AddressBlock> others);

}  // namespace vslog
