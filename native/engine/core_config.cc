// Virtual services, real servers and knobs: the configuring half of ip_vs_ctl.c.
#include <algorithm>
#include <cstring>

#include "engine/core.h"
#include "engine/scheduler.h"

namespace vslog::engine {

std::size_t ServiceKeyHash::operator()(const ServiceKey& key) const {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, key.at.address.data(), 8);
  std::memcpy(&low, key.at.address.data() + 8, 8);
  std::uint64_t h = (high * 0x9e3779b97f4a7c15) ^ (low * 0xc2b2ae3d27d4eb4f);
  h ^= (static_cast<std::uint64_t>(key.fwmark) << 32 | static_cast<std::uint64_t>(key.at.port) << 16 | static_cast<std::uint64_t>(key.protocol) << 8 | key.family) * 0x165667b19e3779f9;
  return h ^ h >> 29;
}

Service& Engine::Core::service_of(const ServiceKey& key) {
  const auto at = by_key_.find(key);
  if (at == by_key_.end()) throw ConfigError("at", "there is no virtual service " + to_text(key) + ".");
  return *at->second;
}

RealServer* Engine::Core::real_of(const Service& service, const Endpoint& at) const {
  const auto found = std::find_if(service.reals.begin(), service.reals.end(), [&](const RealServer* r) { return r->config.at == at; });
  return found == service.reals.end() ? nullptr : *found;
}

void Engine::Core::count_service(const ServiceKey& key, int by) {
  (key.family == 6 ? services_v6_ : services_v4_) += by;
  if (key.fwmark == 0 && key.at.port == 0) any_port_ += by;
}

ControlRecord Engine::Core::control_record(ControlKind kind, const ServiceKey& key, const Author& author) const {
  ControlRecord c;
  c.kind = kind;
  c.time_ns = wall(now_);
  c.protocol = key.protocol;
  c.family = key.family;
  c.fwmark = key.fwmark;
  c.virtual_addr = key.at.address;
  c.virtual_port = key.at.port;
  c.netns = options_.netns;
  sign(c, author);
  return c;
}

ControlRecord Engine::Core::control_record(ControlKind kind, const ServiceKey& key, const RealConfig& real, const Author& author) const {
  ControlRecord c = control_record(kind, key, author);
  c.real_addr = real.at.address;
  c.real_port = real.at.port;
  return c;
}

void Engine::Core::add_service(const ServiceConfig& config, const Author& author) {
  check(config);
  if (by_key_.contains(config.key)) throw ConfigError("at", "there is a virtual service " + to_text(config.key) + " already.");
  auto service = std::make_unique<Service>();
  service->config = config;
  service->scheduler = make_scheduler(config.scheduler, *service);
  if (service->scheduler == nullptr) throw ConfigError("scheduler", "there is no scheduler \"" + config.scheduler + "\".");
  by_key_.emplace(config.key, service.get());
  count_service(config.key, 1);
  services_.push_back(std::move(service));
  ControlRecord c = control_record(ControlKind::service_added, config.key, author);
  c.new_value = describe(config);
  observer_.control(c);
}

void Engine::Core::edit_service(const ServiceConfig& config, const Author& author) {
  check(config);
  Service& service = service_of(config.key);
  std::unique_ptr<Scheduler> scheduler;
  if (config.scheduler != service.config.scheduler) {
    scheduler = make_scheduler(config.scheduler, service);
    if (scheduler == nullptr) throw ConfigError("scheduler", "there is no scheduler \"" + config.scheduler + "\".");
  }
  ControlRecord c = control_record(ControlKind::service_changed, config.key, author);
  c.old_value = describe(service.config);
  c.new_value = describe(config);
  service.config = config;
  if (scheduler != nullptr) service.scheduler = std::move(scheduler);  // the old one keeps its place in the list
  observer_.control(c);
}

void Engine::Core::remove_real_of(Service& service, RealServer& r, const Author& author) {
  std::erase(service.reals, &r);
  r.available = false;
  trash_.emplace(r.service_key, &r);
  service.scheduler->changed(service);
  ControlRecord c = control_record(ControlKind::real_removed, service.config.key, r.config, author);
  c.old_value = describe(r.config);
  observer_.control(c);
  if (knobs_.expire_nodest_conn && r.references != 0) flush_due_ = true;
  release_real(r);
}

