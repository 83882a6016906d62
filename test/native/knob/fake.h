// Backends and balancers in memory.
#pragma once

#include <cerrno>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "knob/balancer.h"
#include "knob/knob_store.h"
#include "wire/requests.h"

namespace vslog::fake {

class Knobs final : public KnobBackend {
 public:
  std::map<std::string, std::string, std::less<>> values;
  std::set<std::string, std::less<>> stubborn;  ///< writing these fails
  std::set<std::string, std::less<>> deaf;      ///< writing these changes nothing
  std::vector<std::string> writes;

  KnobReading read(const Knob& knob) override {
    const auto at = values.find(knob.name);
    return at == values.end() ? KnobReading{"", "it is not there."} : KnobReading{at->second, ""};
  }
  void write(const Knob& knob, const std::string& value, const Author&) override {
    const std::string name(knob.name);
    writes.push_back(name + "=" + value);
    if (stubborn.contains(name)) throw RequestError(EINVAL, name, "the kernel did not take " + name + ".");
    if (!deaf.contains(name)) values[name] = value;
  }
};

inline engine::Endpoint endpoint(std::uint8_t last, std::uint16_t port) {
  const std::uint8_t bytes[4] = {192, 0, 2, last};
  return {map_ipv4(bytes), port};
}

inline engine::ServiceKey service(std::uint8_t last = 1, std::uint16_t port = 80) {
  engine::ServiceKey key;
  key.protocol = engine::kTcp;
  key.at = endpoint(last, port);
  return key;
}

}  // namespace vslog::fake
