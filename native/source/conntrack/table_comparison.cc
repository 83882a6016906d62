#include "source/conntrack/table_comparison.h"

namespace vslog {

namespace {

/// Dumps in a row that must miss a flow whose end may be kept.
constexpr std::uint16_t kDumpsThatMiss = 4;

}  // namespace

void TableComparison::begin() {
  ++generation_;
  undecided_ = false;
  listing_ = kernel_.list();
  phase_ = Phase::listing;
}

TableComparison::Work TableComparison::work(std::size_t max) {
  Work done;
  switch (phase_) {
    case Phase::listing: {
      const FlowListing::Progress progress = listing_->next([this](const Flow& flow) { see(flow); });
      if (progress.read) ended_.clear();
      done.malformed = progress.malformed;
      if (progress.done) {
        listing_.reset();
        phase_ = Phase::listed;
      }
      break;
    }
    case Phase::asking: ask(max); break;
    case Phase::telling: tell(max); break;
    case Phase::idle:
    case Phase::listed:
    case Phase::asked: return done;
  }
  done.barrier = phase_ == Phase::listed || phase_ == Phase::asked;
  done.more = running() && !done.barrier;
  return done;
}

void TableComparison::barrier() {
  if (phase_ == Phase::listed) {
    places_ = table_.places();  // what is added from here on has this generation
    absent_ = 0;
    phase_ = Phase::asking;
  } else if (phase_ == Phase::asked) {
    phase_ = Phase::telling;
  }
  place_ = 0;
}

void TableComparison::see(const Flow& flow) {
  if (KnownFlow* const known = table_.find(key_of(flow))) {
    known->generation = generation_;
    // Labels that it got where changes are not told.
    if (flow.has_labels) known->labels = flow.labels;
    // Its end is on the way, or was lost.
    if (is_dying(flow) && !ends_are_kept_) undecided_ = true;
  } else if (!is_dying(flow) && !ended_.contains(key_of(flow))) {
    outcome_.unknown(flow);
  }
}

void TableComparison::ask(std::size_t max) {
  for (std::size_t asked = 0; place_ < places_ && asked < max; ++place_) {
    KnownFlow& known = table_.at(place_);
    if (!is_old(known)) continue;
    known.absent = false;
    if (ends_are_kept_ && static_cast<std::uint16_t>(generation_ - known.generation) < kDumpsThatMiss) {
      undecided_ = true;
      continue;
    }
    ++asked;
    if (kernel_.has(known.key)) {
      known.generation = generation_;
      undecided_ = true;
    } else {
      known.absent = true;
      ++absent_;
    }
  }
  if (place_ == places_) phase_ = absent_ > 0 ? Phase::asked : Phase::idle;
}

void TableComparison::tell(std::size_t max) {
  for (std::size_t told = 0; place_ < places_ && told < max; ++place_) {
    KnownFlow& known = table_.at(place_);
    if (!is_old(known) || !known.absent) continue;
    outcome_.gone(known);
    table_.remove(known);
    ++told;
  }
  if (place_ == places_) phase_ = Phase::idle;
}

}  // namespace vslog
