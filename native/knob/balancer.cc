#include "knob/balancer.h"

#include <cstdio>

#include "engine/config.h"
#include "knob/catalogue.h"

namespace vslog {
namespace {

std::string text(const Settings& settings, std::string_view name) {
  const auto at = settings.find(name);
  return at == settings.end() ? "0" : at->second;
}

}  // namespace

std::string describe_service(const Settings& settings) {
  const std::string timeout = text(settings, "service_timeout");
  const std::uint32_t flags = flag_bits(need_knob("service_flags"), text(settings, "service_flags")) | engine::kHashed | (timeout == "0" ? 0U : engine::kPersistent);
  char bits[24];
  std::snprintf(bits, sizeof bits, " flags=0x%x", flags);
  return "scheduler=" + text(settings, "service_scheduler") + (timeout == "0" ? "" : " persistent=" + timeout + "s") + bits;
}

std::string describe_real(const Settings& settings) {
  return "weight=" + text(settings, "real_weight") + " forward=" + text(settings, "real_forward") + " upper=" + text(settings, "real_upper") + " lower=" + text(settings, "real_lower");
}

}  // namespace vslog
