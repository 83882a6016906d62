#include "source/conntrack/conntrack_source.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "event/clock.h"
#include "source/conntrack/conntrack_check.h"
#include "source/conntrack/flow_events.h"
#include "source/conntrack/flow_log.h"
#include "source/conntrack/flow_lookup.h"
#include "source/conntrack/flow_parser.h"
#include "source/conntrack/flow_records.h"
#include "source/record_match.h"
#include "source/conntrack/table_comparison.h"
#include "source/conntrack/table_dump.h"
#include "wire/unique_fd.h"

namespace vslog {
namespace {

/// After a comparison the next one waits this many times as long as it took, so that a storm that does not end does not become a storm of dumps.
constexpr std::uint64_t kRestFactor = 4;
/// Events whose flows are looked up together.
constexpr std::size_t kAhead = 16;
constexpr std::uint64_t kSecond = 1'000'000'000;

std::uint32_t own_netns() {
  struct stat info{};
  if (stat("/proc/self/ns/net", &info) != 0) throw std::system_error(errno, std::generic_category(), "cannot read /proc/self/ns/net");
  return static_cast<std::uint32_t>(info.st_ino);
}

/// Ids of a later start are greater: the start's second, and 2^30 flows for each second that it lasts.
std::uint64_t first_id() {
  const std::uint64_t now = clock_ns(CLOCK_REALTIME);
  return (now / kSecond) << 30 | (now % kSecond);
}

/// With 1 the kernel tells the end of every flow; with 2 (auto) only of those that began while somebody listened.
bool ends_may_be_silent() {
  std::ifstream in("/proc/sys/net/netfilter/nf_conntrack_events");
  std::string value;
  in >> value;
  return value != "1";
}

void say(const std::string& sentence) { std::fprintf(stderr, "vslog-capture: %s\n", sentence.c_str()); }

UniqueFd checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return UniqueFd(fd);
}

class ConntrackSource final : public Source, private FlowRecords, private KernelTable {
 public:
  explicit ConntrackSource(const ConntrackOptions& options) : options_(options), filter_(options) {}

  std::string_view name() const override { return "conntrack"; }
  bool fresh() const override { return true; }
  int poll_fd() const override { return poll_.get(); }
  std::uint64_t cursor() const override { return 0; }
  void committed(std::uint64_t /*cursor*/) override {}
  bool lists_connections() const override { return true; }

