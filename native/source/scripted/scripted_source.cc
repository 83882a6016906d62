#include "source/scripted/scripted_source.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <string>
#include <system_error>

#include "event/clock.h"

namespace vslog {
namespace {

// Of every kBlock connection events the first half are creates and the second half their ends, in the same order.
constexpr std::uint64_t kHalf = 32;
constexpr std::uint64_t kBlock = 2 * kHalf;
constexpr std::uint64_t kControlEvery = 10'000;
constexpr long kTickNs = 2'000'000;

/// SplitMix64: a number that looks random, out of a number.
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

Address ipv4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  const std::uint8_t bytes[4] = {a, b, c, d};
  return map_ipv4(bytes);
}

std::uint64_t step_ns(const ScriptedOptions& options) { return options.rate == 0 ? 1000 : 1'000'000'000 / options.rate; }

/// Number among the connection events of the record with this number.
std::uint64_t among_conns(std::uint64_t number) { return number - number / kControlEvery; }

class ScriptedSource final : public Source {
 public:
  explicit ScriptedSource(const ScriptedOptions& options) : options_(options), timer_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
    if (timer_ < 0) throw std::system_error(errno, std::generic_category(), "cannot make a timer");
  }
  ~ScriptedSource() override { close(timer_); }
  ScriptedSource(const ScriptedSource&) = delete;
  ScriptedSource& operator=(const ScriptedSource&) = delete;

  std::string_view name() const override { return "scripted"; }
  bool fresh() const override { return first_ == 0; }
  int poll_fd() const override { return timer_; }
  std::uint64_t cursor() const override { return next_; }
  void committed(std::uint64_t) override {}
  void tick() override {}
  std::vector<LossTotal> losses() override { return {}; }
  void stop(bool) override {}

  void start(std::uint64_t cursor) override {
    first_ = next_ = cursor;
    started_ns_ = clock_ns(CLOCK_MONOTONIC);
    arm();
  }

  SourceFigures figures() override {
    const std::uint64_t in_block = among_conns(next_) % kBlock;
    SourceFigures f;
    f.connections = in_block < kHalf ? in_block : kBlock - in_block;
    return f;
  }

  std::size_t drain(EventSink& sink, std::size_t max) override {
    std::uint64_t expirations = 0;
    if (options_.rate != 0) [[maybe_unused]] const ssize_t ignored = read(timer_, &expirations, sizeof expirations);
    std::uint64_t due = options_.events == 0 ? UINT64_MAX : options_.events;
    if (options_.rate != 0) {
      const double elapsed = static_cast<double>(clock_ns(CLOCK_MONOTONIC) - started_ns_) / 1e9;
      due = std::min(due, first_ + static_cast<std::uint64_t>(elapsed * static_cast<double>(options_.rate)));
    }
    const std::uint64_t count = std::min<std::uint64_t>(max, due > next_ ? due - next_ : 0);
    std::uint64_t now = clock_ns(CLOCK_REALTIME) - count;
    for (std::uint64_t i = 0; i < count; ++i) put(sink, next_++, ++now);
    if (options_.events != 0 && next_ >= options_.events) disarm();
    return count;
  }

 private:
  void put(EventSink& sink, std::uint64_t number, std::uint64_t now) {
    if (is_scripted_control(number)) {
      ControlRecord c;
      c.kind = ControlKind::knob_changed;
      c.time_ns = options_.start_s != 0 ? options_.start_s * 1'000'000'000 + number * step_ns(options_) : now;
      c.name = "net.ipv4.vs.expire_nodest_conn";
      const bool on = number / kControlEvery % 2 == 0;
      c.old_value = on ? "0" : "1";
      c.new_value = on ? "1" : "0";
      c.through = Through::sysctl;
      c.uid = 0;
      c.pid = 1;
      c.command = "sysctl -w net.ipv4.vs.expire_nodest_conn=" + c.new_value;
      return sink.control(c);
    }
    ConnRecord r = scripted_conn(options_, number);
    if (options_.start_s == 0) {
      std::uint64_t& created = created_[r.conn_id % kHalf];
      r.time_ns = now;
      if (r.kind == EventKind::create) created = now;
      r.created_ns = created;  // 0 when its create was an earlier process's
      r.duration_ns = r.kind == EventKind::expire && created != 0 ? now - created : 0;
    }
    sink.conn(r);
  }

  void arm() {
    // Without a rate: expired long ago and never read, so always readable.
    itimerspec spec{{0, kTickNs}, {0, 1}};
    timerfd_settime(timer_, 0, &spec, nullptr);
  }
  void disarm() {
    const itimerspec off{};
    timerfd_settime(timer_, 0, &off, nullptr);
  }

  ScriptedOptions options_;
  int timer_;
  std::uint64_t first_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t started_ns_ = 0;
  std::array<std::uint64_t, kHalf> created_{};
};

}  // namespace

bool is_scripted_control(std::uint64_t number) { return number % kControlEvery == kControlEvery - 1; }

ConnRecord scripted_conn(const ScriptedOptions& options, std::uint64_t number) {
  const std::uint64_t n = among_conns(number);
  const std::uint64_t in_block = n % kBlock;
  const bool ends = in_block >= kHalf;
  const std::uint64_t conn = n / kBlock * kHalf + in_block % kHalf;
  const std::uint64_t r = mix(conn ^ mix(options.seed));
  ConnRecord c;
  c.kind = ends ? EventKind::expire : EventKind::create;
  c.conn_id = (options.seed << 44) + conn;
  c.protocol = r % 8 == 0 ? 17 : 6;
  c.family = 4;
  c.client_addr = ipv4(10, static_cast<std::uint8_t>(r >> 8), static_cast<std::uint8_t>(r >> 16), static_cast<std::uint8_t>(r >> 24));
  c.client_port = static_cast<std::uint16_t>(1024 + (r >> 32) % 60'000);
  c.virtual_addr = ipv4(192, 0, 2, static_cast<std::uint8_t>(1 + (r >> 40) % 4));
  c.virtual_port = c.protocol == 17 ? 53 : 443;
  c.real_addr = ipv4(198, 51, 100, static_cast<std::uint8_t>(1 + (r >> 44) % 16));
  c.real_port = c.protocol == 17 ? 53 : 8443;
  c.flags = 0x100;  // IP_VS_CONN_F_INACTIVE
  c.state = ends ? (c.protocol == 17 ? 1 : 9) : 1;
  c.weight = 100;
  c.scheduled_by = ScheduledBy::scheduler;
  c.timeout_ms = c.protocol == 17 ? 300'000 : 60'000;
  c.netns = 4026531840;
  if (ends) {
    c.reason = EndReason::timeout;
    c.packets_in = 4 + (r >> 48) % 64;
  }
  if (options.start_s != 0) {
    // Its number as a create: the same connection event, kHalf earlier.
    c.time_ns = options.start_s * 1'000'000'000 + number * step_ns(options);
    c.created_ns = ends ? c.time_ns - kHalf * step_ns(options) : c.time_ns;
    c.duration_ns = c.time_ns - c.created_ns;
  }
  return c;
}

std::unique_ptr<Source> make_scripted_source(const ScriptedOptions& options) { return std::make_unique<ScriptedSource>(options); }

}  // namespace vslog
