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
#include <utility>

#include "confine/capabilities.h"
#include "confine/confine.h"
#include "daemon/controls.h"
#include "daemon/log.h"
#include "daemon/loss_ledger.h"
#include "event/clock.h"
#include "event/text.h"

namespace vslog {
namespace {

/// A batch takes this part of the journal at most, so that one can be acknowledged while others are made.
constexpr std::uint64_t kBatchesInJournal = 16;
/// While nobody watches live, a batch may wait this many times as long: what is stored is not looked at before its segment is sealed, and large batches cost everybody less.
constexpr std::uint32_t kUnwatchedLinger = 4;
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

/// Whoever asks sees of a client what the log has of it.
class HiddenWalk final : public ConnWalk {
 public:
  HiddenWalk(std::unique_ptr<ConnWalk> walk, EventPolicy& policy) : walk_(std::move(walk)), policy_(policy) {}
  bool next(const std::function<void(const ConnRecord&)>& each) override {
    return walk_->next([&](const ConnRecord& record) {
      ConnRecord shown = record;
      policy_.hide(shown);
      each(shown);
    });
  }

 private:
  std::unique_ptr<ConnWalk> walk_;
  EventPolicy& policy_;
};

}  // namespace

Daemon::Daemon(const DaemonOptions& options)
    : options_(options),
      policy_(options.events),
      node_(options.node.empty() ? machine_name() : options.node),
      boot_id_(read_line("/proc/sys/kernel/random/boot_id")),
      started_ns_(clock_ns(CLOCK_REALTIME)),
      journal_({options.journal, options.journal_size, boot_id_, started_ns_ / 1'000'000}),
      sync_(journal_.fd(), options.journal_fsync, options.journal_fsync_interval_ms, [] { keep_capabilities(0); }),
      mark_(journal_.mark()),
      batch_(node_, journal_.epoch(), journal_.next_sequence(), journal_.capacity() / kBatchesInJournal),
      source_(make_source(options.source)),
      exchange_{journal_, node_, boot_id_, std::string(source_->name()), "vslog-capture " + std::string(version()), [this] { return status(); }, this},
      controls_(std::make_unique<Controls>(options, *source_, boot_id_, [this](const ControlRecord& record) { control(record); }, Controls::Turn{[this](std::uint32_t ms) { options_.linger_ms = ms; }, &policy_})),
      server_({options.socket, options.socket_group, options.admin_group, options.collector_group, options.max_memory}, exchange_),
      epoll_(checked(epoll_create1(EPOLL_CLOEXEC), "cannot make an epoll descriptor")),
      ticker_(checked(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "cannot make a timer")),
      linger_(checked(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "cannot make a timer")),
      traffic_(options.when_full == WhenFull::traffic || (options.when_full == WhenFull::automatic && source_->carries_traffic())),
      giving_way_({options.subscriber_timeout_ms * 1'000'000, traffic_}) {
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
  exchange_.keeper_group = options_.collector_group;
  exchange_.log = [this](const ControlRecord& record) { control(record); };
  // Nobody is there yet. Whoever was away before goes on being so, if that was in this boot.
  const std::uint64_t now = clock_ns(CLOCK_BOOTTIME);
  for (const DurableSlot& d : journal_.durables()) {
    if (d.away_since_ns == 0 || d.away_since_ns > now || !journal_.continued()) journal_.set_away_since(journal_.durable(d.name), now);
  }
  for (const auto& [name, uid] : options_.given_subscribers) journal_.give(name, uid);
  for (const auto& [name, uid] : options_.expected_subscribers) expect(name, uid, now);
  start_source();
  watch_source();
  if (controls_->poll_fd() >= 0) watch(controls_->poll_fd(), kControlsKey);
  watch(server_.poll_fd(), kServerKey);
  watch(signals_.get(), kSignalKey);
  watch(ticker_.get(), kTickKey);
  watch(linger_.get(), kLingerKey);
  if (options_.with_parent) watch_parent();
  // Programs are pinned, sockets bound, groups looked up.
  if (options_.confined) {
    const std::string less = confine({.source = source_->name(), .other_netns = options_.source.ipvs.all_netns});
    if (!less.empty()) log(less);
  }
}

Daemon::~Daemon() = default;

void Daemon::expect(const std::string& name, uid_t uid, std::uint64_t now) {
  const std::vector<DurableSlot> known = journal_.durables();
  const bool is_known = std::any_of(known.begin(), known.end(), [&name](const DurableSlot& d) { return d.name == name; });
  const int slot = journal_.durable(name, uid);
  if (slot < 0) {
    log("no place is left for the subscriber " + plain_text(name, 64) + ": what happens before it comes may be overwritten.");
    return;
  }
  if (!is_known) journal_.set_away_since(slot, now);
}

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

void Daemon::conn(const ConnRecord& record) {
  if (passing_) {
    if (!policy_.is_plain() && !policy_.admits(record)) return;
    return pass(record.time_ns);
  }
  if (policy_.is_plain()) return batch_.add(record);
  if (!policy_.admits(record)) return;
  ConnRecord shown = record;
  policy_.hide(shown);
  batch_.add(shown);
}

void Daemon::control(const ControlRecord& record) {
  if (passing_) return pass(record.time_ns);
  batch_.add(record);
}

std::unique_ptr<ConnWalk> Daemon::list(const engine::ConnFilter& filter) {
  if (!source_->lists_connections()) return nullptr;
  if (filter.idle_at_least && !source_->owns_connections()) {
    throw RequestError(EOPNOTSUPP, "idle_ns", "source " + std::string(source_->name()) + " does not know when a connection had its last packet: ask without that; source engine knows.");
  }
  // And cannot ask for more either.
  return std::make_unique<HiddenWalk>(source_->walk(policy_.on_shown(filter)), policy_);
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

bool Daemon::commit(bool urgent, bool stopped) {
  if (batch_.empty()) return true;
  const std::vector<FinishedBatch> batches = batch_.finish();
  std::uint64_t bytes = 0;
  for (const FinishedBatch& b : batches) bytes += b.frame.size();
  if (!journal_.has_room(bytes, urgent)) return false;
  const std::uint64_t first = journal_.end();
  journal_.commit(batches, mark_, stopped);
  sync_.committed();
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
}

void Daemon::tick() {
  server_.tick(clock_ns(CLOCK_MONOTONIC));
  give_way();
  write_unlogged();
  source_->tick();
  controls_->tick();
  if (const std::string trouble = sync_.trouble(); !trouble.empty()) log(trouble);
  write_losses();
  if (const std::optional<ControlRecord> summary = policy_.summary()) control(*summary);
  // Short waits are how a busy subscriber sets the pace; a long one is worth a line.
  if (held_ && !held_said_ && clock_ns(CLOCK_MONOTONIC) - held_since_ns_ > kHeldLongNs) {
    held_said_ = true;
    log(std::string("the journal is full because a durable subscriber does not acknowledge; ") + (traffic_ ? "what comes meanwhile is counted as lost." : "the source waits."));
  }
  if (!held_ && !batch_.empty() && !lingering_ && !commit()) hold();
}

bool Daemon::run() {
  std::printf("ready: source %s, node %s, epoch %s, socket %s\n", std::string(source_->name()).c_str(), plain_text(node_, 255).c_str(), journal_.epoch().c_str(), options_.socket.c_str());
  std::fflush(stdout);
  looked_at_source();
  bool more = true;
  for (;;) {
    std::array<epoll_event, 8> events;
    const int n = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_ms(more));
    away_.note(work_ns() - looked_cpu_ns_, clock_ns(CLOCK_MONOTONIC));
    bool drain_now = more;
    bool serve_now = false;
    for (int i = 0; i < n; ++i) {
      std::uint64_t count = 0;
      switch (events[static_cast<std::size_t>(i)].data.u64) {
        case kSourceKey: drain_now = true; break;
        case kServerKey: serve_now = true; break;
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
          // Nobody is left to start who was to come, and the next start must not find the journal in use.
          if (parent_gone()) {
            options_.expected_subscribers.clear();
            return stop();
          }
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
    // The source first, whatever else there is.
    more = passes() ? let_pass() : drain_now && !held_ && drain();
    looked_at_source();
    if (serve_now || server_.wait_ms(clock_ns(CLOCK_MONOTONIC)) == 0) serve();
  }
}

void Daemon::serve() {
  server_.handle();
  write_losses();
  if (!held_ && !batch_.empty()) arm_linger(true);
  resume();
}

int Daemon::wait_ms(bool more) {
  if (more) return 0;
  int least = server_.wait_ms(clock_ns(CLOCK_MONOTONIC));
  // The source is looked at again when its patience is over.
  constexpr auto kGraceMs = static_cast<int>(kHeldGraceNs / 1'000'000);
  if (held_ && traffic_ && !source_watched_) least = least < 0 ? kGraceMs : std::min(least, kGraceMs);
  return least;
}

void Daemon::looked_at_source() { looked_cpu_ns_ = work_ns(); }

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
  s.unlogged = journal_.unlogged().records;
  if (journal_.overwritten() + s.unlogged > 0) s.losses.push_back({std::string(to_string(LossPlace::journal)), journal_.overwritten() + s.unlogged});
  s.longest_away_ns = away_.largest(clock_ns(CLOCK_MONOTONIC));
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
    s.state = "the journal is full: the source waits for subscriber " + slowest + " to acknowledge what follows sequence " + std::to_string(journal_.sequence(least)) +
              (traffic_ ? "; what comes meanwhile is counted as lost" : "") + "; start that one, or give it up by `vslog subscriber forget " + slowest + "`";
  }
  return s;
}

}  // namespace vslog
