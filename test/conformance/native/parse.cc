#include "parse.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <sstream>
#include <stdexcept>

namespace vslog::conformance {
namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& word) { throw std::runtime_error(what + ": " + word); }

Address address(const std::string& word) {
  std::uint8_t v4[4];
  if (inet_pton(AF_INET, word.c_str(), v4) == 1) return map_ipv4(v4);
  Address a{};
  if (inet_pton(AF_INET6, word.c_str(), a.data()) != 1) refuse("no address", word);
  return a;
}

/// The mask of so many bits of an IPv4 (in its mapped form) or IPv6 address.
Address mask(std::uint64_t bits, std::uint8_t family) {
  Address a{};
  std::uint64_t ones = bits + (family == 4 ? 96 : 0);
  for (auto& byte : a) {
    const std::uint64_t here = std::min<std::uint64_t>(ones, 8);
    byte = static_cast<std::uint8_t>(0xff00u >> here);
    ones -= here;
  }
  return a;
}

std::uint32_t flag(const std::string& word) {
  if (word == "one-packet") return engine::kOnePacket;
  if (word == "sh-fallback" || word == "mh-fallback") return engine::kSched1;
  if (word == "sh-port" || word == "mh-port") return engine::kSched2;
  refuse("no flag", word);
}

}  // namespace

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::uint64_t number(const std::string& word) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) refuse("no number", word);
  return value;
}

std::uint8_t protocol(const std::string& word) {
  if (word == "tcp") return engine::kTcp;
  if (word == "udp") return engine::kUdp;
  if (word == "sctp") return engine::kSctp;
  refuse("no protocol", word);
}

std::uint8_t family_of(const std::string& address) { return address.find(':') == std::string::npos ? 4 : 6; }

engine::Endpoint endpoint(const std::string& word, const std::string& port) { return {address(word), static_cast<std::uint16_t>(number(port))}; }

engine::ServiceKey service_key(const std::string& a, const std::string& b, const std::string& c) {
  engine::ServiceKey key;
  if (a == "mark") {
    key.fwmark = static_cast<std::uint32_t>(number(b));
    key.family = static_cast<std::uint8_t>(number(c));
    return key;
  }
  key.protocol = protocol(a);
  key.family = family_of(b);
  key.at = endpoint(b, c);
  return key;
}

engine::ServiceConfig service(const engine::ServiceKey& key, const std::vector<std::string>& settings) {
  engine::ServiceConfig config;
  config.key = key;
  for (const std::string& setting : settings) {
    const auto equals = setting.find('=');
    const std::string name = setting.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : setting.substr(equals + 1);
    if (name == "scheduler") config.scheduler = value;
    else if (name == "persistent") config.persistent_s = static_cast<std::uint32_t>(number(value));
    else if (name == "netmask") config.netmask = mask(number(value), key.family);
    else if (name == "flag") config.flags |= flag(value);
    else refuse("no setting of a service", setting);
  }
  return config;
}

engine::RealConfig real(const engine::Endpoint& at, const std::vector<std::string>& settings) {
  engine::RealConfig config;
  config.at = at;
  for (const std::string& setting : settings) {
    const auto equals = setting.find('=');
    const std::string name = setting.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : setting.substr(equals + 1);
    if (name == "weight") config.weight = static_cast<std::int32_t>(number(value));
    else if (name == "upper") config.upper = static_cast<std::uint32_t>(number(value));
    else if (name == "lower") config.lower = static_cast<std::uint32_t>(number(value));
    else if (setting == "forward=masq") config.forward = ForwardMethod::masq;
    else if (setting == "forward=direct") config.forward = ForwardMethod::direct;
    else if (setting == "forward=tunnel") config.forward = ForwardMethod::tunnel;
    else refuse("no setting of a real server", setting);
  }
  return config;
}

}  // namespace vslog::conformance
