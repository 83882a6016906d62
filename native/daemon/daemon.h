// The capture: moves what the source saw into the journal, and lets the server hand it out.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "daemon/giving_way.h"
#include "daemon/lately.h"
#include "daemon/options.h"
#include "daemon/stall.h"
#include "event/clock.h"
#include "event/conn_walk.h"
#include "source/source.h"
#include "wire/batch.h"
#include "wire/journal.h"
#include "wire/journal_sync.h"
#include "wire/server.h"

namespace vslog {

class Controls;

class Daemon final : private EventSink, private LiveConnections {
 public:
  /// Takes journal, socket and source. Throws InUse, SetupError, SourceRefusal.
  explicit Daemon(const DaemonOptions& options);
  ~Daemon() override;

  /// Prints the ready line and works until it is told to stop by SIGTERM or SIGINT. False: some of what it had stays in the journal, which it says, since a subscriber that
  /// was waited for has not acknowledged it.
  bool run();

 private:
  /// What epoll waits for.
  enum Key : std::uint64_t { kSourceKey, kServerKey, kSignalKey, kTickKey, kLingerKey, kParentKey, kControlsKey };

  void conn(const ConnRecord& record) override;
  void control(const ControlRecord& record) override;
  std::unique_ptr<ConnWalk> list(const engine::ConnFilter& filter) override;
  bool expire(const ExpireRequest& request, const Author& author, ConnExpired& result) override;

  void watch(int fd, std::uint64_t key);
  /// The end of standard input is the end of whoever started us, however that came.
  void watch_parent();
  static bool parent_gone();
  void start_source();
  /// What became of the epoch before this one; nothing where that was told, or there was none.
  void tell_of_previous(ControlRecord& started);
  /// Takes from the source while there is something and room for it. Returns true when there may be more at once.
  bool drain();
  /// Commits what was gathered. False: there is no room, it is kept.
  bool commit(bool urgent = false, bool stopped = false);
  void hold();
  void resume();
  /// The journal is full, and the source is not to wait any longer: what it brings is counted and let go.
  bool passes() const { return held_ && traffic_ && clock_ns(CLOCK_MONOTONIC) - held_since_ns_ > kHeldGraceNs; }
  bool let_pass();
  void pass(std::uint64_t time_ns);
  void watch_source();
  void unwatch_source();
  void looked_at_source();
  /// Serves the sessions for one turn.
  void serve();
  /// How long to wait for something to happen, ms; -1: until it does.
  int wait_ms(bool more);
  /// Lets a durable subscriber that does not come give way.
  void give_way();
  void tick();
  void write_losses();
  /// What had no room in the journal, as a loss record; once a second, as a journal may be full many times in one.
  void write_unlogged();
  void arm_linger(bool on);
  /// Returns whether every subscriber that was waited for has everything.
  bool stop();
  /// Takes what had happened when we were told, and what ends with the source, and says that we stopped.
  void write_down_the_end();
  /// A durable subscriber is kept for from now on, CLOCK_BOOTTIME, ns, also if it has not come yet.
  void expect(const std::string& name, uid_t uid, std::uint64_t now);
  /// Durable subscribers that a stop waits for, and that have not acknowledged everything: those that are connected, and those that were announced.
  std::vector<DurableSlot> lacking() const;
  /// At the end: says what those have not got. False: they have everything.
  bool tell_what_stays() const;
  /// SIGTERM or SIGINT came once more: end at once.
  bool told_again();
  Stall new_stall() const;
  /// At a stop: serves the sessions for a moment. False: nobody goes on, or we were told again.
  bool goes_on(Stall& stall);
  /// Commits what was gathered, waiting for room for as long as a durable subscriber acknowledges. False: there is none.
  bool commit_patiently();
  ControlRecord own_record(ControlKind kind) const;
  SourceStatus status();

  DaemonOptions options_;
  EventPolicy policy_;
  std::string node_;
  std::string boot_id_;
  std::uint64_t started_ns_;
  Journal journal_;
  JournalSync sync_;
  JournalMark mark_;
  BatchBuilder batch_;
  std::unique_ptr<Source> source_;
  Exchange exchange_;
  std::unique_ptr<Controls> controls_;
  Server server_;
  UniqueFd epoll_;
  UniqueFd signals_;
  UniqueFd ticker_;
  UniqueFd linger_;
  std::uint64_t events_ = 0;
  /// Records of the source in one turn.
  static constexpr std::size_t kDrainAtOnce = 1024;
  /// A busy subscriber lets the journal fill for a moment: so long the source waits for it before anything is let go.
  static constexpr std::uint64_t kHeldGraceNs = 100'000'000;

  bool traffic_ = false;  ///< nobody's connections wait for the journal
  GivingWay giving_way_;
  std::uint64_t passed_ = 0;  ///< of this drain: counted and let go
  std::uint64_t passed_first_ns_ = 0;
  std::uint64_t passed_last_ns_ = 0;
  bool passing_ = false;
  bool source_watched_ = false;
  std::uint64_t looked_cpu_ns_ = 0;   ///< processor time when the source was last looked at
  Lately away_;                       ///< processor time spent on anything else between two looks, ns
  bool held_ = false;
  bool held_said_ = false;
  std::uint64_t held_since_ns_ = 0;
  bool lingering_ = false;
  bool told_again_ = false;
  bool abandoned_ = false;  ///< at a stop: the subscribers do not go on
};

}  // namespace vslog
