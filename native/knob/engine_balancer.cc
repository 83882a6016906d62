#include "knob/engine_balancer.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>

#include "engine/service.h"
#include "source/engine/service_options.h"
#include "wire/journal.h"
#include "wire/requests.h"

namespace vslog {
namespace {

std::string netmask_text(const Address& mask, std::uint8_t family) {
  if (std::all_of(mask.begin(), mask.end(), [](std::uint8_t b) { return b == 0; })) return family == 6 ? "128" : "255.255.255.255";
  if (family == 6) {
    int bits = 0;
    for (const std::uint8_t byte : mask) bits += __builtin_popcount(byte);
    return std::to_string(bits);
  }
  std::array<char, INET_ADDRSTRLEN> out{};
  inet_ntop(AF_INET, mask.data() + 12, out.data(), out.size());
  return out.data();
}

std::string_view forward_text(ForwardMethod method) { return to_string(method); }

Settings settings_of(const engine::ServiceConfig& c) {
  return {{"service_scheduler", c.scheduler},
          {"service_flags", flag_words(need_knob("service_flags"), c.flags)},
          {"service_timeout", std::to_string(c.persistent_s)},
          {"service_netmask", netmask_text(c.netmask, c.key.family)},
          {"service_pe", "none"}};
}

Settings settings_of(const engine::RealConfig& c) {
  return {{"real_weight", std::to_string(c.weight)}, {"real_forward", std::string(forward_text(c.forward))}, {"real_upper", std::to_string(c.upper)}, {"real_lower", std::to_string(c.lower)}};
}

template <typename Number>
void number(Number& out, const std::string& value) {
  std::from_chars(value.data(), value.data() + value.size(), out);
}

[[noreturn]] void kernel_only(const std::string& name) { throw RequestError(EOPNOTSUPP, name, "the embedded balancer has no " + name + "."); }

void apply(engine::ServiceConfig& c, const Settings& settings) {
  for (const auto& [name, value] : settings) {
    if (name == "service_scheduler") c.scheduler = value;
    else if (name == "service_flags") c.flags = flag_bits(need_knob(name), value);
    else if (name == "service_timeout") number(c.persistent_s, value);
    else if (name == "service_netmask") c.netmask = parse_netmask(value);
    else if (name != "service_pe" || value != "none") kernel_only(name);
  }
}

void apply(engine::RealConfig& c, const Settings& settings) {
  for (const auto& [name, value] : settings) {
    if (name == "real_weight") number(c.weight, value);
    else if (name == "real_upper") number(c.upper, value);
    else if (name == "real_lower") number(c.lower, value);
    else if (name != "real_forward") kernel_only(name);
    else if (value != "masq") throw RequestError(EOPNOTSUPP, name, "the embedded balancer forwards by masq only, not by " + value + ".");
  }
}

Traffic traffic_of(const engine::TrafficMeter& meter) {
  const engine::TrafficCounts& all = meter.counts();
  const engine::TrafficCounts rate = meter.rates();
  return {all.connections, all.packets_in, all.packets_out, all.bytes_in, all.bytes_out, rate.connections, rate.packets_in, rate.packets_out, rate.bytes_in, rate.bytes_out};
}

ServiceState state_of(const engine::Service& service) {
  ServiceState s;
  s.key = service.config.key;
  s.settings = settings_of(service.config);
  s.traffic = traffic_of(service.traffic);
  for (const engine::RealServer* real : service.reals) {
    RealState& r = s.reals.emplace_back();
    r.at = real->config.at;
    r.settings = settings_of(real->config);
    r.active = static_cast<std::uint64_t>(std::max(real->active, 0));
    r.inactive = static_cast<std::uint64_t>(std::max(real->inactive, 0));
    r.persistent = static_cast<std::uint64_t>(std::max(real->persistent, 0));
    r.overloaded = real->overloaded;
    r.traffic = traffic_of(real->traffic);
  }
  return s;
}

/// A walk over the services of its beginning; one that goes meanwhile is left out. All of ten thousand at once would hold up whoever is balanced, and take 100 MiB.
class EngineServices final : public ServiceWalk {
 public:
  EngineServices(const engine::Engine& engine, std::vector<engine::ServiceKey> keys) : engine_(engine), keys_(std::move(keys)) {}
  std::optional<ServiceState> next() override {
    while (at_ < keys_.size()) {
      if (const engine::Service* const service = engine_.find_service(keys_[at_++])) return state_of(*service);
    }
    return std::nullopt;
  }

