// What the capture asks of a source of events. A new source is one folder beside this file and one line in registry.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "event/author.h"
#include "event/conn_record.h"
#include "event/conn_walk.h"
#include "event/control_record.h"
#include "source/refusal.h"

namespace vslog {

/// Where a source puts what it saw. Given by the daemon; the order of the calls is the order of the log.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void conn(const ConnRecord& record) = 0;
  virtual void control(const ControlRecord& record) = 0;
};

/// A number of records that a source lost at one place, since the capture's programs were first loaded. The journal remembers what was reported of it.
struct LossTotal {
  LossPlace where = LossPlace::none;
  std::uint64_t lost = 0;
  std::uint64_t first_ns = 0;  ///< wall clock of the first and last one, 0: not known
  std::uint64_t last_ns = 0;
  std::string detail;
};

/// What `SourceStatus` says of a source.
struct SourceFigures {
  std::uint64_t ring_bytes = 0;
  std::uint64_t ring_used = 0;
  std::uint64_t connections = 0;
  std::uint64_t malformed = 0;
};

/// A source of events. All calls come from the daemon's one thread.
class Source {
 public:
  virtual ~Source() = default;

  /// The name in the registry: "ipvs".
  virtual std::string_view name() const = 0;

  /// Attaches to where events come from. `cursor` is what committed() was last given by an earlier process with the same journal, 0 for a new journal.
  /// Puts what must stand at the log's start (snapshots, the events that ended meanwhile) into `sink` by way of drain(). Throws SourceRefusal.
  virtual void start(std::uint64_t cursor) = 0;

  /// True when nothing is remembered of earlier connections: the log's open ones are unknown from here. Valid after start().
  virtual bool fresh() const = 0;

  /// Becomes readable when drain() has something to do. Valid after start().
  virtual int poll_fd() const = 0;

  /// Translates at most `max` waiting records into `sink`. Returns how many were taken from the source; less than `max` means that none is left.
  virtual std::size_t drain(EventSink& sink, std::size_t max) = 0;

  /// Position after the last record that drain() took. Goes into the journal with the batch.
  virtual std::uint64_t cursor() const = 0;

  /// Everything up to this cursor is in the journal: the source may let go of it.
  virtual void committed(std::uint64_t cursor) = 0;

  /// Called about once a second: sweeps, sums up, polls what has no event.
  virtual void tick() = 0;

  /// Totals of what was lost, by place. Polled after each drain() that took something, and each second.
  virtual std::vector<LossTotal> losses() = 0;

  virtual SourceFigures figures() = 0;

  /// The source's connections are its own: they end with it, and expire() works.
  virtual bool owns_connections() const { return false; }
  /// Connections of real clients go through this process: whatever holds it up holds up them.
  virtual bool carries_traffic() const { return false; }
  /// walk() works.
  virtual bool lists_connections() const { return owns_connections(); }
  /// Shows the live connections that match, as snapshot records. It does not outlive the source. Only where lists_connections().
  virtual std::unique_ptr<ConnWalk> walk(const engine::ConnFilter& filter) { return (void)filter, nullptr; }
  /// The whole of a walk at once.
  void visit(const engine::ConnFilter& filter, const std::function<void(const ConnRecord&)>& each) {
    const std::unique_ptr<ConnWalk> walking = walk(filter);
    while (walking->next(each)) {
    }
  }
  /// Ends every live connection that matches, with reason flushed.
  virtual engine::ExpireResult expire(const engine::ConnFilter& filter) { return (void)filter, engine::ExpireResult{}; }

  /// What this process changed in the kernel between the two (CLOCK_MONOTONIC, ns) was somebody's request: whose is to stand in the records.
  virtual void acted(const Author& author, std::uint64_t begin, std::uint64_t end) { (void)author, (void)begin, (void)end; }

  /// Before the last drain() of a clean end: a source whose connections end with it ends them, so that the log has it.
  virtual void finish() {}

  /// A clean end. `detach`: take everything out of the kernel; else leave it so that the next process goes on without a gap.
  virtual void stop(bool detach) = 0;
};

}  // namespace vslog
