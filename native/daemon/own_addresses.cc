#include "daemon/own_addresses.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

#include "engine/filter.h"

namespace vslog {

OwnAddresses::OwnAddresses(std::vector<Address> addresses, std::vector<AddressBlock> blocks) : addresses_(std::move(addresses)), blocks_(std::move(blocks)) {
  std::sort(addresses_.begin(), addresses_.end());
}

bool OwnAddresses::contain(const Address& address) const {
  if (std::binary_search(addresses_.begin(), addresses_.end(), address)) return true;
  return std::any_of(blocks_.begin(), blocks_.end(), [&address](const AddressBlock& block) { return engine::contains({block.address, block.prefix, {}}, address, 0); });
}

OwnAddresses own_addresses(std::vector<AddressBlock> others) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) throw std::system_error(errno, std::generic_category(), "cannot read the addresses of this machine");
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
  std::vector<Address> addresses;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) continue;
    if (at->ifa_addr->sa_family == AF_INET) {
      sockaddr_in v4{};
      std::memcpy(&v4, at->ifa_addr, sizeof v4);
      std::uint8_t bytes[4];
      std::memcpy(bytes, &v4.sin_addr, sizeof bytes);
      addresses.push_back(map_ipv4(bytes));
    } else if (at->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 v6{};
      std::memcpy(&v6, at->ifa_addr, sizeof v6);
      Address address{};
      std::memcpy(address.data(), &v6.sin6_addr, address.size());
      addresses.push_back(address);
    }
  }
  const std::vector<AddressBlock> loopback = parse_address_blocks("127.0.0.0/8,::1");
  others.insert(others.end(), loopback.begin(), loopback.end());
  return {std::move(addresses), std::move(others)};
}

}  // namespace vslog
