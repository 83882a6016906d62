#include "daemon/daemon.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <system_error>

#include "daemon/controls.h"
#include "daemon/loss_ledger.h"
#include "event/clock.h"

namespace vslog {
namespace {

enum Key : std::uint64_t { kSourceKey, kServerKey, kSignalKey, kTickKey, kLingerKey, kParentKey, kControlsKey };

constexpr std::size_t kDrainAtOnce = 1024;
/// A batch takes this part of the journal at most, so that one can be acknowledged while others are made.
constexpr std::uint64_t kBatchesInJournal = 16;
/// While nobody watches live, a batch may wait this many times as long: what is stored is not looked at before its segment is sealed, and large batches cost everybody less.
constexpr std::uint32_t kUnwatchedLinger = 4;
/// At a stop: how long we wait at a time for a subscriber to go on.
constexpr int kWaitMs = 50;
/// A record of a source takes as much of its ring at least, bytes; and so many turns are for what stands before the ring.
constexpr std::uint64_t kLeastRecord = 64;
constexpr std::uint64_t kLastTurns = 16;
constexpr std::uint64_t kHeldLongNs = 1'000'000'000;

std::string read_line(const char* path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

std::string machine_name() {
  utsname u{};
  uname(&u);
  return u.nodename;
}

UniqueFd checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return UniqueFd(fd);
}

void log(const std::string& sentence) { std::fprintf(stderr, "vslog-capture: %s\n", sentence.c_str()); }

}  // namespace

Daemon::Daemon(const DaemonOptions& options)
    : options_(options),
      policy_(options.events),
      node_(options.node.empty() ? machine_name() : options.node),
      boot_id_(read_line("/proc/sys/kernel/random/boot_id")),
      started_ns_(clock_ns(CLOCK_REALTIME)),
      journal_({options.journal, options.journal_size, boot_id_, started_ns_ / 1'000'000}),
      mark_(journal_.mark()),
      batch_(node_, journal_.epoch(), journal_.next_sequence(), journal_.capacity() / kBatchesInJournal),
      source_(make_source(options.source)),
      exchange_{journal_, node_, boot_id_, std::string(source_->name()), "vslog-capture " + std::string(version()), [this] { return status(); }, this},
      controls_(std::make_unique<Controls>(options, *source_, boot_id_, [this](const ControlRecord& record) { control(record); }, Controls::Turn{[this](std::uint32_t ms) { options_.linger_ms = ms; }, &policy_})),
      server_({options.socket, options.socket_group, options.admin_group}, exchange_),
      epoll_(checked(epoll_create1(EPOLL_CLOEXEC), "cannot make an epoll descriptor")),
      ticker_(checked(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "cannot make a timer")),
      linger_(checked(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "cannot make a timer")) {
  if (!journal_.notice().empty()) log(journal_.notice());
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_ = checked(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), "cannot watch signals");
  const itimerspec second{{1, 0}, {1, 0}};
  timerfd_settime(ticker_.get(), 0, &second, nullptr);
  exchange_.administration = &controls_->handler();
  exchange_.admin_group = options_.admin_group;
  start_source();
  watch(source_->poll_fd(), kSourceKey);
  if (controls_->poll_fd() >= 0) watch(controls_->poll_fd(), kControlsKey);
  watch(server_.poll_fd(), kServerKey);
  watch(signals_.get(), kSignalKey);
  watch(ticker_.get(), kTickKey);
  watch(linger_.get(), kLingerKey);
  if (options_.with_parent) watch_parent();
}

Daemon::~Daemon() = default;

void Daemon::watch(int fd, std::uint64_t key) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = key}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) throw std::system_error(errno, std::generic_category(), "cannot watch a descriptor");
}

void Daemon::watch_parent() {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kParentKey}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0) throw SetupError("--with-parent needs a pipe or socket as standard input.");
}

bool Daemon::parent_gone() {
  std::array<char, 64> what_it_says;
  const ssize_t n = read(STDIN_FILENO, what_it_says.data(), what_it_says.size());
  return n == 0 || (n < 0 && errno != EINTR);
}