 private:
  const engine::Engine& engine_;
  std::vector<engine::ServiceKey> keys_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<ServiceState> EngineBalancer::list(const engine::ServiceKey* only) {
  std::vector<ServiceState> found;
  if (only == nullptr) {
    for (const engine::Service* service : std::as_const(engine_).services()) found.push_back(state_of(*service));
  } else if (const engine::Service* const service = engine_.find_service(*only)) {
    found.push_back(state_of(*service));
  }
  return found;
}

std::unique_ptr<ServiceWalk> EngineBalancer::walk(const engine::ServiceKey* only) {
  std::vector<engine::ServiceKey> keys;
  if (only != nullptr) keys.push_back(*only);
  else for (const engine::Service* service : std::as_const(engine_).services()) keys.push_back(service->config.key);
  return std::make_unique<EngineServices>(engine_, std::move(keys));
}

void EngineBalancer::change(const ServiceOrder& order, const Author& author) {
  const engine::Service* const service = engine_.find_service(order.service);
  const auto real_config = [&] {
    const auto r = std::find_if(service->reals.begin(), service->reals.end(), [&](const engine::RealServer* one) { return one->config.at == *order.real; });
    return r == service->reals.end() ? nullptr : &(*r)->config;
  };
  try {
    if (order.real && service == nullptr) throw engine::ConfigError("at", "there is no virtual service " + engine::to_text(order.service) + ".");
    switch (order.verb) {
      case ServiceVerb::remove:
        if (order.real) return engine_.remove_real(order.service, *order.real, author);
        engine_.remove_service(order.service, author);
        if (sockets_ != nullptr) sockets_->close_service(order.service);
        return;
      case ServiceVerb::add: {
        if (order.real) {
          engine::RealConfig config;
          config.at = *order.real;
          apply(config, order.settings);
          if (sockets_ != nullptr) sockets_->check_real(order.service, config.at);
          return engine_.add_real(order.service, config, author);
        }
        engine::ServiceConfig config;
        config.key = order.service;
        apply(config, order.settings);
        engine::check(config);
        if (service != nullptr) throw engine::ConfigError("at", "there is a virtual service " + engine::to_text(order.service) + " already.");
        if (sockets_ != nullptr) sockets_->open_service(order.service);
        try {
          engine_.add_service(config, author);
        } catch (...) {
          if (sockets_ != nullptr) sockets_->close_service(order.service);
          throw;
        }
        return;
      }
      case ServiceVerb::set: {
        if (order.real) {
          const engine::RealConfig* now = real_config();
          if (now == nullptr) throw engine::ConfigError("at", "the virtual service " + engine::to_text(order.service) + " has no real server " + engine::to_text(*order.real) + ".");
          engine::RealConfig config = *now;
          apply(config, order.settings);
          return engine_.edit_real(order.service, config, author);
        }
        if (service == nullptr) throw engine::ConfigError("at", "there is no virtual service " + engine::to_text(order.service) + ".");
        engine::ServiceConfig config = service->config;
        apply(config, order.settings);
        return engine_.edit_service(config, author);
      }
    }
  } catch (const engine::ConfigError& e) {
    const std::string sentence = e.what();
    const bool absent = sentence.starts_with("there is no ") || sentence.find(" has no real server ") != std::string::npos;
    throw RequestError(absent ? ENOENT : sentence.ends_with(" already.") ? EEXIST : EINVAL, e.field(), sentence);
  } catch (const SetupError& e) {
    throw RequestError(EADDRNOTAVAIL, "service", e.what());
  } catch (const InUse& e) {
    throw RequestError(EADDRINUSE, "service", e.what());
  }
}

KnobReading EngineKnobs::read(const Knob& knob) {
  try {
    if (engine::is_knob_below_range(engine_.knobs(), knob.name)) return {"", "shorter than a second: a load (--load) has timeouts of its own."};
    return {engine::get_knob(engine_.knobs(), knob.name), ""};
  } catch (const engine::ConfigError&) {
    return {"", "the embedded balancer has no such knob."};
  }
}

void EngineKnobs::write(const Knob& knob, const std::string& value, const Author& author) {
  try {
    engine_.set_knob(knob.name, value, author);
  } catch (const engine::ConfigError& e) {
    throw RequestError(EINVAL, std::string(knob.name), e.what());
  }
}

}  // namespace vslog
