#include "source/ipvs/ipvs_source.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <deque>
#include <optional>
#include <system_error>
#include <utility>

#include "event/clock.h"
#include "source/bpf/kernel_pid.h"
#include "source/bpf/kernel_ring.h"
#include "source/ipvs/preflight.h"
#include "source/ipvs/programs.h"
#include "source/record_match.h"
#include "source/ipvs/translate.h"
#include "source/ipvs/wall_clock.h"

namespace vslog {
namespace {

BpfFd checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return BpfFd(fd);
}

std::uint32_t own_netns() {
  struct stat info{};
  if (stat("/proc/self/ns/net", &info) != 0) throw std::system_error(errno, std::generic_category(), "cannot read /proc/self/ns/net");
  return static_cast<std::uint32_t>(info.st_ino);
}

/// Changes for others whose records may still be on their way.
constexpr std::size_t kActsKept = 4096;

class IpvsSource final : public Source {
 public:
  explicit IpvsSource(IpvsOptions options) : options_(std::move(options)) {}

  std::string_view name() const override { return "ipvs"; }
  bool fresh() const override { return programs_->fresh(); }
  int poll_fd() const override { return poll_.get(); }

  void start(std::uint64_t cursor) override {
    check_ipvs(options_.pin_dir);
    programs_.emplace(options_);
    ring_.emplace(programs_->ring(), programs_->ring_bytes());
    find_place(cursor);
    translator_.emplace(clock_, ticks_a_second());
    open_poll();
    vslog_config& config = programs_->config();
    config.netns = options_.all_netns ? 0 : own_netns();
    if (programs_->fresh()) begin_snapshot();
  }

  std::size_t drain(EventSink& sink, std::size_t max) override {
    std::uint64_t count = 0;
    if (read(wake_.get(), &count, sizeof count) > 0 || snapshot_.get() >= 0) continue_snapshot();
    if (read(timer_.get(), &count, sizeof count) > 0) sweep();
    if (const std::optional<ClockStep> step = clock_.sample()) say_clock_step(sink, *step);
    std::size_t taken = 0;
    while (taken < max) {
      const KernelRing::Record record = ring_->next();
      if (!record.found) break;
      ++taken;
      if (record.bytes.empty()) continue;
      Signing signing(sink, *this);
      if (!translator_->translate(record.bytes, signing)) say_malformed(sink, record.bytes.size());
    }
    return taken;
  }

  std::uint64_t cursor() const override { return base_ + ring_->position(); }

  void committed(std::uint64_t cursor) override {
    if (ring_->release(cursor - base_)) wake();
  }

  void tick() override {
    const std::uint64_t owed = programs_->config().owed;
    if (owed != settled_ && programs_->run_reconcile().left == 0) settled_ = owed;
  }

  std::vector<LossTotal> losses() override {
    const vslog_loss ring = programs_->loss(VSLOG_LOSS_RING);
    const vslog_loss map = programs_->loss(VSLOG_LOSS_CONN_MAP);
    return {
        {LossPlace::ring, ring.lost, clock_.wall(ring.first), clock_.wall(ring.last),
         "the kernel's event ring was full; give the capture a bigger --ring-size, or the collector a faster disk"},
        {LossPlace::conn_map, map.lost, clock_.wall(map.first), clock_.wall(map.last),
         "the table of remembered connections was full; give the capture a bigger --max-conns"},
    };
  }

  SourceFigures figures() override {
    return {ring_->size(), ring_->produced() - ring_->released(), programs_->config().live, malformed_};
  }

  bool lists_connections() const override { return true; }

  std::unique_ptr<ConnWalk> walk(const engine::ConnFilter& wanted) override { return std::make_unique<Walk>(*this, wanted); }

  void acted(const Author& author, std::uint64_t begin, std::uint64_t end) override {
    acts_.push_back({author, clock_.wall(begin), clock_.wall(end)});
    if (acts_.size() > kActsKept) acts_.pop_front();
  }

  void stop(bool detach) override {
    if (detach) detach_ipvs(options_.pin_dir);
  }

 private:
  /// Reads the remembered connections twice: first the templates, then the others.
  class Walk final : public ConnWalk {
   public:
    Walk(IpvsSource& source, engine::ConnFilter wanted) : source_(source), wanted_(std::move(wanted)), now_(clock_ns(CLOCK_MONOTONIC)) { source.programs_->refresh_conns(); }

    bool next(const std::function<void(const ConnRecord&)>& each) override {
      const std::uint32_t netns = source_.programs_->config().netns;
      const bool more = source_.programs_->next_conns(reading_, [&](const vslog_conn_state& state) {
        if (netns != 0 && state.tuple.netns != netns) return;
        const ConnRecord record = source_.translator_->snapshot(state, now_);
        if (record.is_template == templates_ && matches(wanted_, record, record.time_ns)) each(record);
      });
      if (more) return true;
      reading_.begun = false;
      return std::exchange(templates_, false);
    }

   private:
    IpvsSource& source_;
    engine::ConnFilter wanted_;
    std::uint64_t now_;
    IpvsPrograms::Reading reading_;
    bool templates_ = true;
  };