ControlRecord Daemon::own_record(ControlKind kind) const {
  ControlRecord c;
  c.kind = kind;
  c.time_ns = clock_ns(CLOCK_REALTIME);
  c.through = Through::vslog;
  c.uid = getuid();
  c.pid = static_cast<std::uint32_t>(getpid());
  c.name = version();
  c.boot_id = boot_id_;
  return c;
}

void Daemon::start_source() {
  source_->start(mark_.cursor);
  mark_.cursor = source_->cursor();
  if (source_->fresh()) mark_.reported = {};  // its counters began anew
  ControlRecord started = own_record(ControlKind::capture_started);
  started.fresh = source_->fresh();
  control(started);
  if (journal_.abandoned() > 0) {
    ControlRecord lost = own_record(ControlKind::loss);
    lost.where = LossPlace::journal;
    lost.lost = journal_.abandoned();
    lost.detail = journal_.notice();
    control(lost);
  }
  controls_->start();
  if (!commit(true)) hold();
}

void Daemon::conn(const ConnRecord& record) {
  if (policy_.is_plain()) return batch_.add(record);
  if (!policy_.admits(record)) return;
  ConnRecord shown = record;
  policy_.hide(shown);
  batch_.add(shown);
}

void Daemon::control(const ControlRecord& record) { batch_.add(record); }

bool Daemon::list(const engine::ConnFilter& filter, const std::function<void(const ConnRecord&)>& each) {
  if (!source_->lists_connections()) return false;
  if (filter.idle_at_least && !source_->owns_connections()) {
    throw RequestError(EOPNOTSUPP, "idle_ns", "source " + std::string(source_->name()) + " does not know when a connection had its last packet: ask without that; source engine knows.");
  }
  // A reader sees of an address what the log has of it, and cannot ask for more either.
  source_->visit(policy_.on_shown(filter), [&](const ConnRecord& record) {
    ConnRecord shown = record;
    policy_.hide(shown);
    each(shown);
  });
  return true;
}

bool Daemon::expire(const ExpireRequest& request, const Author& author, ConnExpired& result) {
  ExpireRequest shown = request;
  shown.filter = policy_.on_shown(request.filter);
  if (!source_->owns_connections()) return controls_->expire(shown, author, result);
  if (request.dry_run) {
    source_->visit(shown.filter, [&result](const ConnRecord&) { ++result.matched; });
    return true;
  }
  const engine::ExpireResult done = source_->expire(shown.filter);
  result.matched = done.matched;
  result.ended = done.ended;
  return true;
}

bool Daemon::commit(bool urgent) {
  if (batch_.empty()) return true;
  const std::vector<FinishedBatch> batches = batch_.finish();
  std::uint64_t bytes = 0;
  for (const FinishedBatch& b : batches) bytes += b.frame.size();
  if (!journal_.has_room(bytes, urgent)) return false;
  const std::uint64_t first = journal_.end();
  journal_.commit(batches, mark_);
  events_ += batch_.records();
  batch_.clear(journal_.next_sequence());
  source_->committed(mark_.cursor);
  const KeptBatch* kept = journal_.at(first);
  for (std::uint64_t at = first; kept != nullptr; kept = journal_.at(at)) {
    server_.published(*kept);
    at = kept->position + kept->size;
  }
  server_.flush();
  return true;
}

void Daemon::hold() {
  if (held_) return;
  held_ = true;
  arm_linger(false);
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, source_->poll_fd(), nullptr);
  held_since_ns_ = clock_ns(CLOCK_MONOTONIC);
}

void Daemon::resume() {
  if (!held_ || !commit()) return;
  held_ = false;
  watch(source_->poll_fd(), kSourceKey);
  if (held_said_) log("the journal has room again; the source goes on.");
  held_said_ = false;
}

