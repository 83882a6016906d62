#include "knob/knob_watch.h"

#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "event/clock.h"
#include "wire/kept_file.h"

namespace vslog {
namespace {

/// What the file would show of a value as the kernel holds it; empty when that cannot be told from it.
std::string rendered(const Knob& knob, std::uint32_t length, const std::int32_t* value) {
  static const std::int64_t hz = ticks_a_second();
  if (knob.type == KnobType::pair_) return length == 8 ? std::to_string(value[0]) + " " + std::to_string(value[1]) : "";
  if (knob.type == KnobType::cpulist_ || knob.type == KnobType::string_ || length == 0) return "";
  std::int64_t number = value[0];
  if (length == 8) std::memcpy(&number, value, sizeof number);
  // proc_dointvec_jiffies
  if (knob.type == KnobType::duration_) number /= hz;
  return std::to_string(number);
}

}  // namespace

KnobWatch::KnobWatch(KnobWatchOptions options, std::unique_ptr<KnobEvents> events, Read read, Tell tell)
    : options_(std::move(options)), events_(std::move(events)), read_(std::move(read)), tell_(std::move(tell)) {}

bool KnobWatch::is_watched(const Knob& knob) const {
  switch (knob.backing) {
    case KnobBacking::sysctl_ipvs:
    case KnobBacking::ipvs_netlink: return options_.ipvs;
    case KnobBacking::sysctl_conntrack: return true;
    default: return false;
  }
}

void KnobWatch::start() {
  load();
  for (const Knob& knob : knobs()) {
    if (is_watched(knob)) compare(knob, true, "it was found when the capture started");
  }
  save();
}

void KnobWatch::drain() {
  if (!events_) return;
  while (const std::optional<KnobEvent> event = events_->next()) take(*event);
}

void KnobWatch::take(const KnobEvent& event) {
  if (event.author.pid == events_->own_pid()) return;  // set() has told it
  const bool own = event.netns == options_.own_netns;
  if (!own && !options_.all_netns) return;
  if (event.path.empty()) return take_timeouts(event);
  const Knob* const knob = find_sysctl(event.path);
  if (knob == nullptr || !is_watched(*knob)) return;
  std::string before = rendered(*knob, event.length, event.before);
  std::string after = rendered(*knob, event.length, event.after);
  if (own || knob->global) {
    Known& known = known_[knob];
    if (after.empty()) {
      before = known.value;
      after = read_(*knob).value;
    }
    known = {after, after};
    dirty_ = true;
  }
  if (before != after) tell(*knob, before, after, event.netns, event.time, event.author, "");
}

void KnobWatch::take_timeouts(const KnobEvent& event) {
  static constexpr const char* kNames[3] = {"timeout_tcp", "timeout_tcpfin", "timeout_udp"};
  for (int i = 0; i < 3; ++i) {
    if (event.after[i] == 0) continue;
    const Knob& knob = *find_knob(kNames[i]);
    const std::string after = std::to_string(event.after[i]);
    std::string before;
    if (event.netns == options_.own_netns) {
      before = std::exchange(known_[&knob], {after, after}).value;
      dirty_ = true;
    }
    if (before != after) tell(knob, before, after, event.netns, event.time, event.author, "");
  }
}

void KnobWatch::tick() {
  // Read first, then take what the kernel tells of it: a change that is on its way is none that nobody told.
  for (const Knob& knob : knobs()) {
    if (is_watched(knob)) compare(knob, !events_, "it was found by comparison");
  }
  save();
}

void KnobWatch::compare(const Knob& knob, bool at_once, const char* detail) {
  const KnobReading now = read_(knob);
  if (!now.problem.empty()) return;
  const auto [at, first] = known_.try_emplace(&knob, Known{now.value, now.value});
  Known& known = at->second;
  if (first) {
    dirty_ = true;
    return;
  }
  if (known.value == now.value) {
    known.seen = now.value;
    return;
  }
  if (flips_by_itself(knob, known.value, now.value)) {
    known = {now.value, now.value};
    dirty_ = true;
    return;
  }
  if (!at_once && known.seen != now.value) {
    known.seen = now.value;
    return;
  }
  Author nobody;
  nobody.through = Through::unknown;
  tell(knob, known.value, now.value, options_.own_netns, clock_ns(CLOCK_MONOTONIC), nobody, detail);
  known = {now.value, now.value};
  dirty_ = true;
}

void KnobWatch::set(const KnobChange& change, std::uint32_t netns, const Author& author) {
  if (is_watched(*change.knob) && (netns == options_.own_netns || change.knob->global)) {
    known_[change.knob] = {change.new_value, change.new_value};
    dirty_ = true;
  }
  tell(*change.knob, change.old_value, change.new_value, netns, clock_ns(CLOCK_MONOTONIC), author, "");
}

void KnobWatch::tell(const Knob& knob, const std::string& before, const std::string& after, std::uint32_t netns, std::uint64_t time, const Author& author, const char* detail) {
  ControlRecord record;
  record.kind = ControlKind::knob_changed;
  record.time_ns = time + options_.wall_offset;
  record.name = knob.name;
  record.old_value = before;
  record.new_value = after;
  record.netns = knob.global ? 0 : netns;
  record.detail = detail;
  sign(record, author);
  tell_(record);
}

// One line a knob: its name, a tab, its value.
void KnobWatch::load() {
  if (options_.state_path.empty()) return;
  const KeptLines kept = read_kept(options_.state_path, options_.boot_id);
  if (!kept.trouble.empty()) std::fprintf(stderr, "vslog-capture: %s: what was changed of the kernel's knobs while no capture ran is not known.\n", kept.trouble.c_str());
  for (const std::string& line : kept.lines) {
    const std::size_t tab = line.find('\t');
    const Knob* const knob = tab == std::string::npos ? nullptr : find_knob(line.substr(0, tab));
    if (knob != nullptr) known_[knob] = {line.substr(tab + 1), line.substr(tab + 1)};
  }
}

void KnobWatch::save() {
  if (!dirty_ || options_.state_path.empty()) return;
  std::vector<std::string> lines;
  for (const auto& [knob, known] : known_) lines.push_back(std::string(knob->name) + '\t' + known.value);
  const std::string trouble = write_kept(options_.state_path, options_.boot_id, lines);
  // Tried again with the next look; said once.
  if (!trouble.empty() && trouble != trouble_) std::fprintf(stderr, "vslog-capture: %s: a change of a knob while no capture runs may then not be told.\n", trouble.c_str());
  trouble_ = trouble;
  dirty_ = !trouble.empty();
}

}  // namespace vslog
