#include "wire/event_filter.h"

#include <cstring>
#include <limits>
#include <optional>
#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>
#include <string>

#include "wire/place.h"
#include "wire/strict_message.h"

namespace vslog {
namespace {

/// Deeper or longer than anybody writes, and little enough to be asked of every event.
constexpr unsigned kDeepest = 64;
constexpr std::size_t kMostNodes = 256;
constexpr std::size_t kMostAlternatives = 1024;

constexpr std::size_t kFields = static_cast<std::size_t>(EventField::conn_id) + 1;
constexpr std::uint64_t k64 = std::numeric_limits<std::uint64_t>::max();

constexpr std::size_t index(EventField field) { return static_cast<std::size_t>(field); }
constexpr bool is_place(EventField field) { return field == EventField::client || field == EventField::virtual_service || field == EventField::real; }

/// Where an event's field goes.
struct Target {
  EventField field = EventField::unspecified;
  bool port = false;
};

Target target_of_conn(std::uint32_t tag) {
  namespace f = field::ConnEvent;
  switch (tag) {
    case f::client_addr: return {EventField::client};
    case f::client_port: return {EventField::client, true};
    case f::virtual_addr: return {EventField::virtual_service};
    case f::virtual_port: return {EventField::virtual_service, true};
    case f::real_addr: return {EventField::real};
    case f::real_port: return {EventField::real, true};
    case f::kind: return {EventField::kind};
    case f::reason: return {EventField::reason};
    case f::protocol: return {EventField::protocol};
    case f::fwmark: return {EventField::fwmark};
    case f::state: return {EventField::state};
    case f::weight: return {EventField::weight};
    case f::duration_ns: return {EventField::duration_ns};
    case f::forward: return {EventField::forward};
    case f::scheduled_by: return {EventField::scheduled_by};
    case f::is_template: return {EventField::is_template};
    case f::quiesced: return {EventField::quiesced};
    case f::packets_in: return {EventField::packets_in};
    case f::packets_out: return {EventField::packets_out};
    case f::bytes_in: return {EventField::bytes_in};
    case f::bytes_out: return {EventField::bytes_out};
    case f::drop_packets: return {EventField::drop_packets};
    case f::netns: return {EventField::netns};
    case f::zone: return {EventField::zone};
    case f::mark: return {EventField::mark};
    case f::conn_id: return {EventField::conn_id};
    default: return {};
  }
}

Target target_of_control(std::uint32_t tag) {
  namespace f = field::ControlEvent;
  switch (tag) {
    case f::virtual_addr: return {EventField::virtual_service};
    case f::virtual_port: return {EventField::virtual_service, true};
    case f::real_addr: return {EventField::real};
    case f::real_port: return {EventField::real, true};
    case f::kind: return {EventField::change};
    case f::protocol: return {EventField::protocol};
    case f::fwmark: return {EventField::fwmark};
    case f::netns: return {EventField::netns};
    default: return {};
  }
}

/// Whether events of a record type have the field at all.
bool has(RecordType record, EventField field) {
  if (record == RecordType::conn) return field != EventField::change;
  switch (field) {
    case EventField::virtual_service:
    case EventField::real:
    case EventField::change:
    case EventField::protocol:
    case EventField::fwmark:
    case EventField::netns: return true;
    default: return false;
  }
}

/// Where the number 0 says that it is not known, or that there is none.
bool absent_at_zero(EventField field) { return field == EventField::reason || field == EventField::duration_ns || field == EventField::conn_id; }

}  // namespace

/// What is looked at of one event.
struct EventFilter::Event {
  RecordType record;
  std::array<std::uint64_t, kFields> numbers{};  ///< of places: the port
  std::array<Address, 4> addresses{};            ///< by field: client, virtual_service, real
  std::array<bool, 4> has_address{};
  bool weight_known = true;