void Daemon::arm_linger(bool on) {
  if (on == lingering_) return;
  lingering_ = on;
  const std::uint32_t ms = on ? options_.linger_ms * (exchange_.live == 0 ? kUnwatchedLinger : 1) : 0;
  const itimerspec spec{{0, 0}, {ms / 1000, static_cast<long>(ms % 1000) * 1'000'000}};
  timerfd_settime(linger_.get(), 0, &spec, nullptr);
}

bool Daemon::drain() {
  const std::size_t taken = source_->drain(*this, kDrainAtOnce);
  mark_.cursor = source_->cursor();
  if (taken > 0) write_losses();
  const bool more = taken == kDrainAtOnce;
  if (batch_.empty()) {
    if (taken > 0) source_->committed(mark_.cursor);
    return more;
  }
  if (batch_.full() || (!more && options_.linger_ms == 0)) {
    arm_linger(false);
    if (!commit()) {
      hold();
      return false;
    }
  } else {
    arm_linger(true);
  }
  return more;
}

void Daemon::write_losses() {
  if (held_) return;
  const std::vector<LossTotal> totals = source_->losses();
  const std::uint64_t now = clock_ns(CLOCK_REALTIME);
  for (const ControlRecord& c : unreported_losses(totals, mark_.reported, now)) control(c);
  if (journal_.has_durable() && journal_.overwritten() > mark_.overwritten_reported) {
    ControlRecord c = own_record(ControlKind::loss);
    c.where = LossPlace::journal;
    c.lost = journal_.overwritten() - mark_.overwritten_reported;
    c.first_ns = journal_.overwritten_first_ns();
    c.last_ns = journal_.overwritten_last_ns();
    c.detail = "the journal was overwritten before anybody subscribed; start the collector with the capture, or give it a bigger --journal-size";
    control(c);
    mark_.overwritten_reported = journal_.overwritten();
  }
}

void Daemon::tick() {
  source_->tick();
  controls_->tick();
  write_losses();
  if (const std::optional<ControlRecord> summary = policy_.summary()) control(*summary);
  // Short waits are how a busy subscriber sets the pace; a long one is worth a line.
  if (held_ && !held_said_ && clock_ns(CLOCK_MONOTONIC) - held_since_ns_ > kHeldLongNs) {
    held_said_ = true;
    log("the journal is full because a durable subscriber does not acknowledge; the source waits.");
  }
  if (!held_ && !batch_.empty() && !lingering_ && !commit()) hold();
}

void Daemon::run() {
  std::printf("ready: source %s, node %s, epoch %s, socket %s\n", std::string(source_->name()).c_str(), node_.c_str(), journal_.epoch().c_str(), options_.socket.c_str());
  std::fflush(stdout);
  bool more = true;
  for (;;) {
    std::array<epoll_event, 8> events;
    const int n = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), more ? 0 : -1);
    bool drain_now = more;
    for (int i = 0; i < n; ++i) {
      std::uint64_t count = 0;
      switch (events[static_cast<std::size_t>(i)].data.u64) {
        case kSourceKey: drain_now = true; break;
        case kServerKey:
          server_.handle();
          write_losses();
          if (!held_ && !batch_.empty()) arm_linger(true);
          resume();
          break;
        case kControlsKey:
          controls_->drain();
          if (!held_ && !batch_.empty()) arm_linger(true);
          break;
        case kSignalKey: {
          signalfd_siginfo info{};
          if (read(signals_.get(), &info, sizeof info) == sizeof info) return stop();
          break;
        }
        case kParentKey:
          if (parent_gone()) return stop();
          break;
        case kTickKey:
          if (read(ticker_.get(), &count, sizeof count) > 0) tick();
          break;
        case kLingerKey:
          if (read(linger_.get(), &count, sizeof count) > 0) {
            lingering_ = false;
            if (!held_ && !commit()) hold();
          }
          break;
        default: break;
      }
    }
    more = drain_now && !held_ && drain();
  }
}

bool Daemon::told_again() {
  signalfd_siginfo info{};
  told_again_ = told_again_ || read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info);
  return told_again_;
}

Stall Daemon::new_stall() const { return Stall(options_.stall_timeout_ms * 1'000'000ULL); }

