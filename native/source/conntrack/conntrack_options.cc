#include "source/conntrack/conntrack_options.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace vslog {
namespace {

/// The filter's program grows with each block; the kernel takes 4096 instructions.
constexpr std::size_t kMaxBlocks = 64;

std::vector<std::string> words(const std::string& list) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t comma = std::min(list.find(',', at), list.size());
    out.push_back(list.substr(at, comma - at));
    at = comma + 1;
  }
  return out;
}

[[noreturn]] void bad(const std::string& word, const std::string& wanted) { throw std::invalid_argument("\"" + word + "\" is not " + wanted); }

unsigned number(std::string_view text, unsigned max, const std::string& word, const std::string& wanted) {
  unsigned value = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || at != text.data() + text.size() || value > max) bad(word, wanted);
  return value;
}

AddressBlock block(const std::string& word) {
  const std::string wanted = "an address or a block such as 10.0.0.0/8 or 2001:db8::/32";
  const std::size_t slash = word.find('/');
  const std::string address = word.substr(0, slash);
  AddressBlock out;
  std::uint8_t four[4];
  unsigned bits = 128;
  if (inet_pton(AF_INET, address.c_str(), four) == 1) {
    out.address = map_ipv4(four);
    bits = 32;
  } else if (inet_pton(AF_INET6, address.c_str(), out.address.data()) != 1) {
    bad(word, wanted);
  }
  const unsigned prefix = slash == std::string::npos ? bits : number(std::string_view(word).substr(slash + 1), bits, word, wanted);
  out.prefix = static_cast<std::uint8_t>(128 - bits + prefix);
  for (unsigned bit = out.prefix; bit < 128; ++bit) {
    if ((out.address[bit / 8] >> (7 - bit % 8) & 1) != 0) bad(word, "a block: bits behind its prefix are set");
  }
  return out;
}

}  // namespace

void parse_conntrack_events(const std::string& list, ConntrackOptions& options) {
  options.creates = options.expires = options.states = false;
  for (const std::string& word : words(list)) {
    if (word == "create") options.creates = true;
    else if (word == "expire") options.expires = true;
    else if (word == "state") options.states = true;
    else bad(word, "one of create, expire, state");
  }
}

ConntrackOptions::Delivery parse_conntrack_delivery(const std::string& name) {
  if (name == "auto") return ConntrackOptions::Delivery::automatic;
  if (name == "ring") return ConntrackOptions::Delivery::ring;
  if (name == "socket") return ConntrackOptions::Delivery::socket;
  bad(name, "one of auto, ring, socket");
}

std::vector<std::uint8_t> parse_conntrack_protocols(const std::string& list) {
  static constexpr std::pair<const char*, std::uint8_t> kNames[] = {
      {"icmp", IPPROTO_ICMP}, {"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"dccp", IPPROTO_DCCP}, {"gre", IPPROTO_GRE}, {"icmpv6", IPPROTO_ICMPV6}, {"ipv6-icmp", IPPROTO_ICMPV6}, {"sctp", IPPROTO_SCTP}, {"udplite", IPPROTO_UDPLITE},
  };
  std::vector<std::uint8_t> out;
  for (const std::string& word : words(list)) {
    std::uint8_t found = 0;
    for (const auto& [name, protocol] : kNames) {
      if (word == name) found = protocol;
    }
    out.push_back(found != 0 ? found : static_cast<std::uint8_t>(number(word, 255, word, "a protocol: tcp, udp, sctp, icmp, icmpv6, dccp, gre, udplite or a number from 0 to 255")));
  }
  return out;
}

std::vector<AddressBlock> parse_address_blocks(const std::string& list) {
  std::vector<AddressBlock> out;
  for (const std::string& word : words(list)) out.push_back(block(word));
  if (out.size() > kMaxBlocks) throw std::invalid_argument(std::to_string(out.size()) + " blocks are more than the " + std::to_string(kMaxBlocks) + " that can be given");
  return out;
}

}  // namespace vslog
