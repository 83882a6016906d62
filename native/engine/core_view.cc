// What looks at the engine and changes nothing.
#include <map>
#include <string>
#include <utility>

#include "engine/core.h"

namespace vslog::engine {

std::vector<const Service*> Engine::Core::services() const {
  std::vector<const Service*> all;
  all.reserve(services_.size());
  for (const auto& service : services_) all.push_back(service.get());
  return all;
}

const Service* Engine::Core::find_service(const ServiceKey& key) const {
  const auto at = by_key_.find(key);
  return at == by_key_.end() ? nullptr : at->second;
}

bool Engine::Core::visit_some(WalkPosition& at, std::uint32_t entries, const ConnFilter& filter, const std::function<void(const ConnRecord&)>& visit) const {
  for (; entries > 0 && at.entry < table_.high(); ++at.entry, --entries) {
    const Conn& c = table_.at(at.entry);
    if (c.id == 0 || c.is_template() != at.templates || !matches(filter, c)) continue;
    ConnRecord r = record(EventKind::snapshot, c);
    r.duration_ns = now_ - c.created;
    visit(r);
  }
  if (at.entry < table_.high()) return true;
  at.entry = 0;
  return std::exchange(at.templates, false);
}

EngineFigures Engine::Core::figures() const {
  EngineFigures f;
  f.connections = table_.size();
  f.templates = templates_;
  f.created = created_;
  f.ended = ended_;
  f.memory_bytes = table_.memory_bytes() + sizeof(TimerWheel);
  return f;
}

std::vector<std::string> Engine::Core::inconsistencies() const {
  struct Counts {
    std::int64_t active = 0;
    std::int64_t inactive = 0;
    std::int64_t persistent = 0;
    std::uint64_t references = 0;
  };
  std::vector<std::string> wrong;
  std::map<std::uint32_t, Counts> counted;
  std::map<std::uint32_t, std::uint32_t> controlled;
  std::uint32_t live = 0;
  std::uint32_t in_hash = 0;
  std::uint64_t templates = 0;
  for (std::uint32_t i = 0; i < table_.high(); ++i) {
    const Conn& c = table_.at(i);
    if (c.id == 0) continue;
    const std::string who = "connection " + std::to_string(c.id);
    ++live;
    if (c.is_template()) ++templates;
    if (!wheel_.armed(i)) wrong.push_back(who + " has no timer");
    if (static_cast<std::int32_t>(c.armed - c.expires) > 0) wrong.push_back(who + " is looked at after it is due");
    if (!c.told) wrong.push_back(who + " was not told");
    if ((c.flags & kInHash) != 0) {
      ++in_hash;
      if (table_.find(c.protocol, c.client, c.client_port, [&](const Conn& other) { return &other == &c; }) != i) wrong.push_back(who + " is not where the hash looks for it");
    }
    if (c.control != kNone) {
      if (table_.at(c.control).id == 0) wrong.push_back(who + " is controlled by one that is gone");
      ++controlled[c.control];
    }
    if (c.real == kNone) continue;
    if (c.real >= reals_.size() || reals_[c.real] == nullptr) {
      wrong.push_back(who + " points to a real server that is gone");
      continue;
    }
    Counts& n = counted[c.real];
    ++n.references;
    ++(c.is_template() ? n.persistent : (c.flags & kInactive) != 0 ? n.inactive : n.active);
  }
  for (std::uint32_t i = 0; i < table_.high(); ++i) {
    const Conn& c = table_.at(i);
    if (c.id != 0 && c.controlled != (controlled.contains(i) ? controlled.at(i) : 0)) wrong.push_back("connection " + std::to_string(c.id) + " miscounts what it controls");
  }
  for (std::uint32_t i = 0; i < reals_.size(); ++i) {
    if (reals_[i] == nullptr) continue;
    const RealServer& r = *reals_[i];
    const Counts n = counted[i];
    if (r.active != n.active || r.inactive != n.inactive || r.persistent != n.persistent || r.references != n.references)
      wrong.push_back("real server " + to_text(r.config.at) + " miscounts its connections");
    if (!r.available && r.references == 0) wrong.push_back("real server " + to_text(r.config.at) + " was deleted and is still here");
  }
  if (live != table_.size()) wrong.push_back("the table holds " + std::to_string(live) + " and counts " + std::to_string(table_.size()));
  if (live != wheel_.size()) wrong.push_back(std::to_string(wheel_.size()) + " timers for " + std::to_string(live) + " connections");
  if (templates != templates_) wrong.emplace_back("templates are miscounted");
  if (created_ - ended_ != live) wrong.emplace_back("begun less ended is not what lives");
  std::uint32_t chained = 0;
  for (std::uint32_t b = 0; b < table_.buckets(); ++b) {
    table_.each_in(b, [&](std::uint32_t) { ++chained; });
  }
  if (chained != in_hash) wrong.push_back("the hash holds " + std::to_string(chained) + " of " + std::to_string(in_hash));
  return wrong;
}

}  // namespace vslog::engine
