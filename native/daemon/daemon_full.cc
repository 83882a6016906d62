// What happens when the journal is full: the source waits, or what it brings is counted and let go; and a subscriber that does not come gives way.
#include <sys/epoll.h>

#include <algorithm>
#include <ctime>
#include <optional>
#include <utility>
#include <vector>

#include "daemon/daemon.h"
#include "daemon/log.h"
#include "daemon/loss_ledger.h"

namespace vslog {

void Daemon::hold() {
  if (held_) return;
  held_ = true;
  arm_linger(false);
  unwatch_source();
  held_since_ns_ = clock_ns(CLOCK_MONOTONIC);
}

void Daemon::watch_source() {
  if (std::exchange(source_watched_, true)) return;
  watch(source_->poll_fd(), kSourceKey);
}

void Daemon::unwatch_source() {
  if (std::exchange(source_watched_, false)) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, source_->poll_fd(), nullptr);
}

void Daemon::resume() {
  if (!held_ || !commit()) return;
  held_ = false;
  watch_source();
  if (held_said_) log("the journal has room again; the source goes on.");
  held_said_ = false;
}

bool Daemon::let_pass() {
  watch_source();
  passing_ = true;
  const bool more = source_->drain(*this, kDrainAtOnce) == kDrainAtOnce;
  passing_ = false;
  mark_.cursor = source_->cursor();
  if (passed_ > 0) journal_.count_unlogged(passed_, passed_first_ns_, passed_last_ns_);
  passed_ = 0;
  source_->committed(mark_.cursor);
  return more;
}

void Daemon::pass(std::uint64_t time_ns) {
  if (passed_++ == 0) passed_first_ns_ = time_ns;
  passed_last_ns_ = time_ns;
}

void Daemon::write_unlogged() {
  if (held_) return;
  const Unlogged u = journal_.unlogged();
  const LossTotal total{LossPlace::journal, u.records, u.first_ns, u.last_ns,
                        "the journal was full as a durable subscriber did not acknowledge, and the balancer did not wait (--when-full traffic): see to the subscriber, or give the capture a bigger --journal-size"};
  for (const ControlRecord& c : unreported_losses({&total, 1}, mark_.reported, clock_ns(CLOCK_REALTIME))) control(c);
}

void Daemon::give_way() {
  std::vector<Subscriber> all;
  const std::uint64_t now = clock_ns(CLOCK_BOOTTIME);
  for (const DurableSlot& d : journal_.durables()) all.push_back({d.name, d.acknowledged, exchange_.durable.contains(d.name) ? 0 : now - std::min(now, d.away_since_ns)});
  const std::optional<GivingWay::Verdict> verdict = giving_way_.decide(all, journal_.used(), journal_.capacity(), now);
  if (!verdict) return;
  const auto slot = std::find_if(all.begin(), all.end(), [&](const Subscriber& s) { return s.name == verdict->name; });
  ControlRecord c = own_record(ControlKind::subscriber_removed);
  c.name = verdict->name;
  c.lost = journal_.next_ordinal() - 1 - slot->acknowledged;
  c.detail = "nothing is kept for " + verdict->name + " any more, as " + verdict->why + "; it had not acknowledged " + std::to_string(c.lost) + " events, of which it gets what is still there when it comes back";
  log(c.detail + ".");
  if (const auto session = exchange_.durable.find(verdict->name); session != exchange_.durable.end()) session->second->drop();
  journal_.forget(verdict->name);
  control(c);
  resume();
}

}  // namespace vslog
