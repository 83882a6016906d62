#include "knob/capture_knobs.h"

#include <cerrno>
#include <utility>

#include "wire/requests.h"

namespace vslog {

void CaptureKnobs::add(std::string name, std::string value, Set set, std::string problem) {
  entries_[std::move(name)] = {std::move(value), std::move(set), std::move(problem)};
}

KnobReading CaptureKnobs::read(const Knob& knob) {
  const auto at = entries_.find(knob.name);
  if (at == entries_.end()) return {"", "the capture's source has no such knob."};
  return {at->second.value, at->second.problem};
}

void CaptureKnobs::write(const Knob& knob, const std::string& value, const Author&) {
  const auto at = entries_.find(knob.name);
  if (at == entries_.end() || !at->second.set) throw RequestError(EOPNOTSUPP, std::string(knob.name), std::string(knob.name) + " works from the capture's next start on.");
  at->second.set(value);
  at->second.value = value;
}

}  // namespace vslog
