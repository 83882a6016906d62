// Which record each event of a flow becomes: the state of the log.
#pragma once

#include <cstdint>

#include "event/conn_record.h"
#include "source/conntrack/conntrack_options.h"
#include "source/conntrack/ended_flows.h"
#include "source/conntrack/flow.h"
#include "source/conntrack/flow_table.h"

namespace vslog {

/// Where the records go.
class FlowRecords {
 public:
  virtual ~FlowRecords() = default;
  virtual void record(const ConnRecord& record) = 0;
};

/// Every flow gets one beginning (create, or snapshot when it was not seen) and one end, under one id. Not for several threads.
class FlowLog {
 public:
  /// `first_id`: of the first flow; ids count up from there. `silent`: the kernel may not tell the end of flows that it does not tell the beginning of.
  FlowLog(const ConntrackOptions& options, std::uint64_t first_id, std::uint32_t netns, bool silent);

  /// An event, read at `time_ns` (wall clock). `generation`: for an entry that is made.
  void event(const Flow& flow, std::uint64_t time_ns, std::uint16_t generation, FlowRecords& out) { event(flow, key_of(flow), time_ns, generation, out); }
  /// The same; `name` is the flow's.
  void event(const Flow& flow, const FlowName& name, std::uint64_t time_ns, std::uint16_t generation, FlowRecords& out);
  /// A flow of the kernel's table that is not known.
  void listed(const Flow& flow, std::uint64_t time_ns, std::uint16_t generation, FlowRecords& out);
  /// A known flow that the kernel's table does not have. The entry is the caller's to remove.
  void gone(const KnownFlow& known, std::uint64_t time_ns, FlowRecords& out);

  /// Whether no event can have been lost since the log was the kernel's table. Then a beginning of a flow that is known, and an end of one whose end was told, are told again.
  void set_whole(bool whole) { whole_ = whole; }

  FlowTable& table() { return table_; }
  /// Both ends of flows are wanted, so that there is something to compare.
  bool keeps_table() const { return options_.creates && options_.expires; }
  /// Flows whose end may have to be found by comparison.
  std::uint64_t silent() const { return silent_count_; }
  /// Flows that found no room in the table: their changes are not told, and their end as that of an unknown one.
  std::uint64_t not_remembered() const { return not_remembered_; }

 private:
  void created(const Flow& flow, const FlowName& name, std::uint64_t time_ns, std::uint16_t generation, FlowRecords& out);
  void updated(const Flow& flow, const FlowName& name, std::uint64_t time_ns, std::uint16_t generation, FlowRecords& out);
  void destroyed(const Flow& flow, const FlowName& name, std::uint64_t time_ns, FlowRecords& out);
  /// Adds it to the table; returns its id.
  std::uint64_t remember(const Flow& flow, const FlowName& name, std::uint64_t created_ns, std::uint16_t generation, bool listed);
  void forget(const KnownFlow& known);
  void put(ConnRecord record, std::uint64_t id, FlowRecords& out) const;

  ConntrackOptions options_;
  FlowTable table_;
  EndedFlows ended_;
  bool whole_ = false;
  std::uint64_t next_id_;
  std::uint32_t netns_;
  bool silent_;
  std::uint64_t silent_count_ = 0;
  std::uint64_t not_remembered_ = 0;
};

}  // namespace vslog