  void take(protozero::pbf_reader& reader) {
    const Target target = record == RecordType::conn ? target_of_conn(reader.tag()) : target_of_control(reader.tag());
    const std::size_t at = index(target.field);
    switch (reader.wire_type()) {
      case protozero::pbf_wire_type::varint:
        if (target.field == EventField::weight) {
          const std::int32_t weight = reader.get_sint32();
          weight_known = weight >= 0;
          numbers[at] = weight_known ? static_cast<std::uint64_t>(weight) : 0;
        } else {
          numbers[at] = reader.get_uint64();
        }
        return;
      case protozero::pbf_wire_type::fixed64: numbers[at] = reader.get_fixed64(); return;
      case protozero::pbf_wire_type::length_delimited: {
        const protozero::data_view bytes = reader.get_view();
        if (!is_place(target.field) || target.port || bytes.size() != sizeof(Address)) return;
        std::memcpy(addresses[at].data(), bytes.data(), bytes.size());
        // An address of zeros stands for none.
        has_address[at] = addresses[at] != Address{};
        return;
      }
      default: reader.skip(); return;
    }
  }
};

EventFilter::EventFilter(std::string_view message) { read(message, 0); }

bool EventFilter::takes(RecordType record, std::string_view event) const {
  if (all()) return true;
  Event seen{record};
  try {
    protozero::pbf_reader reader(event.data(), event.size());
    while (reader.next()) seen.take(reader);
  } catch (const protozero::exception&) {
    return false;
  }
  return passes(0, seen);
}

bool EventFilter::passes(std::uint32_t at, const Event& event) const {
  const Node& node = nodes_[at];
  const auto field = static_cast<EventField>(node.field);
  switch (node.what) {
    case What::none: return !passes(at + 1, event);
    case What::all:
      for (std::uint32_t part = at + 1; part < node.end; part = nodes_[part].end)
        if (!passes(part, event)) return false;
      return true;
    case What::any:
      for (std::uint32_t part = at + 1; part < node.end; part = nodes_[part].end)
        if (passes(part, event)) return true;
      return false;
    case What::places:
      if (!has(event.record, field) || !event.has_address[node.field]) return false;
      for (const engine::Place& place : node.places)
        if (contains(place, event.addresses[node.field], static_cast<std::uint16_t>(event.numbers[node.field]))) return true;
      return false;
    case What::ranges: break;
  }
  const std::uint64_t number = event.numbers[node.field];
  if (!has(event.record, field) || (number == 0 && absent_at_zero(field)) || (field == EventField::weight && !event.weight_known)) return false;
  for (const Range& range : node.ranges)
    if (number >= range.first && number <= range.last) return true;
  return false;
}

void EventFilter::read(std::string_view message, unsigned depth) {
  namespace f = field::EventFilter;
  if (depth > kDeepest) throw BadRequest("filter", "the filter is nested deeper than " + std::to_string(kDeepest) + " levels.");
  if (nodes_.size() >= kMostNodes) throw BadRequest("filter", "the filter has more than " + std::to_string(kMostNodes) + " parts.");
  std::vector<std::string_view> every;
  std::vector<std::string_view> some;
  std::optional<std::string_view> none;
  std::optional<std::string_view> test;
  for (StrictMessage m(message, "filter"); m.next();) {
    switch (m.tag()) {
      case f::all: every.push_back(m.bytes("all")); break;
      case f::any: some.push_back(m.bytes("any")); break;
      case f::none: none = m.bytes("none"); break;
      case f::test: test = m.bytes("test"); break;
      default: m.unknown();
    }
  }
  const int given = static_cast<int>(!every.empty()) + static_cast<int>(!some.empty()) + static_cast<int>(none.has_value()) + static_cast<int>(test.has_value());
  if (given != 1) throw BadRequest("filter", "a filter, and each part of it, is one of all, any, none and test.");
  if (test) return read_test(*test);
  if (none) return read_parts(What::none, {*none}, depth);
  if (!every.empty()) return read_parts(What::all, every, depth);
  read_parts(What::any, some, depth);
}

void EventFilter::read_parts(What what, const std::vector<std::string_view>& parts, unsigned depth) {
  const std::size_t at = nodes_.size();
  nodes_.push_back({what, 0, 0, {}, {}});
  for (const std::string_view part : parts) read(part, depth + 1);
  nodes_[at].end = static_cast<std::uint32_t>(nodes_.size());
}

void EventFilter::read_test(std::string_view message) {
  namespace f = field::EventTest;
  Node node{What::ranges, 0, static_cast<std::uint32_t>(nodes_.size() + 1), {}, {}};
  for (StrictMessage m(message, "test"); m.next();) {
    switch (m.tag()) {
      case f::field: node.field = static_cast<std::uint8_t>(m.number("field", kFields - 1)); break;
      case f::places: node.places.push_back(decode_place(m.bytes("places"), "places")); break;
      case f::ranges: {
        namespace r = field::NumberRange;
        Range range{0, 0};
        for (StrictMessage one(m.bytes("ranges"), "ranges"); one.next();) {
          switch (one.tag()) {
            case r::first: range.first = one.number("first", k64); break;
            case r::last: range.last = one.number("last", k64); break;
            default: one.unknown();
          }
        }
        node.ranges.push_back(range);
        break;
      }
      default: m.unknown();
    }
    if (node.places.size() + node.ranges.size() > kMostAlternatives)
      throw BadRequest("test", "a test has more than " + std::to_string(kMostAlternatives) + " alternatives.");
  }
  if (node.field == 0) throw BadRequest("test.field", "a test says which field it looks at.");
  const bool place = is_place(static_cast<EventField>(node.field));
  if (place ? !node.ranges.empty() : !node.places.empty())
    throw BadRequest(place ? "test.ranges" : "test.places", place ? "a client, virtual service or real server is in places, not in ranges." : "a number is in ranges, not in places.");
  node.what = place ? What::places : What::ranges;
  nodes_.push_back(std::move(node));
}

}  // namespace vslog
