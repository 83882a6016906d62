#include "source/conntrack/table_comparison.h"

namespace vslog {

namespace {

/// Dumps in a row that must miss a flow whose end may be kept.
constexpr std::uint16_t kDumpsThatMiss = 4;

}  // namespace

void TableComparison::begin() {
  ++generation_;
  dump_.emplace(filter_, ends_are_kept_);
  phase_ = Phase::dumping;
}

TableComparison::Work TableComparison::work(std::size_t max) {
  Work done;
  if (phase_ == Phase::dumping) {
    const TableDump::Progress progress = dump_->next([this](const Flow& flow) {
      if (KnownFlow* const known = table_.find(key_of(flow))) known->generation = generation_;
      else outcome_.unknown(flow);
    });
    done.malformed = progress.malformed;
    done.dumped = progress.done;
    done.more = !progress.done;
    if (progress.done) {
      dump_.reset();
      phase_ = Phase::waiting;
    }
  } else if (phase_ == Phase::settling) {
    settle(max);
    done.more = phase_ == Phase::settling;
  }
  return done;
}

void TableComparison::barrier() {
  if (phase_ != Phase::waiting) return;
  place_ = 0;
  places_ = table_.places();  // what is added from here on has this generation
  phase_ = Phase::settling;
  undecided_ = false;
}

void TableComparison::settle(std::size_t max) {
  for (std::size_t told = 0; place_ < places_ && told < max; ++place_) {
    const KnownFlow& known = table_.at(place_);
    if (!known.used || known.generation == generation_) continue;
    if (ends_are_kept_ && static_cast<std::uint16_t>(generation_ - known.generation) < kDumpsThatMiss) {
      undecided_ = true;
      continue;
    }
    outcome_.gone(known);
    table_.remove(FlowKey(known.key));
    ++told;
  }
  if (place_ == places_) phase_ = Phase::idle;
}

}  // namespace vslog