  void start(std::uint64_t /*cursor*/) override {
    for (const std::string& sentence : examine_conntrack()) say(sentence);
    netns_ = own_netns();
    log_.emplace(options_, first_id(), netns_, ends_may_be_silent());
    KernelTable& kernel = *this;
    comparison_.emplace(log_->table(), kernel, options_.reliable, TableComparison::Outcome{
        [this](const Flow& flow) { log_->listed(flow, clock_ns(CLOCK_REALTIME), comparison_->generation(), *this); },
        [this](const KnownFlow& known) { log_->gone(known, clock_ns(CLOCK_REALTIME), *this); },
    });
    events_ = open_flow_events(options_, say);
    poll_ = checked(epoll_create1(EPOLL_CLOEXEC), "cannot make an epoll descriptor");
    wake_ = checked(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "cannot make an event descriptor");
    for (const int fd : {events_->poll_fd(), wake_.get()}) {
      epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
      if (epoll_ctl(poll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) throw std::system_error(errno, std::generic_category(), "cannot watch the queue of events");
    }
    // What is there now comes after the events have begun, so that nothing falls between.
    compare();
    wake();
  }

  std::size_t drain(EventSink& sink, std::size_t max) override {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t ignored = read(wake_.get(), &count, sizeof count);
    events_->woken();
    sink_ = &sink;
    std::size_t taken = 0;
    for (bool more = true; more && taken < max;) {
      const std::size_t wanted = std::min(kAhead, max - taken);
      const std::size_t came = take_some(wanted);
      more = came == wanted;
      taken += came;
    }
    if (compare_again_ && !comparison_->running() && clock_ns(CLOCK_MONOTONIC) >= rest_until_ns_) compare();
    if (comparison_->running()) {
      const TableComparison::Work work = comparison_->work(max);
      malformed_ += work.malformed;
      if (work.barrier) events_->require_barrier();
      if (!comparison_->running()) compared();
      if (work.more) taken = max;
    }
    sink_ = nullptr;
    return taken;
  }

  void tick() override {
    const std::uint64_t now = clock_ns(CLOCK_MONOTONIC);
    if (options_.resync_s > 0 && log_->silent() > 0 && now >= compared_ns_ + options_.resync_s * kSecond) compare_again_ = log_->keeps_table();
    // The kernel tells an end before it takes the flow out of its table: a dump that is quick after a gap may still show one whose end was lost.
    if (look_twice_ && !compare_again_ && !comparison_->running() && now >= compared_ns_ + kSecond) {
      look_twice_ = false;
      compare_again_ = true;
    }
    events_->tick();
    if (compare_again_) wake();
  }

  std::vector<LossTotal> losses() override {
    const FlowEvents::Losses lost = events_->losses();
    return {
        {LossPlace::source, lost.lost, lost.first_ns, lost.last_ns,
         std::string("the kernel had no room for events of connection tracking; the log was compared with its table after that. ") + events_->remedy()},
        {LossPlace::conn_map, log_->not_remembered(), 0, 0, "the table of remembered connections was full: their changes are not told, and their end as that of an unknown one; give the capture a bigger --max-conns"},
        {LossPlace::malformed, malformed_, 0, 0, "messages of the kernel's connection tracking could not be read"},
    };
  }

  SourceFigures figures() override { return {events_->size(), events_->used(), log_->table().size(), malformed_}; }

  std::unique_ptr<ConnWalk> walk(const engine::ConnFilter& wanted) override { return std::make_unique<Walk>(*this, wanted); }

  void stop(bool /*detach*/) override {}  // nothing of it stays in the kernel

 private:
  class Walk final : public ConnWalk {
   public:
    Walk(ConntrackSource& source, engine::ConnFilter wanted) : source_(source), wanted_(std::move(wanted)), dump_(source.filter_), now_(clock_ns(CLOCK_REALTIME)) {}

    bool next(const std::function<void(const ConnRecord&)>& each) override {
      return !dump_.next([&](const Flow& flow) {
                     ConnRecord r = record_of(flow, EventKind::snapshot, now_);
                     const KnownFlow* const known = source_.log_->table().find(key_of(flow));
                     r.netns = source_.netns_;
                     r.conn_id = known != nullptr ? known->conn_id : 0;
                     r.created_ns = flow.start_ns == 0 && known != nullptr ? known->created_ns : flow.start_ns;
                     if (matches(wanted_, r, now_)) each(r);
                   }).done;
    }

   private:
    ConntrackSource& source_;
    engine::ConnFilter wanted_;
    TableDump dump_;
    std::uint64_t now_;
  };

  void record(const ConnRecord& record) override { sink_->conn(record); }

  std::unique_ptr<FlowListing> list() override { return std::make_unique<TableDump>(filter_, options_.reliable); }

  bool has(const FlowKey& key) override {
    if (!lookup_) lookup_.emplace();
    return lookup_->has(key);
  }

  /// Takes so many items, kAhead at most; fewer when there are no more. The table is far larger than the processor's caches, so what several events will read of it is fetched at once.
  std::size_t take_some(std::size_t wanted) {
    std::size_t came = 0;
    std::size_t flows = 0;
    for (FlowEvents::Item item; came < wanted && events_->next(item);) {
      ++came;
      if (item.kind != FlowEvents::Kind::message) {
        tell(std::exchange(flows, 0));
        if (item.kind == FlowEvents::Kind::barrier) comparison_->barrier();
        else compare_again_ = look_twice_ = log_->keeps_table();
        continue;
      }
      Ahead& next = ahead_[flows];
      const Parsed parsed = parse_flow(item.bytes, next.flow);
      if (parsed == Parsed::malformed) ++malformed_;
      if (parsed != Parsed::flow || !filter_.takes(next.flow)) continue;
      next.name = key_of(next.flow);
      next.time_ns = item.time_ns;
      log_->table().fetch_slot(next.name);
      ++flows;
    }
    tell(flows);
    return came;
  }

  void tell(std::size_t flows) {
    const std::span<const Ahead> all(ahead_.data(), flows);
    for (const Ahead& a : all) log_->table().fetch_entry(a.name);
    log_->set_whole(compared_gaps_ == events_->gaps());
    for (const Ahead& a : all) {
      log_->event(a.flow, a.name, a.time_ns, comparison_->generation(), *this);
      if (a.flow.kind == Flow::Kind::destroyed) comparison_->ended(a.name);
    }
  }

  void compare() {
    compare_again_ = false;
    if (!log_->keeps_table()) return;
    begun_ns_ = clock_ns(CLOCK_MONOTONIC);
    begun_gaps_ = events_->gaps();
    comparison_->begin();
  }

  void compared() {
    compared_ns_ = clock_ns(CLOCK_MONOTONIC);
    // One that decides nothing leaves a log that was whole as it was.
    if (!comparison_->undecided()) compared_gaps_ = begun_gaps_;
    rest_until_ns_ = compared_ns_ + kRestFactor * (compared_ns_ - begun_ns_);
    lookup_.reset();
    if (comparison_->undecided()) look_twice_ = true;
  }

  void wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t ignored = write(wake_.get(), &one, sizeof one);  // a full counter is readable too
  }

  struct Ahead {
    Flow flow;
    FlowName name;
    std::uint64_t time_ns = 0;
  };

  ConntrackOptions options_;
  FlowFilter filter_;
  std::array<Ahead, kAhead> ahead_;
  std::uint32_t netns_ = 0;
  std::optional<FlowLog> log_;
  std::optional<TableComparison> comparison_;
  std::optional<FlowLookup> lookup_;
  std::unique_ptr<FlowEvents> events_;
  UniqueFd poll_;
  UniqueFd wake_;
  EventSink* sink_ = nullptr;
  bool compare_again_ = false;
  bool look_twice_ = false;
  /// Of the events, when the comparison that runs, and the last one that left the log as the kernel's table, began.
  std::uint64_t begun_gaps_ = 0;
  std::optional<std::uint64_t> compared_gaps_;
  std::uint64_t begun_ns_ = 0;
  std::uint64_t compared_ns_ = 0;
  std::uint64_t rest_until_ns_ = 0;
  std::uint64_t malformed_ = 0;
};

}  // namespace

std::unique_ptr<Source> make_conntrack_source(const ConntrackOptions& options) { return std::make_unique<ConntrackSource>(options); }

}  // namespace vslog
