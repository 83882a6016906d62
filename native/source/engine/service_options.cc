#include "source/engine/service_options.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "engine/engine.h"
#include "source/engine/loops.h"

namespace vslog {
namespace {

using engine::ConfigError;

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

template <typename T>
bool whole(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

/// An address without port; false when it is none.
bool address(const std::string& text, std::uint8_t& family, Address& out) {
  std::uint8_t v4[4];
  if (inet_pton(AF_INET, text.c_str(), v4) == 1) {
    family = 4;
    out = map_ipv4(v4);
    return true;
  }
  family = 6;
  return inet_pton(AF_INET6, text.c_str(), out.data()) == 1;
}

/// Whether it is an IPv4 address that is written as an IPv6 one, ::ffff:192.0.2.1: what the log has of every IPv4 address, and no service of IPv6 could be.
bool is_mapped(std::uint8_t family, const Address& address) { return family == 6 && is_mapped_ipv4(address); }

/// "192.0.2.1:80", "[2001:db8::1]:80"; false when it is none.
bool endpoint(std::string_view text, std::uint8_t& family, engine::Endpoint& out) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || !whole(text.substr(colon + 1), out.port)) return false;
  std::string_view host = text.substr(0, colon);
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  if (!address(std::string(host), family, out.address) || brackets != (family == 6)) return false;
  if (is_mapped(family, out.address)) family = 4;
  return true;
}

/// Takes no notice of anything: for a trial.
class Nobody final : public engine::Observer {
 public:
  void conn(const ConnRecord&) override {}
  void control(const ControlRecord&) override {}
  void ended(std::uint32_t, EndReason) override {}
};

}  // namespace

engine::ServiceKey parse_service_key(std::string_view text) {
  engine::ServiceKey key;
  const std::size_t at = text.find("://");
  const std::string_view scheme = at == std::string_view::npos ? std::string_view{} : text.substr(0, at);
  const std::string_view rest = at == std::string_view::npos ? text : text.substr(at + 3);
  if (scheme == "fwmark") {
    if (whole(rest, key.fwmark) && key.fwmark != 0) return key;
  } else {
    key.protocol = scheme == "tcp" ? engine::kTcp : scheme == "udp" ? engine::kUdp : scheme == "sctp" ? engine::kSctp : 0;
    if (key.protocol != 0 && endpoint(rest, key.family, key.at)) return key;
  }
  throw ConfigError("at", "--service " + std::string(text) + " must be tcp://, udp:// or sctp:// with an address and port, such as tcp://192.0.2.1:80 or tcp://[2001:db8::1]:80, or fwmark:// with a mark.");
}

engine::RealConfig parse_real(std::string_view text) {
  engine::RealConfig real;
  std::uint8_t family = 0;
  const std::string given = "--real " + std::string(text);
  std::size_t end = text.find(',');
  if (!endpoint(text.substr(0, end), family, real.at)) throw ConfigError("at", given + ": " + quoted(text.substr(0, end)) + " must be an address with port, such as 192.0.2.7:80 or [2001:db8::7]:80.");
  while (end != std::string_view::npos) {
    text.remove_prefix(end + 1);
    end = text.find(',');
    const std::string_view part = text.substr(0, end);
    const std::size_t equals = part.find('=');
    const std::string_view name = part.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? std::string_view{} : part.substr(equals + 1);
    const bool good = name == "weight" ? whole(value, real.weight) : name == "upper" ? whole(value, real.upper) : name == "lower" ? whole(value, real.lower) : false;
    if (good) continue;
    if (name == "weight" || name == "upper" || name == "lower") throw ConfigError(std::string(name), given + ": " + std::string(name) + " " + quoted(value) + " must be a whole number.");
    throw ConfigError("at", given + ": " + quoted(part) + " must be weight=N, upper=N or lower=N.");
  }
  return real;
}

Address parse_netmask(std::string_view text) {
  Address mask{};
  std::uint8_t family = 0;
  unsigned bits = 0;
  if (whole(text, bits) && bits >= 1 && bits <= 128) {
    for (unsigned i = 0; i < bits; ++i) mask[i / 8] = static_cast<std::uint8_t>(mask[i / 8] | 0x80U >> i % 8);
    return mask;
  }
  if (address(std::string(text), family, mask) && family == 4) return mask;
  throw ConfigError("netmask", "--netmask " + std::string(text) + " must be a mask such as 255.255.255.0, or for IPv6 a prefix length from 1 to 128.");
}

void configure(engine::Engine& engine, const EngineSourceOptions& options, const engine::Author& author) {
  std::string wrong;
  std::string field;
  for (const auto& [name, value, where] : options.knobs) {
    try {
      engine.set_knob(name, value, author);
    } catch (const ConfigError& e) {
      field = e.field();
      if (!wrong.empty()) wrong += '\n';
      if (!where.empty()) wrong += where + ": ";
      wrong.append("--knob ").append(name).append("=").append(value).append(": ").append(e.what());
    }
  }
  if (!wrong.empty()) throw ConfigError(field, wrong);
  for (const ServiceSetup& setup : options.services) {
    engine.add_service(setup.service, author);
    // The engine puts a new one first, as the kernel does; the list's first is to be asked first.
    for (auto real = setup.reals.rbegin(); real != setup.reals.rend(); ++real) engine.add_real(setup.service.key, *real, author);
  }
}

void check_setup(const EngineSourceOptions& options) {
  Nobody nobody;
  engine::EngineOptions trial;
  trial.max_conns = 16;
  trial.table_bits = 4;
  engine::Engine engine(trial, nobody);
  configure(engine, options, {});
  // What comes from a file or is made up goes nowhere.
  if (!options.load && options.pcap.empty()) refuse_loops(engine);
}

}  // namespace vslog
