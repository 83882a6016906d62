// How the capture ends: what had happened is written down first.
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "daemon/controls.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "event/text.h"

namespace vslog {
namespace {

/// At a stop: how long we wait at a time for a subscriber to go on.
constexpr int kWaitMs = 50;
/// A record of a source takes as much of its ring at least, bytes; and so many turns are for what stands before the ring.
constexpr std::uint64_t kLeastRecord = 64;
constexpr std::uint64_t kLastTurns = 16;

}  // namespace

bool Daemon::told_again() {
  signalfd_siginfo info{};
  told_again_ = told_again_ || read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info);
  return told_again_;
}

Stall Daemon::new_stall() const { return Stall(options_.stall_timeout_ms * 1'000'000ULL); }

bool Daemon::goes_on(Stall& stall) {
  std::uint64_t acknowledged = 0;
  for (const DurableSlot& d : journal_.durables()) acknowledged += d.acknowledged;
  abandoned_ = abandoned_ || stall.is_over(acknowledged, clock_ns(CLOCK_MONOTONIC));
  if (abandoned_ || told_again()) return false;
  epoll_event event{};
  epoll_wait(server_.poll_fd(), &event, 1, kWaitMs);
  server_.handle();
  return true;
}

bool Daemon::commit_patiently() {
  for (Stall stall = new_stall(); !commit();) {
    if (!goes_on(stall)) return false;
  }
  held_ = false;
  return true;
}

bool Daemon::stop() {
  write_down_the_end();
  for (Stall stall = new_stall(); !told_again() && (!server_.idle() || !lacking().empty()) && goes_on(stall);) {
  }
  return !tell_what_stays();
}

void Daemon::write_down_the_end() {
  // What had happened when we were told. What a source brings that never ends must not keep us.
  for (std::uint64_t turns = source_->figures().ring_used / kLeastRecord / kDrainAtOnce + kLastTurns; turns > 0; --turns) {
    if (held_ && !commit_patiently()) break;
    const bool more = drain();
    if (told_again()) return;
    if (!more && !held_) break;
  }
  // What ends with the source. It has no next start, so all of it is taken; what the journal has no room for is counted as lost.
  source_->finish();
  if (source_->owns_connections()) {
    bool room = true;
    while (source_->drain(*this, kDrainAtOnce) == kDrainAtOnce) {
      if (room && batch_.full()) room = commit_patiently();
      if (told_again()) return;
    }
  }
  controls_->stop();
  write_losses();
  write_unlogged();
  if (const std::optional<ControlRecord> summary = policy_.summary()) control(*summary);
  const bool whole = commit_patiently();
  if (told_again()) return;
  if (!whole) {
    // It stays in the source, for the next start, if that is to go on.
    if (options_.detach_on_exit || source_->owns_connections()) {
      ControlRecord lost = own_record(ControlKind::loss);
      lost.where = LossPlace::journal;
      lost.lost = batch_.records();
      lost.detail = "the journal was full when the capture was told to stop";
      mark_ = journal_.mark();
      batch_.clear(journal_.next_sequence());
      control(lost);
    } else {
      mark_ = journal_.mark();
      batch_.clear(journal_.next_sequence());
    }
  }
  control(own_record(ControlKind::capture_stopped));
  // In a batch of its own: whoever has that has all of this life.
  if (!commit(true, true)) log("the journal has no room for the record of this stop.");
  source_->stop(options_.detach_on_exit);
  sync_.finish();
}

std::vector<DurableSlot> Daemon::lacking() const {
  std::vector<DurableSlot> all = journal_.durables();
  const std::uint64_t last = journal_.next_ordinal() - 1;
  std::erase_if(all, [this, last](const DurableSlot& d) {
    const bool expected = std::any_of(options_.expected_subscribers.begin(), options_.expected_subscribers.end(), [&d](const auto& e) { return e.first == d.name; });
    return d.acknowledged >= last || (d.away_since_ns != 0 && !expected);
  });
  return all;
}

bool Daemon::tell_what_stays() const {
  const std::vector<DurableSlot> left = lacking();
  for (const DurableSlot& d : left) {
    const std::uint64_t records = journal_.next_ordinal() - 1 - d.acknowledged;
    log(std::to_string(records) + (records == 1 ? " record that subscriber " : " records that subscriber ") + plain_text(d.name, 64) + " has not acknowledged " + (records == 1 ? "stays" : "stay") + " in the journal " + plain_text(options_.journal, 4095) + ": the next start sends " + (records == 1 ? "it." : "them."));
  }
  return !left.empty();
}

}  // namespace vslog
