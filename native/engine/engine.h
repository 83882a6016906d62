// The embedded balancer: IPVS's connection semantics, driven by packets, on a clock that its owner holds.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/config.h"
#include "engine/filter.h"
#include "engine/knobs.h"
#include "engine/packet.h"
#include "event/author.h"
#include "event/conn_record.h"
#include "event/control_record.h"

namespace vslog::engine {

/// Whom the engine tells what happens. The calls come from inside the engine: the only members of Engine that may be called from there are request_expire() and what is const.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void conn(const ConnRecord& record) = 0;
  virtual void control(const ControlRecord& record) = 0;
  /// An entry with a `user` other than 0 is gone: whoever forwards for it lets go of it. A reason other than timeout and one_packet should reset the client.
  virtual void ended(std::uint32_t user, EndReason reason) = 0;
};

/// Who changes the configuration, for the control records.
using Author = vslog::Author;

struct EngineOptions {
  std::uint32_t max_conns = 16'777'216;    ///< entries; memory is taken as they come. Beyond it a new connection is refused: sched_fail
  std::uint32_t table_bits = 10;           ///< buckets at the start; the table grows
  std::uint64_t first_conn_id = 1;         ///< conn ids count up from here
  std::uint64_t wall_offset_ns = 0;        ///< wall clock less engine clock
  std::uint32_t netns = 0;                 ///< written into every record
  std::uint64_t seed = 1;                  ///< of the chance in drop_entry, drop_packet and hashing
  Timeouts timeouts{};                     ///< at the start; knobs change three of them
  Time nodest_interval = kSecond;          ///< dropped packets of one connection are summed up over this time; the first is told at once. 0: each is told
};

struct EngineFigures {
  std::uint64_t connections = 0;   ///< entries now, templates too
  std::uint64_t templates = 0;
  std::uint64_t created = 0;       ///< since the start
  std::uint64_t ended = 0;
  std::uint64_t memory_bytes = 0;  ///< of entries, table and timers
};

struct ExpireResult {
  std::uint64_t matched = 0;
  std::uint64_t ended = 0;   ///< fewer than matched only when an entry ended meanwhile
};

/// One thread owns an Engine and calls it; request_expire() is for all threads and for Observer callbacks.
class Engine {
 public:
  Engine(const EngineOptions& options, Observer& observer);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Runs the timers due until `now`, then takes the packet. `now` must not go back.
  Outcome receive(const Packet& packet, Time now);

  /// Runs the timers due until `now` and what other threads asked for.
  void advance(Time now);
  Time now() const;

  /// Ties a number of its owner's to a connection, for Observer::ended(); 0 unties it. False: it is gone.
  bool set_user(ConnRef conn, std::uint32_t user);
  bool alive(ConnRef conn) const;

  /// All of these throw ConfigError and then have changed nothing.
  void add_service(const ServiceConfig& config, const Author& author);
  void edit_service(const ServiceConfig& config, const Author& author);
  void remove_service(const ServiceKey& key, const Author& author);
  void add_real(const ServiceKey& key, const RealConfig& config, const Author& author);
  void edit_real(const ServiceKey& key, const RealConfig& config, const Author& author);
  void remove_real(const ServiceKey& key, const Endpoint& at, const Author& author);
  void set_knob(std::string_view name, std::string_view value, const Author& author);
  const Knobs& knobs() const;
  /// In the order in which they were added.
  std::vector<const Service*> services() const;
  /// Null when there is none.
  const Service* find_service(const ServiceKey& key) const;

  /// Ends the matching connections at once, with `reason`. Connections before their templates.
  ExpireResult expire(const ConnFilter& filter, EndReason reason = EndReason::flushed);
  /// The same from any thread or context: done by the owner at its next receive() or advance(), before anything else; the future then holds the result.
  std::future<ExpireResult> request_expire(const ConnFilter& filter);

  /// Where a walk over the live entries stands.
  struct WalkPosition {
    bool templates = true;
    std::uint32_t entry = 0;
  };
  /// Shows those that match among the next `entries` places of the table, as snapshot records, templates first; what lives during the whole walk is shown once. False: that was all.
  bool visit_some(WalkPosition& at, std::uint32_t entries, const ConnFilter& filter, const std::function<void(const ConnRecord&)>& visit) const;
  EngineFigures figures() const;

  /// Every inconsistency between table, timers and counters, a sentence each; empty when all is well. Slow: for tests.
  std::vector<std::string> inconsistencies() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace vslog::engine
