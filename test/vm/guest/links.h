// Devices, addresses and routes of network namespaces, by rtnetlink.
#pragma once

#include <string>

namespace hand {

/// A pair of virtual network cards, each in a namespace of its own.
void add_pair(int ns, const std::string& device, int peer_ns, const std::string& peer);

/// Gives a device of the calling thread's namespace an address, written ADDRESS/BITS. One that it has already stays.
void add_address(const std::string& device, const std::string& address);

/// A route of the calling thread's namespace, to ADDRESS/BITS. `device` may be empty.
void add_route(const std::string& to, const std::string& gateway, const std::string& device);

/// Turns a device of the calling thread's namespace on or off.
void set_device(const std::string& device, bool up);

/// Returns when a device of the calling thread's namespace, turned on before, carries packets, and its IPv6 addresses are in use. The kernel does both later, in a work.
void until_ready(const std::string& device);

}  // namespace hand