  /// A change that this process made for somebody.
  struct Act {
    Author author;
    std::uint64_t begin;
    std::uint64_t end;
  };

  /// Puts whoever asked in the place of this process.
  class Signing final : public EventSink {
   public:
    Signing(EventSink& sink, const IpvsSource& source) : sink_(sink), source_(source) {}
    void conn(const ConnRecord& record) override { sink_.conn(record); }
    void control(const ControlRecord& record) override {
      if (record.pid != kernel_pid()) return sink_.control(record);
      ControlRecord signed_record = record;
      for (const Act& act : source_.acts_) {
        if (record.time_ns >= act.begin && record.time_ns <= act.end) sign(signed_record, act.author);
      }
      sink_.control(signed_record);
    }

   private:
    EventSink& sink_;
    const IpvsSource& source_;
  };

  /// Where to go on reading. The journal may be behind the ring's own count (killed between commit and release), or know nothing of this ring.
  void find_place(std::uint64_t cursor) {
    vslog_config& config = programs_->config();
    const std::uint64_t released = ring_->released();
    std::uint64_t place = cursor - config.cursor_base;
    if (programs_->fresh() || cursor == 0 || place < released || place > ring_->produced()) {
      place = released;
      config.cursor_base = cursor - released;
    }
    base_ = config.cursor_base;
    ring_->seek(place);
    ring_->release(place);
  }

  void open_poll() {
    poll_ = checked(epoll_create1(EPOLL_CLOEXEC), "cannot make an epoll descriptor");
    wake_ = checked(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "cannot make an event descriptor");
    timer_ = checked(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "cannot make a timer");
    const timespec interval{options_.nodest_interval_ms / 1000, static_cast<long>(options_.nodest_interval_ms % 1000) * 1'000'000};
    const itimerspec spec{interval, interval};
    timerfd_settime(timer_.get(), 0, &spec, nullptr);
    for (const int fd : {programs_->ring(), wake_.get(), timer_.get()}) {
      epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
      if (epoll_ctl(poll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) throw std::system_error(errno, std::generic_category(), "cannot watch the event ring");
    }
    wake();  // whatever is in the ring already
  }

  void wake() {
    const std::uint64_t one = 1;
    // A full counter is readable too, so a failed write changes nothing.
    [[maybe_unused]] const ssize_t ignored = write(wake_.get(), &one, sizeof one);
  }

  void begin_snapshot() {
    snapshot_ = BpfFd(open("/proc/self/net/ip_vs_conn", O_RDONLY | O_CLOEXEC));
    if (snapshot_.get() < 0) throw std::system_error(errno, std::generic_category(), "cannot read /proc/self/net/ip_vs_conn");
    programs_->config().snapshot_tgid = kernel_pid();
    wake();
  }

  /// Reads one piece of the table, while the ring has room for what it brings: the kernel side makes a record of each connection that it prints.
  void continue_snapshot() {
    if (snapshot_.get() < 0) return;
    if (ring_->produced() - ring_->released() > ring_->size() / 2) {
      wake();
      return;
    }
    std::array<char, 4096> text;
    const ssize_t n = read(snapshot_.get(), text.data(), text.size());
    if (n > 0) {
      wake();
      return;
    }
    programs_->config().snapshot_tgid = 0;
    snapshot_ = BpfFd();
  }

  void sweep() { programs_->run_sweep(); }

  void say_clock_step(EventSink& sink, const ClockStep& step) {
    ControlRecord c;
    c.kind = ControlKind::clock_step;
    c.time_ns = clock_ns(CLOCK_REALTIME);
    c.old_value = std::to_string(step.before);
    c.new_value = std::to_string(step.after);
    c.through = Through::kernel;
    c.detail = "the wall clock was set by " + std::to_string((step.after - step.before) / 1'000'000) + " ms";
    sink.control(c);
  }

  void say_malformed(EventSink& sink, std::size_t size) {
    ++malformed_;
    ControlRecord c;
    c.kind = ControlKind::loss;
    c.where = LossPlace::malformed;
    c.lost = 1;
    c.time_ns = c.first_ns = c.last_ns = clock_.wall(clock_ns(CLOCK_MONOTONIC));
    c.through = Through::kernel;
    c.detail = "a record of " + std::to_string(size) + " bytes from the kernel is of no known type and size";
    sink.control(c);
  }

  IpvsOptions options_;
  WallClock clock_;
  std::optional<IpvsPrograms> programs_;
  std::optional<KernelRing> ring_;
  std::optional<Translator> translator_;
  BpfFd poll_, wake_, timer_, snapshot_;
  std::uint64_t base_ = 0;
  std::uint64_t malformed_ = 0;
  std::uint64_t settled_ = 0;
  std::deque<Act> acts_;
};

}  // namespace

std::unique_ptr<Source> make_ipvs_source(const IpvsOptions& options) { return std::make_unique<IpvsSource>(options); }

bool detach_ipvs(const std::string& pin_dir) { return IpvsPrograms::detach(pin_dir); }

}  // namespace vslog
