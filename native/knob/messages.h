// The knob and service subsystems' messages: proto/vslog/v1/socket.proto. Requests are read strictly: BadRequest, RequestError and protozero::exception.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "knob/balancer.h"
#include "knob/knob_store.h"

namespace vslog {

struct KnobListRequest {
  std::vector<std::string> names;
  std::string netns;
};

struct KnobSetRequest {
  std::vector<KnobAssignment> assignments;
  std::string netns;
  bool dry_run = false;
  std::string for_whom;  ///< empty: for the author itself
};

struct ServiceListRequest {
  std::optional<engine::ServiceKey> service;
  std::string netns;
};

/// Settings are checked: each is of its kind and takes its value.
struct ServiceChangeRequest {
  ServiceOrder order;
  std::string netns;
  std::string for_whom;
};

KnobListRequest decode_knob_list(std::string_view bytes);
KnobSetRequest decode_knob_set(std::string_view bytes);
ServiceListRequest decode_service_list(std::string_view bytes);
ServiceChangeRequest decode_service_change(std::string_view bytes);

std::string encode_knob_entry(const Knob& knob, const KnobReading& reading, bool settable);
std::string encode_knobs_changed(const std::vector<KnobChange>& changes);
std::string encode_service_entry(const ServiceState& service);
std::string encode_service_changed(const std::string& old_value, const std::string& new_value);

}  // namespace vslog
