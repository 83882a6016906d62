#include "source/conntrack/flow_log.h"

#include "source/conntrack/flow_records.h"

namespace vslog {
namespace {

/// The kernel's own word on when it was, if it gives one.
std::uint64_t when(const Flow& flow, std::uint64_t read_ns) {
  if (flow.event_ns != 0) return flow.event_ns;
  if (flow.kind == Flow::Kind::destroyed && flow.stop_ns != 0) return flow.stop_ns;
  if (flow.kind == Flow::Kind::created && flow.start_ns != 0) return flow.start_ns;
  return read_ns;
}

}  // namespace

FlowLog::FlowLog(const ConntrackOptions& options, std::uint64_t first_id, std::uint32_t netns, bool silent)
    : options_(options), table_(options.max_conns), next_id_(first_id), netns_(netns), silent_(silent) {}

void FlowLog::event(const Flow& flow, const FlowName& name, std::uint64_t time_ns, std::uint16_t generation, FlowRecords& out) {
  const std::uint64_t at = when(flow, time_ns);
  switch (flow.kind) {
    case Flow::Kind::created: return created(flow, name, at, generation, out);
    case Flow::Kind::updated: return updated(flow, name, at, generation, out);
    case Flow::Kind::destroyed: return destroyed(flow, name, at, out);
    case Flow::Kind::listed: return;
  }
}

void FlowLog::created(const Flow& flow, const FlowName& name, std::uint64_t time_ns, std::uint16_t generation, FlowRecords& out) {
  if (!options_.creates) return;
  if (keeps_table()) {
    if (KnownFlow* const known = table_.find(name)) {
      if (known->listed) {  // the dump was faster than this event
        if (known->silent) --silent_count_;
        known->listed = known->silent = false;
        known->take(flow);
        return;
      }
      if (whole_) return;  // told again
      gone(*known, time_ns, out);  // the word of its end was lost
      table_.remove(*known);
    }
  }
  const std::uint64_t created_ns = flow.start_ns != 0 ? flow.start_ns : time_ns;
  const std::uint64_t id = remember(flow, name, created_ns, generation, false);
  ConnRecord r = record_of(flow, EventKind::create, time_ns);
  r.created_ns = created_ns;
  put(r, id, out);
}

void FlowLog::updated(const Flow& flow, const FlowName& name, std::uint64_t time_ns, std::uint16_t generation, FlowRecords& out) {
  if (!options_.states) return;
  std::uint64_t id = 0;
  ConnRecord r = record_of(flow, EventKind::state, time_ns);
  r.created_ns = flow.start_ns;
  if (keeps_table()) {
    KnownFlow* known = table_.find(name);
    if (known == nullptr) {
      // Whose change it is cannot be told: of a dying flow the end is what comes next or was told, of one that is not remembered the end is told.
      if (is_dying(flow) || table_.full()) return;
      listed(flow, time_ns, generation, out);
      known = table_.find(name);
    }
    known->take(flow);
    id = known->conn_id;
    r.created_ns = known->created_ns;
    // A change says only what has changed.
    r.state = known->state;
    r.labels = known->labels;
  }
  put(r, id, out);
}

void FlowLog::destroyed(const Flow& flow, const FlowName& name, std::uint64_t time_ns, FlowRecords& out) {
  if (!options_.expires) return;
  std::uint64_t id = 0;
  std::uint64_t created_ns = flow.start_ns;
  std::uint64_t lived_ns = created_ns != 0 && time_ns > created_ns ? time_ns - created_ns : 0;
  std::uint8_t state = flow.state;
  std::array<std::uint8_t, 16> labels = flow.labels;
  KnownFlow* const known = keeps_table() ? table_.find(name) : nullptr;
  if (known != nullptr) {
    id = known->conn_id;
    if (known->created_ns != 0) created_ns = known->created_ns;  // as its beginning was told
    if (lived_ns == 0 && created_ns != 0 && time_ns > created_ns) lived_ns = time_ns - created_ns;
    if (!flow.has_state) state = known->state;
    if (!flow.has_labels) labels = known->labels;
    forget(*known);
    table_.remove(*known);
  } else {
    if (whole_ && ended_.has(name)) return;
    id = next_id_++;
    if (keeps_table()) {
      ConnRecord begun = record_of(flow, EventKind::snapshot, time_ns);
      begun.created_ns = created_ns;
      put(begun, id, out);
    }
  }
  ConnRecord r = record_of(flow, EventKind::expire, time_ns);
  r.reason = end_reason(flow);
  r.state = state;
  r.labels = labels;
  r.created_ns = created_ns;
  r.duration_ns = lived_ns;
  put(r, id, out);
  if (keeps_table()) ended_.add(name);
}

void FlowLog::listed(const Flow& flow, std::uint64_t time_ns, std::uint16_t generation, FlowRecords& out) {
  const std::uint64_t id = remember(flow, key_of(flow), flow.start_ns, generation, true);
  ConnRecord r = record_of(flow, EventKind::snapshot, time_ns);
  r.created_ns = flow.start_ns;
  put(r, id, out);
}

void FlowLog::gone(const KnownFlow& known, std::uint64_t time_ns, FlowRecords& out) {
  ConnRecord r = missed_end(known, time_ns);
  // How long it lived is not known: it ended at some time before.
  put(r, known.conn_id, out);
  forget(known);
  ended_.add(FlowKey(known.key));
}

std::uint64_t FlowLog::remember(const Flow& flow, const FlowName& name, std::uint64_t created_ns, std::uint16_t generation, bool listed) {
  const std::uint64_t id = next_id_++;
  if (!keeps_table()) return id;
  KnownFlow* const known = table_.add(name);
  if (known == nullptr) {
    ++not_remembered_;
    return id;
  }
  known->real = flow.reply.source;
  known->real_port = real_port_of(flow);
  known->conn_id = id;
  known->created_ns = created_ns;
  known->take(flow);
  known->translated = is_translated(flow);
  known->generation = generation;
  known->listed = listed;
  known->silent = listed && silent_;
  if (known->silent) ++silent_count_;
  return id;
}

void FlowLog::forget(const KnownFlow& known) {
  if (known.silent) --silent_count_;
}

void FlowLog::put(ConnRecord record, std::uint64_t id, FlowRecords& out) const {
  record.conn_id = id;
  record.netns = netns_;
  out.record(record);
}

}  // namespace vslog
