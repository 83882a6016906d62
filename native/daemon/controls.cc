#include "daemon/controls.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include "event/clock.h"
#include "knob/kernel_expiry.h"
#include "source/engine/engine_source.h"

namespace vslog {
namespace {

EngineSource* engine_of(Source& source) { return dynamic_cast<EngineSource*>(&source); }

std::unique_ptr<Balancer> balancer_of(Source& source, ServiceSockets& sockets) {
  if (EngineSource* const engine = engine_of(source)) return std::make_unique<EngineBalancer>(engine->engine(), &sockets);
  return std::make_unique<KernelBalancer>(source.name() == "ipvs");
}

/// As the catalogue has it: a size in bytes, a list as it was given.
std::string plain(const Knob& knob, const std::string& given) {
  if (knob.type != KnobType::size_ || given.empty()) return given;
  const std::size_t shift = given.back() == 'K' ? 10 : given.back() == 'M' ? 20 : given.back() == 'G' ? 30 : 0;
  return shift == 0 ? given : std::to_string(std::stoull(given) << shift);
}

}  // namespace

Controls::Controls(const DaemonOptions& options, Source& source, const std::string& boot_id, std::function<void(const ControlRecord&)> log, const Turn& turn)
    : source_(source),
      log_(std::move(log)),
      events_(*turn.events),
      keys_state_(options.journal + ".keys"),
      key_path_(options.events.key_path),
      boot_id_(boot_id),
      balancer_(balancer_of(source, *this)),
      store_([this](const KnobChange& change, const Netns& netns, const Author& author) { watch_->set(change, netns.inode(), author); }),
      administration_(store_, *balancer_, *this) {
  for (const Knob& knob : knobs()) {
    if (knob.backing != KnobBacking::capture && (knob.backing != KnobBacking::engine || knob.option.empty())) continue;
    const auto given = options.given.find(knob.path);
    CaptureKnobs::Set set;
    if (knob.name == "capture_linger") set = [turn](const std::string& value) { turn.linger(static_cast<std::uint32_t>(std::stoul(value))); };
    if (knob.name == "capture_flood_rate") set = [turn](const std::string& value) { turn.events->set_flood_rate(std::stoull(value)); };
    if (knob.name == "capture_client_key") {
      capture_.add(std::string(knob.name), events_.key_id(), [this](const std::string& id) { rotate_key(id); },
                   events_.key_id().empty() ? "no address is hashed here: that is for --client-address hash." : "");
      continue;
    }
    if (knob.name == "capture_events") set = [turn](const std::string& value) { turn.events->set_kinds(parse_event_kinds(value)); };
    capture_.add(std::string(knob.name), given == options.given.end() ? std::string(knob.default_value) : plain(knob, given->second), std::move(set));
  }
  store_.add(KnobBacking::sysctl_ipvs, proc_);
  store_.add(KnobBacking::sysctl_conntrack, proc_);
  store_.add(KnobBacking::module_parameter, proc_);
  store_.add(KnobBacking::ipvs_netlink, timeouts_);
  store_.add(KnobBacking::capture, capture_);
  EngineSource* const engine = engine_of(source);
  if (engine != nullptr) {
    engine_ = std::make_unique<EngineKnobs>(engine->engine());
    store_.add_engine(*engine_);
    store_.add(KnobBacking::engine, capture_);
  }
  KnobWatchOptions watch;
  watch.state_path = options.journal + ".knobs";
  watch.boot_id = boot_id;
  watch.own_netns = Netns("").inode();
  watch.all_netns = options.source.ipvs.all_netns;
  watch.ipvs = engine == nullptr;
  watch.wall_offset = static_cast<std::uint64_t>(wall_offset_ns());
  std::string why;
  std::unique_ptr<KnobEvents> events = watch_knob_events(why);
  // The other sources run where nobody expects to trace the kernel; each record that is found by comparison says so.
  if (!events && source.name() == "ipvs") std::fprintf(stderr, "vslog-capture: who changes a knob of the kernel is not known here: %s Changes themselves are found.\n", why.c_str());
  if (!balancer_->tells()) services_ = std::make_unique<ServiceWatch>(*balancer_, watch.own_netns, log_);
  watch_ = std::make_unique<KnobWatch>(std::move(watch), std::move(events), [this](const Knob& knob) { return store_.read(knob); }, log_);
}

void Controls::start() {
  resume_keys();
  watch_->start();
  if (services_) services_->remember();
}

void Controls::resume_keys() {
  const std::string now = events_.key_id();
  if (now.empty()) return;
  const auto highest = [this]() -> std::uint64_t {
    std::uint64_t id = 0;
    if (!source_.fresh() && source_.lists_connections()) source_.visit({}, [&id](const ConnRecord& record) { id = std::max(id, record.conn_id); });
    return id;
  };
  const auto say = [](const std::string& sentence) { std::fprintf(stderr, "vslog-capture: %s\n", sentence.c_str()); };
  const std::string before = events_.resume_keys({keys_state_, boot_id_, key_path_, highest, say});
  if (before == now) return;
  ControlRecord record;
  record.kind = ControlKind::knob_changed;
  record.time_ns = clock_ns(CLOCK_REALTIME);
  record.through = Through::unknown;
  record.name = "capture_client_key";
  record.old_value = before;
  record.new_value = now;
  record.detail = "it was found when the capture started";
  log_(record);
}

void Controls::rotate_key(const std::string& id) {
  try {
    events_.rotate_key(id);
  } catch (const std::invalid_argument& e) {
    throw RequestError(EINVAL, "capture_client_key", std::string(e.what()) + ".");
  }
}

void Controls::tick() {
  watch_->tick();
  if (services_) services_->tick();
}

void Controls::changed(const ControlRecord& record) {
  log_(record);
  if (services_) services_->remember();
}

bool Controls::expire(const ExpireRequest& request, const Author& author, ConnExpired& result) {
  if (source_.name() != "ipvs") return false;
  KernelExpiry expiry(store_, *balancer_, [this](const engine::ConnFilter& filter, const std::function<void(const ConnRecord&)>& each) { source_.visit(filter, each); });
  const std::uint64_t begin = clock_ns(CLOCK_MONOTONIC);
  try {
    result = expiry.run(request.filter, request.force, request.dry_run, author);
  } catch (...) {
    source_.acted(author, begin, clock_ns(CLOCK_MONOTONIC));
    throw;
  }
  source_.acted(author, begin, clock_ns(CLOCK_MONOTONIC));
  return true;
}

void Controls::stop() {
  watch_->drain();
  watch_->tick();
  watch_->save();
}

void Controls::before_change() {
  if (EngineSource* const engine = engine_of(source_)) engine->catch_up();
}

void Controls::check_real(const engine::ServiceKey& key, const engine::Endpoint& real) { engine_of(source_)->check_real(key, real); }
void Controls::open_service(const engine::ServiceKey& key) { engine_of(source_)->open_service(key); }

void Controls::close_service(const engine::ServiceKey& key) { engine_of(source_)->close_service(key); }

}  // namespace vslog
