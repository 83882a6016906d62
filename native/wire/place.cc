#include "wire/place.h"

#include <cstring>

#include "vslog_fields.h"
#include "wire/strict_message.h"

namespace vslog {

engine::Place decode_place(std::string_view bytes, const char* name) {
  namespace f = field::Place;
  engine::Place place;
  place.prefix = 0;
  for (StrictMessage m(bytes, name); m.next();) {
    switch (m.tag()) {
      case f::address: {
        const std::string_view address = m.bytes("address");
        if (address.size() != place.address.size())
          throw BadRequest(m.path("address"), m.path("address") + " has " + std::to_string(address.size()) + " bytes; it must have 16, IPv4 as ::ffff:a.b.c.d.");
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

}  // namespace vslog
