#include "wire/conn_filter.h"

#include <limits>
#include <optional>

#include "vslog_fields.h"
#include "wire/place.h"
#include "wire/strict_message.h"

namespace vslog {
namespace {

engine::ConnFilter decode_parts(std::string_view bytes) {
  namespace f = field::ConnFilter;
  constexpr std::uint64_t k8 = std::numeric_limits<std::uint8_t>::max();
  constexpr std::uint64_t k32 = std::numeric_limits<std::uint32_t>::max();
  constexpr std::uint64_t k64 = std::numeric_limits<std::uint64_t>::max();
  engine::ConnFilter filter;
  for (StrictMessage m(bytes, ""); m.next();) {
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
      case f::family: filter.family = static_cast<std::uint8_t>(m.number("family", k8)); break;
      case f::quiesced: filter.quiesced_only = m.number("quiesced", 1) != 0; break;
      default: m.unknown();
    }
  }
  return filter;
}

}  // namespace

engine::ConnFilter decode_filter(std::string_view request) {
  std::string_view bytes;
  for (StrictMessage m(request, ""); m.next();) {
    if (m.tag() != field::ConnList::filter) m.unknown();
    bytes = m.bytes("filter");
  }
  return decode_parts(bytes);
}

ExpireRequest decode_expire(std::string_view request) {
  namespace f = field::ConnExpire;
  ExpireRequest r;
  std::string_view bytes;
  for (StrictMessage m(request, ""); m.next();) {
    switch (m.tag()) {
      case f::filter: bytes = m.bytes("filter"); break;
      case f::force: r.force = m.number("force", 1) != 0; break;
      case f::dry_run: r.dry_run = m.number("dry_run", 1) != 0; break;
      default: m.unknown();
    }
  }
  r.filter = decode_parts(bytes);
  return r;
}

}  // namespace vslog