bool Daemon::goes_on(Stall& stall) {
  std::uint64_t acknowledged = 0;
  for (const DurableSlot& d : journal_.durables()) acknowledged += d.acknowledged;
  abandoned_ = abandoned_ || stall.is_over(acknowledged, clock_ns(CLOCK_MONOTONIC));
  if (abandoned_ || told_again()) return false;
  epoll_event event{};
  epoll_wait(server_.poll_fd(), &event, 1, kWaitMs);
  server_.handle();
  return true;
}

bool Daemon::commit_patiently() {
  for (Stall stall = new_stall(); !commit();) {
    if (!goes_on(stall)) return false;
  }
  held_ = false;
  return true;
}

void Daemon::stop() {
  // What had happened when we were told. What a source brings that never ends must not keep us.
  for (std::uint64_t turns = source_->figures().ring_used / kLeastRecord / kDrainAtOnce + kLastTurns; turns > 0; --turns) {
    if (held_ && !commit_patiently()) break;
    const bool more = drain();
    if (told_again()) return;
    if (!more && !held_) break;
  }
  // What ends with the source. It has no next start, so all of it is taken; what the journal has no room for is counted as lost.
  source_->finish();
  if (source_->owns_connections()) {
    bool room = true;
    while (source_->drain(*this, kDrainAtOnce) == kDrainAtOnce) {
      if (room && batch_.full()) room = commit_patiently();
      if (told_again()) return;
    }
  }
  controls_->stop();
  write_losses();
  if (const std::optional<ControlRecord> summary = policy_.summary()) control(*summary);
  const bool whole = commit_patiently();
  if (told_again()) return;
  if (!whole) {
    // It stays in the source, for the next start, if that is to go on.
    if (options_.detach_on_exit || source_->owns_connections()) {
      ControlRecord lost = own_record(ControlKind::loss);
      lost.where = LossPlace::journal;
      lost.lost = batch_.records();
      lost.detail = "the journal was full when the capture was told to stop";
      mark_ = journal_.mark();
      batch_.clear(journal_.next_sequence());
      control(lost);
    } else {
      mark_ = journal_.mark();
      batch_.clear(journal_.next_sequence());
    }
  }
  control(own_record(ControlKind::capture_stopped));
  if (!commit(true)) log("the journal has no room for the record of this stop.");
  source_->stop(options_.detach_on_exit);
  for (Stall stall = new_stall(); !server_.idle() && goes_on(stall);) {
  }
}

SourceStatus Daemon::status() {
  SourceStatus s;
  s.source = source_->name();
  s.epoch = journal_.epoch();
  s.next_sequence = journal_.next_sequence();
  s.events = events_;
  s.journal_bytes = journal_.capacity();
  s.journal_used = journal_.used();
  const SourceFigures f = source_->figures();
  s.ring_bytes = f.ring_bytes;
  s.ring_used = f.ring_used;
  s.connections = f.connections;
  s.malformed = f.malformed;
  for (const LossTotal& l : source_->losses()) s.losses.push_back({std::string(to_string(l.where)), l.lost});
  if (journal_.overwritten() > 0) s.losses.push_back({std::string(to_string(LossPlace::journal)), journal_.overwritten()});
  s.pid = static_cast<std::uint32_t>(getpid());
  std::ifstream statm("/proc/self/statm");
  std::uint64_t pages = 0;
  statm >> pages >> pages;
  s.rss_bytes = pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  s.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  s.started_ns = started_ns_;
  s.state = "running";
  if (held_) {
    std::string slowest;
    std::uint64_t least = UINT64_MAX;
    for (const DurableSlot& d : journal_.durables()) {
      if (d.acknowledged < least) slowest = d.name;
      least = std::min(least, d.acknowledged);
    }
    s.state = "the journal is full: the source waits for subscriber " + slowest + " to acknowledge what follows sequence " + std::to_string(least) +
              "; start that one, or drop it with EVENT_FORGET";
  }
  return s;
}

}  // namespace vslog
