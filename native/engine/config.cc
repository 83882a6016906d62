#include "engine/config.h"

#include <arpa/inet.h>

#include <array>
#include <cstdio>

#include "engine/scheduler.h"

namespace vslog::engine {
namespace {

// ip_vs_ctl.c, IP_VS_SVC_F_PERSISTENT: a timeout above this is refused by the netlink interface of the tools.
constexpr std::uint32_t kLongestPersistence = 31 * 86'400;

bool is_ipv4(const Address& a) {
  for (std::size_t i = 0; i < 10; ++i) {
    if (a[i] != 0) return false;
  }
  return a[10] == 0xff && a[11] == 0xff;
}

std::string protocol_name(std::uint8_t protocol) {
  switch (protocol) {
    case kTcp: return "tcp";
    case kUdp: return "udp";
    case kSctp: return "sctp";
    default: return "protocol " + std::to_string(protocol);
  }
}

}  // namespace

std::string to_text(const Endpoint& endpoint) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = is_ipv4(endpoint.address);
  inet_ntop(v4 ? AF_INET : AF_INET6, endpoint.address.data() + (v4 ? 12 : 0), text.data(), text.size());
  const std::string address = v4 ? std::string(text.data()) : "[" + std::string(text.data()) + "]";
  return address + ":" + std::to_string(endpoint.port);
}

std::string to_text(const ServiceKey& key) {
  if (key.fwmark != 0) return "fwmark " + std::to_string(key.fwmark) + (key.family == 6 ? " (IPv6)" : "");
  return protocol_name(key.protocol) + " " + to_text(key.at);
}

void check(const ServiceConfig& config) {
  const ServiceKey& key = config.key;
  const std::string who = "virtual service " + to_text(key);
  if (key.family != 4 && key.family != 6) throw ConfigError("family", who + ": the address family must be 4 or 6.");
  if (key.fwmark == 0) {
    if (key.protocol != kTcp && key.protocol != kUdp && key.protocol != kSctp) throw ConfigError("protocol", who + ": the protocol must be tcp, udp or sctp.");
    if (key.at.port == 0 && config.persistent_s == 0) throw ConfigError("at", who + ": port 0, which takes every port, needs persistence.");
    if (is_ipv4(key.at.address) != (key.family == 4)) throw ConfigError("at", who + ": its address is of another family.");
  } else if (key.protocol != 0 || key.at != Endpoint{}) {
    throw ConfigError("at", who + ": a service by firewall mark has no protocol and no address.");
  }
  if (config.persistent_s > kLongestPersistence) {
    throw ConfigError("persistent", who + ": persistence of " + std::to_string(config.persistent_s) + " s must be at most " + std::to_string(kLongestPersistence) + " s.");
  }
  if ((config.flags & ~static_cast<std::uint32_t>(kOnePacket | kSched1 | kSched2 | kSched3)) != 0) throw ConfigError("flags", who + ": flags that are not known.");
  for (const std::string_view name : scheduler_names()) {
    if (name == config.scheduler) return;
  }
  std::string known;
  for (const std::string_view name : scheduler_names()) known += (known.empty() ? "" : ", ") + std::string(name);
  throw ConfigError("scheduler", who + ": scheduler \"" + config.scheduler + "\" is not one of " + known + ".");
}

void check(const RealConfig& config) {
  const std::string who = "real server " + to_text(config.at);
  if (config.weight < 0) throw ConfigError("weight", who + ": weight " + std::to_string(config.weight) + " must be 0 or more; 0 quiesces it.");
  if (config.lower > config.upper) {
    throw ConfigError("lower", who + ": the lower threshold " + std::to_string(config.lower) + " must not be above the upper one, " + std::to_string(config.upper) + ".");
  }
  if (config.forward != ForwardMethod::masq && config.forward != ForwardMethod::direct && config.forward != ForwardMethod::tunnel && config.forward != ForwardMethod::local)
    throw ConfigError("forward", who + ": the forwarding method must be masq, direct, tunnel or local.");
}

std::string describe(const ServiceConfig& config) {
  std::string s = "scheduler=" + config.scheduler;
  if (config.persistent_s != 0) s += " persistent=" + std::to_string(config.persistent_s) + "s";
  std::array<char, 32> flags{};
  std::snprintf(flags.data(), flags.size(), " flags=0x%x", config.flags | kHashed | (config.persistent_s != 0 ? kPersistent : 0U));
  return s + flags.data();
}

std::string describe(const RealConfig& config) {
  return "weight=" + std::to_string(config.weight) + " forward=" + std::string(to_string(config.forward)) + " upper=" + std::to_string(config.upper) +
         " lower=" + std::to_string(config.lower);
}

}  // namespace vslog::engine