void Engine::Core::release_real(RealServer& r) {
  if (r.available || r.references != 0) return;
  const auto [first, last] = trash_.equal_range(r.service_key);
  trash_.erase(std::find_if(first, last, [&r](const auto& one) { return one.second == &r; }));
  const std::uint32_t index = r.index;
  reals_[index].reset();
  free_reals_.push_back(index);
}

void Engine::Core::remove_service(const ServiceKey& key, const Author& author) {
  Service& service = service_of(key);
  by_key_.erase(key);
  ControlRecord c = control_record(ControlKind::service_removed, key, author);
  c.old_value = describe(service.config);
  observer_.control(c);
  while (!service.reals.empty()) {
    RealServer& r = *service.reals.front();
    r.service = nullptr;
    remove_real_of(service, r, author);
  }
  // Those deleted earlier point here too.
  const auto [first, last] = trash_.equal_range(key);
  for (auto trashed = first; trashed != last; ++trashed) trashed->second->service = nullptr;
  count_service(key, -1);
  services_.erase(std::find_if(services_.begin(), services_.end(), [&](const auto& s) { return s.get() == &service; }));
}

void Engine::Core::add_real(const ServiceKey& key, const RealConfig& config, const Author& author) {
  check(config);
  Service& service = service_of(key);
  if (real_of(service, config.at) != nullptr) throw ConfigError("at", "the virtual service " + to_text(key) + " has the real server " + to_text(config.at) + " already.");
  // One that was deleted and still has connections comes back with them (ip_vs_trash_get_dest).
  const auto [first, last] = trash_.equal_range(key);
  const auto trashed = std::find_if(first, last, [&config](const auto& one) { return one.second->config.at == config.at; });
  RealServer* r = nullptr;
  if (trashed != last) {
    r = trashed->second;
    trash_.erase(trashed);
  } else {
    auto index = static_cast<std::uint32_t>(reals_.size());
    if (free_reals_.empty()) {
      reals_.emplace_back();
    } else {
      index = free_reals_.back();
      free_reals_.pop_back();
    }
    reals_[index] = std::make_unique<RealServer>();
    r = reals_[index].get();
    r->index = index;
  }
  ControlRecord c = control_record(ControlKind::real_added, key, config, author);
  c.new_value = describe(config);
  if (config.upper == 0 || config.upper > r->config.upper) r->overloaded = false;
  r->config = config;
  r->last_weight = config.weight;
  r->service_key = key;
  r->service = &service;
  r->available = true;
  // In front, where ip_vs_add_dest puts it: the schedulers walk from the newest to the oldest.
  service.reals.insert(service.reals.begin(), r);
  service.scheduler->changed(service);
  observer_.control(c);
}

void Engine::Core::edit_real(const ServiceKey& key, const RealConfig& config, const Author& author) {
  check(config);
  Service& service = service_of(key);
  RealServer* const r = real_of(service, config.at);
  if (r == nullptr) throw ConfigError("at", "the virtual service " + to_text(key) + " has no real server " + to_text(config.at) + ".");
  ControlRecord c = control_record(ControlKind::real_changed, key, config, author);
  c.old_value = describe(r->config);
  c.new_value = describe(config);
  const bool relieved = config.upper == 0 || config.upper > r->config.upper;
  r->config = config;
  if (config.weight != 0) r->last_weight = config.weight;
  service.scheduler->changed(service);
  observer_.control(c);
  if (relieved) overload(*r, false);
}

void Engine::Core::remove_real(const ServiceKey& key, const Endpoint& at, const Author& author) {
  Service& service = service_of(key);
  RealServer* const r = real_of(service, at);
  if (r == nullptr) throw ConfigError("at", "the virtual service " + to_text(key) + " has no real server " + to_text(at) + ".");
  remove_real_of(service, *r, author);
}

void Engine::Core::set_knob(std::string_view name, std::string_view value, const Author& author) {
  ControlRecord c;
  c.old_value = get_knob(knobs_, name);
  engine::set_knob(knobs_, name, value);
  defence_.update(knobs_, table_.max() - table_.size());
  c.new_value = get_knob(knobs_, name);
  if (c.new_value == c.old_value) return;
  c.kind = ControlKind::knob_changed;
  c.time_ns = wall(now_);
  c.name = name;
  c.netns = options_.netns;
  sign(c, author);
  observer_.control(c);
}

}  // namespace vslog::engine
