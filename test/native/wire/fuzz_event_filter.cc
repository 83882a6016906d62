// Whatever comes as a filter is taken or refused; whatever is taken looks at any bytes as an event.
#include <protozero/exception.hpp>

#include "wire/event_filter.h"
#include "wire/strict_message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vslog;
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t cut = std::min<std::size_t>(data[0], bytes.size());
  try {
    const EventFilter filter(bytes.substr(0, cut));
    filter.takes(data[1] % 2 == 0 ? RecordType::conn : RecordType::control, bytes.substr(cut));
  } catch (const BadRequest&) {
  } catch (const protozero::exception&) {
  }
  return 0;
}
