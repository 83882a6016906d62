#include "wire/conn_filter.h"

#include <cstring>
#include <limits>
#include <optional>
#include <protozero/pbf_reader.hpp>

#include "vslog_fields.h"

namespace vslog {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

pbf_reader reader_of(std::string_view bytes) { return pbf_reader(protozero::data_view(bytes.data(), bytes.size())); }

/// One message's fields by number; each must have the wire type that it is asked for with.
class Message {
 public:
  Message(std::string_view bytes, std::string name) : reader_(reader_of(bytes)), name_(std::move(name)) {}

  bool next() { return reader_.next(); }
  std::uint32_t tag() const { return reader_.tag(); }

  /// A number of at most `max`.
  std::uint64_t number(const char* field, std::uint64_t max) {
    need(pbf_wire_type::varint, field);
    const std::uint64_t value = reader_.get_uint64();
    if (value > max) throw BadFilter(path(field), path(field) + " " + std::to_string(value) + " must be at most " + std::to_string(max) + ".");
    return value;
  }
  std::uint64_t fixed(const char* field) {
    need(pbf_wire_type::fixed64, field);
    return reader_.get_fixed64();
  }
  std::string_view bytes(const char* field) {
    need(pbf_wire_type::length_delimited, field);
    const protozero::data_view view = reader_.get_view();
    return {view.data(), view.size()};
  }
  [[noreturn]] void unknown() const {
    throw BadFilter(name_, "field " + std::to_string(reader_.tag()) + " of " + (name_.empty() ? "the filter" : name_) + " is not known: this capture is older than who asks it.");
  }
  std::string path(const char* field) const { return name_.empty() ? field : name_ + "." + field; }

 private:
  void need(pbf_wire_type type, const char* field) const {
    if (reader_.wire_type() != type) throw BadFilter(path(field), path(field) + " is of another type than it must be.");
  }

  pbf_reader reader_;
  std::string name_;
};

engine::Place decode_place(std::string_view bytes, const char* name) {
  namespace f = field::Place;
  engine::Place place;
  place.prefix = 0;
  for (Message m(bytes, name); m.next();) {
    switch (m.tag()) {
      case f::address: {
        const std::string_view address = m.bytes("address");
        if (address.size() != place.address.size())
          throw BadFilter(m.path("address"), m.path("address") + " has " + std::to_string(address.size()) + " bytes; it must have 16, IPv4 as ::ffff:a.b.c.d.");
        std::memcpy(place.address.data(), address.data(), address.size());
        break;
      }
      case f::prefix: place.prefix = static_cast<std::uint8_t>(m.number("prefix", 128)); break;
      case f::port: place.port = static_cast<std::uint16_t>(m.number("port", 65'535)); break;
      default: m.unknown();
    }
  }
  return place;
}

}  // namespace

engine::ConnFilter decode_filter(std::string_view request) {
  namespace f = field::ConnFilter;
  static_assert(field::ConnList::filter == field::ConnExpire::filter);
  constexpr std::uint64_t k8 = std::numeric_limits<std::uint8_t>::max();
  constexpr std::uint64_t k32 = std::numeric_limits<std::uint32_t>::max();
  constexpr std::uint64_t k64 = std::numeric_limits<std::uint64_t>::max();
  std::string_view bytes;
  for (Message m(request, ""); m.next();) {
    if (m.tag() != field::ConnList::filter) m.unknown();
    bytes = m.bytes("filter");
  }
  engine::ConnFilter filter;
  for (Message m(bytes, ""); m.next();) {
    switch (m.tag()) {
      case f::client: filter.client = decode_place(m.bytes("client"), "client"); break;
      case f::virtual_service: filter.virtual_service = decode_place(m.bytes("virtual_service"), "virtual_service"); break;
      case f::real: filter.real = decode_place(m.bytes("real"), "real"); break;
      case f::protocol: filter.protocol = static_cast<std::uint8_t>(m.number("protocol", k8)); break;
      case f::fwmark: filter.fwmark = static_cast<std::uint32_t>(m.number("fwmark", k32)); break;
      case f::state: filter.state = static_cast<std::uint8_t>(m.number("state", k8)); break;
      case f::is_template: filter.is_template = m.number("is_template", 1) != 0; break;
      case f::conn_id: filter.conn_id = m.fixed("conn_id"); break;
      case f::idle_ns: filter.idle_at_least = m.number("idle_ns", k64); break;
      case f::older_ns: filter.older_than = m.number("older_ns", k64); break;
      case f::quiesced: filter.quiesced_only = m.number("quiesced", 1) != 0; break;
      default: m.unknown();
    }
  }
  return filter;
}

}  // namespace vslog
