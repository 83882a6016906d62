#include "knob/service_watch.h"

#include <utility>

#include "event/author.h"
#include "event/clock.h"
#include "wire/requests.h"

namespace vslog {

ServiceWatch::Entries ServiceWatch::look() {
  Entries found;
  try {
    for (const ServiceState& service : balancer_.list(nullptr)) {
      const std::string name = engine::to_text(service.key);
      found[name] = {service.key, std::nullopt, describe_service(service.settings)};
      for (const RealState& real : service.reals) found[name + " > " + engine::to_text(real.at)] = {service.key, real.at, describe_real(real.settings)};
    }
  } catch (const RequestError&) {
    return {};  // no IPVS: no services
  }
  return found;
}

void ServiceWatch::tick() {
  Entries now = look();
  for (const auto& [name, entry] : known_) {
    if (!now.contains(name)) tell(entry, ControlKind::service_removed, ControlKind::real_removed, entry.text, "");
  }
  for (const auto& [name, entry] : now) {
    const auto before = known_.find(name);
    if (before == known_.end()) tell(entry, ControlKind::service_added, ControlKind::real_added, "", entry.text);
    else if (before->second.text != entry.text) tell(entry, ControlKind::service_changed, ControlKind::real_changed, before->second.text, entry.text);
  }
  known_ = std::move(now);
}

void ServiceWatch::tell(const Entry& entry, ControlKind of_service, ControlKind of_real, const std::string& before, const std::string& after) {
  ControlRecord record;
  record.kind = entry.real ? of_real : of_service;
  record.time_ns = clock_ns(CLOCK_REALTIME);
  record.protocol = entry.service.protocol;
  record.family = entry.service.family;
  record.fwmark = entry.service.fwmark;
  record.virtual_addr = entry.service.at.address;
  record.virtual_port = entry.service.at.port;
  if (entry.real) {
    record.real_addr = entry.real->address;
    record.real_port = entry.real->port;
  }
  record.netns = netns_;
  record.old_value = before;
  record.new_value = after;
  record.detail = "it was found by comparison";
  Author nobody;
  nobody.through = Through::unknown;
  sign(record, nobody);
  tell_(record);
}

}  // namespace vslog
