// How the capture begins: the source, and what the log says of it.
#include "daemon/controls.h"
#include "daemon/daemon.h"

namespace vslog {
namespace {

const char* word(EpochEnd end) {
  switch (end) {
    case EpochEnd::stopped: return "stopped";
    case EpochEnd::damaged: return "damaged";
    default: return "cut";
  }
}

}  // namespace

void Daemon::start_source() {
  source_->start(mark_.cursor);
  mark_.cursor = source_->cursor();
  if (source_->fresh()) {
    // Its counters began anew; the journal's did not.
    const std::uint64_t of_journal = mark_.reported.at(static_cast<std::size_t>(LossPlace::journal));
    mark_.reported = {};
    mark_.reported.at(static_cast<std::size_t>(LossPlace::journal)) = of_journal;
  }
  ControlRecord started = own_record(ControlKind::capture_started);
  started.fresh = source_->fresh();
  tell_of_previous(started);
  controls_->start();
  if (!commit(true)) hold();
}

void Daemon::tell_of_previous(ControlRecord& started) {
  const PreviousEpoch before = journal_.previous();
  // Only the first record of an epoch speaks of the one before.
  const bool tells = journal_.next_sequence() == 1 && before.end != EpochEnd::none;
  if (tells && !before.epoch.empty()) started.old_value = "epoch=" + before.epoch + " last=" + std::to_string(before.last) + " end=" + word(before.end);
  control(started);
  if (!tells || before.end == EpochEnd::stopped) return;
  ControlRecord lost = own_record(ControlKind::loss);
  lost.where = LossPlace::journal;
  lost.lost_unknown = true;
  lost.loss_id = "journal:" + before.epoch + ":end";
  if (before.epoch.empty()) {
    lost.detail = "what the journal held is not known: nothing of it could be read";
  } else {
    lost.detail = "events after sequence " + std::to_string(before.last) + " of epoch " + before.epoch + " are unknown: " +
                  (before.end == EpochEnd::damaged ? "the journal was damaged" : "it ended without the record of a stop, as at a power cut");
  }
  control(lost);
}

}  // namespace vslog
