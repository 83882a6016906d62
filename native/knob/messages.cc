#include "knob/messages.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <limits>
#include <protozero/pbf_writer.hpp>

#include "event/text.h"
#include "vslog_fields.h"
#include "wire/requests.h"
#include "wire/strict_message.h"

namespace vslog {
namespace {

using protozero::pbf_writer;

constexpr std::uint64_t kPort = std::numeric_limits<std::uint16_t>::max();
constexpr std::uint64_t k32 = std::numeric_limits<std::uint32_t>::max();
/// More than there are knobs.
constexpr std::size_t kMostAssignments = 1000;
/// Longer than any name or value.
constexpr std::size_t kLongestText = 4096;

std::string text(StrictMessage& m, const char* field) {
  const std::string_view bytes = m.bytes(field);
  if (bytes.size() > kLongestText || bytes.find('\0') != std::string_view::npos) throw BadRequest(m.path(field), m.path(field) + " is no name and no value.");
  return std::string(bytes);
}

/// Stands in the log before a command line, so it must not look like one.
std::string person(StrictMessage& m, const char* field) {
  std::string name = text(m, field);
  const auto good = [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '@' || c == '-'; };
  if (name.empty() || name.size() > 63 || !std::ranges::all_of(name, good)) throw BadRequest(m.path(field), m.path(field) + " is 1 to 63 of A-Z a-z 0-9 . _ @ -");
  return name;
}

KnobAssignment decode_assignment(std::string_view bytes, const char* name) {
  namespace f = field::KnobAssignment;
  KnobAssignment a;
  for (StrictMessage m(bytes, name); m.next();) {
    switch (m.tag()) {
      case f::name: a.name = text(m, "name"); break;
      case f::value: a.value = text(m, "value"); break;
      default: m.unknown();
    }
  }
  return a;
}

Address decode_address(StrictMessage& m) {
  const std::string_view bytes = m.bytes("address");
  Address address{};
  if (!bytes.empty() && bytes.size() != address.size()) {
    throw BadRequest(m.path("address"), m.path("address") + " has " + std::to_string(bytes.size()) + " bytes; it must have 16, IPv4 as ::ffff:a.b.c.d.");
  }
  std::memcpy(address.data(), bytes.data(), bytes.size());
  return address;
}

engine::ServiceKey decode_service_key(std::string_view bytes) {
  namespace f = field::ServiceKey;
  engine::ServiceKey key;
  for (StrictMessage m(bytes, "service"); m.next();) {
    switch (m.tag()) {
      case f::protocol: key.protocol = static_cast<std::uint8_t>(m.number("protocol", 255)); break;
      case f::family: key.family = static_cast<std::uint8_t>(m.number("family", 6)); break;
      case f::address: key.at.address = decode_address(m); break;
      case f::port: key.at.port = static_cast<std::uint16_t>(m.number("port", kPort)); break;
      case f::fwmark: key.fwmark = static_cast<std::uint32_t>(m.number("fwmark", k32)); break;
      default: m.unknown();
    }
  }
  if (key.family != 4 && key.family != 6) throw BadRequest("service.family", "service.family must be 4 or 6.");
  if (key.fwmark == 0 && key.protocol == 0) throw BadRequest("service", "a virtual service has a protocol, an address and a port, or a firewall mark.");
  if (key.fwmark != 0 && (key.protocol != 0 || key.at != engine::Endpoint{})) throw BadRequest("service.fwmark", "a virtual service with a firewall mark has no protocol, address or port.");
  if (key.fwmark == 0 && is_mapped_ipv4(key.at.address) != (key.family == 4)) throw BadRequest("service.address", "service.address is not of the service's family.");
  return key;
}

engine::Endpoint decode_server_key(std::string_view bytes) {
  namespace f = field::ServerKey;
  engine::Endpoint at;
  for (StrictMessage m(bytes, "real"); m.next();) {
    switch (m.tag()) {
      case f::address: at.address = decode_address(m); break;
      case f::port: at.port = static_cast<std::uint16_t>(m.number("port", kPort)); break;
      default: m.unknown();
    }
  }
  if (at.address == Address{}) throw BadRequest("real.address", "a real server has an address.");
  return at;
}

ServiceVerb decode_verb(std::uint64_t action) {
  switch (static_cast<ServiceAction>(action)) {
    case ServiceAction::add: return ServiceVerb::add;
    case ServiceAction::set: return ServiceVerb::set;
    case ServiceAction::remove: return ServiceVerb::remove;
    case ServiceAction::unspecified: break;
  }
  throw BadRequest("action", "action must be add, set or remove.");
}

/// Each setting is of what is changed, there once, and takes its value; a lower threshold is not above its upper one.
Settings checked_settings(const std::vector<KnobAssignment>& assignments, bool of_real) {
  Settings settings;
  for (const KnobAssignment& a : assignments) {
    const Knob& knob = need_knob(a.name);
    if (knob.backing != (of_real ? KnobBacking::real_server : KnobBacking::service)) {
      throw RequestError(EINVAL, a.name, a.name + " is no setting of a " + (of_real ? "real server." : "virtual service."));
    }
    if (!settings.emplace(a.name, checked_value(knob, a.value)).second) throw RequestError(EINVAL, a.name, a.name + " is there twice.");
  }
  for (const auto& [name, value] : settings) {
    const Knob& knob = need_knob(name);
    const auto limit = settings.find(knob.not_above);
    if (knob.not_above.empty() || limit == settings.end() || value == "0" || limit->second == "0") continue;
    if (std::stoull(value) > std::stoull(limit->second)) {
      std::string sentence = name;
      sentence.append(" ").append(value).append(" must not be above ").append(limit->first).append(", which is ").append(limit->second).append(".");
      throw RequestError(EINVAL, name, sentence);
    }
  }
  return settings;
}

void put(pbf_writer& w, protozero::pbf_tag_type tag, std::uint64_t value) {
  if (value != 0) w.add_uint64(tag, value);
}

void put(pbf_writer& w, protozero::pbf_tag_type tag, std::string_view value) {
  if (!value.empty()) w.add_string(tag, plain_text(value, kLongestText));
}

void put(pbf_writer& w, protozero::pbf_tag_type tag, const Address& address) {
  if (address != Address{}) w.add_bytes(tag, reinterpret_cast<const char*>(address.data()), address.size());
}

void put(pbf_writer& w, protozero::pbf_tag_type tag, const Settings& settings) {
  namespace f = field::KnobAssignment;
  for (const auto& [name, value] : settings) {
    pbf_writer one(w, tag);
    put(one, f::name, name);
    put(one, f::value, value);
  }
}

void put(pbf_writer& w, protozero::pbf_tag_type tag, const std::optional<Traffic>& traffic) {
  namespace f = field::TrafficFigures;
  if (!traffic) return;
  pbf_writer t(w, tag);
  put(t, f::connections, traffic->connections);
  put(t, f::packets_in, traffic->packets_in);
  put(t, f::packets_out, traffic->packets_out);
  put(t, f::bytes_in, traffic->bytes_in);
  put(t, f::bytes_out, traffic->bytes_out);
  put(t, f::connections_per_s, traffic->connections_per_s);
  put(t, f::packets_in_per_s, traffic->packets_in_per_s);
  put(t, f::packets_out_per_s, traffic->packets_out_per_s);
  put(t, f::bytes_in_per_s, traffic->bytes_in_per_s);
  put(t, f::bytes_out_per_s, traffic->bytes_out_per_s);
}

}  // namespace

KnobListRequest decode_knob_list(std::string_view bytes) {
  namespace f = field::KnobList;
  KnobListRequest r;
  for (StrictMessage m(bytes, ""); m.next();) {
    switch (m.tag()) {
      case f::names: r.names.push_back(text(m, "names")); break;
      case f::netns: r.netns = text(m, "netns"); break;
      default: m.unknown();
    }
    if (r.names.size() > kMostAssignments) throw BadRequest("names", "there are too many names: " + std::to_string(kMostAssignments) + " at most.");
  }
  return r;
}

KnobSetRequest decode_knob_set(std::string_view bytes) {
  namespace f = field::KnobSet;
  KnobSetRequest r;
  for (StrictMessage m(bytes, ""); m.next();) {
    switch (m.tag()) {
      case f::assignments: r.assignments.push_back(decode_assignment(m.bytes("assignments"), "assignments")); break;
      case f::netns: r.netns = text(m, "netns"); break;
      case f::dry_run: r.dry_run = m.number("dry_run", 1) != 0; break;
      case f::for_whom: r.for_whom = person(m, "for_whom"); break;
      default: m.unknown();
    }
    if (r.assignments.size() > kMostAssignments) throw BadRequest("assignments", "there are too many assignments: " + std::to_string(kMostAssignments) + " at most.");
  }
  return r;
}

ServiceListRequest decode_service_list(std::string_view bytes) {
  namespace f = field::ServiceList;
  ServiceListRequest r;
  for (StrictMessage m(bytes, ""); m.next();) {
    switch (m.tag()) {
      case f::service: r.service = decode_service_key(m.bytes("service")); break;
      case f::netns: r.netns = text(m, "netns"); break;
      default: m.unknown();
    }
  }
  return r;
}

ServiceChangeRequest decode_service_change(std::string_view bytes) {
  namespace f = field::ServiceChange;
  ServiceChangeRequest r;
  std::uint64_t action = 0;
  std::optional<engine::ServiceKey> service;
  std::vector<KnobAssignment> assignments;
  for (StrictMessage m(bytes, ""); m.next();) {
    switch (m.tag()) {
      case f::action: action = m.number("action", k32); break;
      case f::service: service = decode_service_key(m.bytes("service")); break;
      case f::real: r.order.real = decode_server_key(m.bytes("real")); break;
      case f::settings: assignments.push_back(decode_assignment(m.bytes("settings"), "settings")); break;
      case f::netns: r.netns = text(m, "netns"); break;
      case f::for_whom: r.for_whom = person(m, "for_whom"); break;
      default: m.unknown();
    }
    if (assignments.size() > kMostAssignments) throw BadRequest("settings", "there are too many settings: " + std::to_string(kMostAssignments) + " at most.");
  }
  r.order.verb = decode_verb(action);
  if (!service) throw BadRequest("service", "the request names no virtual service.");
  r.order.service = *service;
  r.order.settings = checked_settings(assignments, r.order.real.has_value());
  if (r.order.verb == ServiceVerb::remove && !r.order.settings.empty()) throw BadRequest("settings", "what is removed has no settings.");
  if (r.order.verb == ServiceVerb::set && r.order.settings.empty()) throw BadRequest("settings", "there is nothing to set.");
  return r;
}

std::string encode_knob_entry(const Knob& knob, const KnobReading& reading, bool settable) {
  namespace f = field::KnobEntry;
  std::string out;
  pbf_writer w(out);
  put(w, f::name, knob.name);
  put(w, f::value, reading.value);
  put(w, f::problem, reading.problem);
  put(w, f::settable, settable ? 1U : 0U);
  return out;
}

std::string encode_knobs_changed(const std::vector<KnobChange>& changes) {
  namespace f = field::KnobChange;
  std::string out;
  pbf_writer w(out);
  for (const KnobChange& c : changes) {
    pbf_writer one(w, field::KnobsChanged::changes);
    put(one, f::name, c.knob->name);
    put(one, f::old_value, c.old_value);
    put(one, f::new_value, c.new_value);
  }
  return out;
}

std::string encode_service_entry(const ServiceState& service) {
  namespace f = field::ServiceEntry;
  std::string out;
  pbf_writer w(out);
  {
    namespace k = field::ServiceKey;
    pbf_writer key(w, f::service);
    put(key, k::protocol, service.key.protocol);
    put(key, k::family, service.key.family);
    put(key, k::address, service.key.at.address);
    put(key, k::port, service.key.at.port);
    put(key, k::fwmark, service.key.fwmark);
  }
  put(w, f::settings, service.settings);
  for (const RealState& real : service.reals) {
    namespace r = field::RealEntry;
    pbf_writer entry(w, f::reals);
    {
      pbf_writer key(entry, r::real);
      put(key, field::ServerKey::address, real.at.address);
      put(key, field::ServerKey::port, real.at.port);
    }
    put(entry, r::settings, real.settings);
    put(entry, r::active, real.active);
    put(entry, r::inactive, real.inactive);
    put(entry, r::persistent, real.persistent);
    put(entry, r::overloaded, real.overloaded ? 1U : 0U);
    put(entry, r::traffic, real.traffic);
  }
  put(w, f::traffic, service.traffic);
  return out;
}

std::string encode_service_changed(const std::string& old_value, const std::string& new_value) {
  std::string out;
  pbf_writer w(out);
  put(w, field::ServiceChanged::old_value, old_value);
  put(w, field::ServiceChanged::new_value, new_value);
  return out;
}

}  // namespace vslog
