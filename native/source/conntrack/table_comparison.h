// Brings the log and the kernel's table together, at the start, after an overrun, and now and then for flows whose end the kernel does not tell.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "source/conntrack/flow_table.h"
#include "source/conntrack/table_dump.h"

namespace vslog {

/// The table is dumped while events go on. A flow that the dump shows and we do not know began unseen: it is told at once, and a late word of its beginning is ignored. A
/// flow that we know and the dump does not show has ended, but its end may still be on its way: that is decided only when every event from before the dump's end was
/// handled, which is when barrier() is called.
class TableComparison {
 public:
  struct Outcome {
    std::function<void(const Flow&)> unknown;    ///< the table has it, we do not; it is to be added with generation()
    std::function<void(const KnownFlow&)> gone;  ///< we have it, the table does not; it is removed after the call
  };

  /// `ends_are_kept`: the kernel delivers every end, if late; a flow whose end it keeps is not gone. Its list of those changes under the dump, which then misses some: a
  /// flow is gone when several dumps in a row did not show it.
  TableComparison(FlowTable& table, const FlowFilter& filter, bool ends_are_kept, Outcome outcome)
      : table_(table), filter_(filter), ends_are_kept_(ends_are_kept), outcome_(std::move(outcome)) {}

  bool running() const { return phase_ != Phase::idle; }
  /// The last one left a flow undecided: compare again, soon.
  bool undecided() const { return undecided_; }
  /// The generation that new entries of the table get.
  std::uint16_t generation() const { return generation_; }

  void begin();
  /// Does a piece of what is to be done now, telling at most some `max` flows. `dumped` becomes true when the dump ended: from there on a barrier is needed.
  struct Work {
    bool more = false;  ///< call again at once
    bool dumped = false;
    std::size_t malformed = 0;
  };
  Work work(std::size_t max);
  /// All events from before the dump's end were handled.
  void barrier();

 private:
  enum class Phase : std::uint8_t { idle, dumping, waiting, settling };

  void settle(std::size_t max);

  FlowTable& table_;
  const FlowFilter& filter_;
  bool ends_are_kept_;
  bool undecided_ = false;
  Outcome outcome_;
  Phase phase_ = Phase::idle;
  std::optional<TableDump> dump_;
  std::uint16_t generation_ = 0;
  std::uint32_t place_ = 0;
  std::uint32_t places_ = 0;
};

}  // namespace vslog
