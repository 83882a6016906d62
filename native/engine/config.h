// What an operator configures: virtual services and their real servers, as IPVS has them (include/uapi/linux/ip_vs.h).
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/packet.h"

namespace vslog::engine {

/// A configuration that cannot be taken. what() is a sentence for the operator; field() the part at fault: "weight", "scheduler", "at".
class ConfigError : public std::runtime_error {
 public:
  ConfigError(std::string field, const std::string& sentence) : std::runtime_error(sentence), field_(std::move(field)) {}
  const std::string& field() const { return field_; }

 private:
  std::string field_;
};

/// Which packets a virtual service takes: protocol, address and port, or a firewall mark. Port 0 takes every port, with persistence only.
struct ServiceKey {
  std::uint8_t protocol = 0;  ///< 0 with a firewall mark
  std::uint8_t family = 4;
  Endpoint at;
  std::uint32_t fwmark = 0;
  friend bool operator==(const ServiceKey&, const ServiceKey&) = default;
};

/// IP_VS_SVC_F_*.
enum ServiceFlag : std::uint32_t {
  kPersistent = 0x1, kHashed = 0x2, kOnePacket = 0x4,
  kSched1 = 0x8,   ///< sh: fallback; mh: fallback
  kSched2 = 0x10,  ///< sh, mh: the source port is part of the key
  kSched3 = 0x20,
};

struct ServiceConfig {
  ServiceKey key;
  std::string scheduler = "wlc";          ///< ipvsadm's default
  std::uint32_t persistent_s = 0;         ///< 0: not persistent; else the templates' timeout, seconds, at most 31 days (ip_vs_ctl.c)
  Address netmask{};                      ///< granularity of persistence; all zero: whole addresses. For IPv4 the mapped form
  std::uint32_t flags = 0;                ///< of ServiceFlag: kOnePacket, kSched1 to kSched3
};

struct RealConfig {
  Endpoint at;               ///< port 0: the packet's own
  std::int32_t weight = 1;   ///< 0: quiesced; at most INT32_MAX
  ForwardMethod forward = ForwardMethod::masq;
  std::uint32_t upper = 0;   ///< connections from which on it is overloaded; 0: no limit
  std::uint32_t lower = 0;   ///< below which it is not any more; 0: three quarters of upper
};

/// Throws ConfigError at what no service can be, whatever else there is.
void check(const ServiceConfig& config);
void check(const RealConfig& config);

/// "tcp 192.0.2.1:80", "fwmark 7", for sentences.
std::string to_text(const ServiceKey& key);
/// "192.0.2.1:80", "[2001:db8::1]:80"
std::string to_text(const Endpoint& endpoint);

/// As the kernel source logs them: "scheduler=rr persistent=60s flags=0x3", "weight=1 forward=masq upper=0 lower=0".
std::string describe(const ServiceConfig& config);
std::string describe(const RealConfig& config);

}  // namespace vslog::engine
