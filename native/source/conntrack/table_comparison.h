// Brings the log and the kernel's table together, at the start, after an overrun, and now and then for flows whose end the kernel does not tell.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_set>

#include "source/conntrack/flow_table.h"
#include "source/conntrack/kernel_table.h"

namespace vslog {

/// The table is listed while events go on, so what it shows is a little older than what we know.
///
/// A flow that it shows and we do not know began unseen: it is told at once, and a late word of its beginning is ignored. But when its end was told already it is not told
/// anew: it ended after the kernel made the piece, or it is dying: the kernel tells an end before it takes the flow out.
///
/// A flow that we know and it does not show has ended, or the list passed over it: one whose timer has run out, one that moved as the table grew. So the kernel is asked for
/// it by name. When it is not there its end was told, or was lost; the former we know when every event from before that answer was handled.
class TableComparison {
 public:
  struct Outcome {
    std::function<void(const Flow&)> unknown;    ///< the table has it, we do not; it is to be added with generation()
    std::function<void(const KnownFlow&)> gone;  ///< we have it, the table does not; it is removed after the call
  };

  /// `ends_are_kept`: the kernel delivers every end, if late; a flow whose end it keeps is not gone. Its list of those changes under the dump, which then misses some: a
  /// flow is gone when several dumps in a row did not show it.
  TableComparison(FlowTable& table, KernelTable& kernel, bool ends_are_kept, Outcome outcome)
      : table_(table), kernel_(kernel), ends_are_kept_(ends_are_kept), outcome_(std::move(outcome)) {}

  bool running() const { return phase_ != Phase::idle; }
  /// The last one left a flow undecided: compare again, soon.
  bool undecided() const { return undecided_; }
  /// The generation that new entries of the table get.
  std::uint16_t generation() const { return generation_; }

  void begin();
  /// Does a piece of what is to be done now, with at most some `max` flows. `barrier` becomes true when barrier() is needed to go on.
  struct Work {
    bool more = false;  ///< call again at once
    bool barrier = false;
    std::size_t malformed = 0;
  };
  Work work(std::size_t max);
  /// All events from before the last work() were handled.
  void barrier();
  /// The end of a flow was handled.
  void ended(const FlowName& name) {
    if (phase_ == Phase::listing) ended_.insert(name.key);
  }

 private:
  /// Listing, then a barrier, then the kernel is asked for what was not shown, then a barrier, then what is gone is told.
  enum class Phase : std::uint8_t { idle, listing, listed, asking, asked, telling };
  struct Hash {
    std::size_t operator()(const FlowKey& key) const { return print_of(key); }
  };

  void see(const Flow& flow);
  void ask(std::size_t max);
  void tell(std::size_t max);
  bool is_old(const KnownFlow& known) const { return known.used && known.generation != generation_; }

  FlowTable& table_;
  KernelTable& kernel_;
  bool ends_are_kept_;
  bool undecided_ = false;
  Outcome outcome_;
  Phase phase_ = Phase::idle;
  std::unique_ptr<FlowListing> listing_;
  /// Ends that were handled since the piece that comes next was made.
  std::unordered_set<FlowKey, Hash> ended_;
  std::uint16_t generation_ = 0;
  std::uint32_t place_ = 0;
  std::uint32_t places_ = 0;
  std::uint32_t absent_ = 0;  ///< flows that the kernel does not have
};

}  // namespace vslog
