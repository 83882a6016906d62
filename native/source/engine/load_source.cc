#include "source/engine/load_source.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <deque>
#include <system_error>
#include <variant>

#include "engine/engine.h"
#include "event/clock.h"
#include "source/engine/engine_setting.h"
#include "source/engine/engine_source.h"
#include "source/engine/engine_walk.h"
#include "source/engine/load_traffic.h"
#include "source/engine/service_options.h"
#include "wire/unique_fd.h"

namespace vslog {
namespace {

constexpr long kTickNs = 2'000'000;
/// Between two connections at full speed, on the engine's clock. That runs by the packets then, not by the machine's, or the events would not be repeatable.
constexpr engine::Time kFullSpeedStep = 1000;
/// How far the clock goes at a time when only timers are left.
constexpr engine::Time kLastSteps = engine::kMillisecond;
/// Expired at once, and readable until it is read or set anew.
constexpr itimerspec kNow{{0, 0}, {0, 1}};
/// What has ended goes soon: at a million connections a second the kernel's two minutes of TIME_WAIT would be a hundred million entries.
constexpr engine::Time kShort = 50 * engine::kMillisecond;

engine::EngineOptions load_engine_options(const EngineSourceOptions& options) {
  engine::EngineOptions o = engine_options(options);
  o.seed = options.load_options.seed;
  const engine::Time established = o.timeouts.tcp[static_cast<std::size_t>(engine::TcpState::established)];
  o.timeouts.tcp.fill(kShort);
  o.timeouts.tcp[static_cast<std::size_t>(engine::TcpState::established)] = established;
  // Nothing else ends UDP.
  o.timeouts.udp = o.timeouts.tcp[static_cast<std::size_t>(engine::TcpState::none)];
  return o;
}

EngineSourceOptions with_services(EngineSourceOptions options) {
  if (options.services.empty()) options.services = default_load_services();
  return options;
}

class LoadSource final : public EngineSource, private engine::Observer {
 public:
  explicit LoadSource(const EngineSourceOptions& options)
      : options_(with_services(options)),
        timer_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
        engine_(load_engine_options(options), *this),
        started_(clock_ns(CLOCK_MONOTONIC)),
        traffic_(options.load_options, options_.services, started_, options.load_options.rate == 0 ? kFullSpeedStep : engine::kSecond / options.load_options.rate) {
    if (!timer_) throw std::system_error(errno, std::generic_category(), "cannot make a timer");
    engine_.advance(started_);
    configure(engine_, options_, ourselves());
  }

  engine::Engine& engine() override { return engine_; }
  std::string_view name() const override { return "engine"; }
  bool fresh() const override { return true; }
  int poll_fd() const override { return timer_.get(); }
  std::uint64_t cursor() const override { return 0; }
  void committed(std::uint64_t) override {}
  void tick() override {}
  std::vector<LossTotal> losses() override { return {}; }
  void stop(bool) override {}

  void finish() override {
    over_ = true;
    engine_.expire({}, EndReason::capture_stopped);
  }

  void start(std::uint64_t) override {
    // Without a rate: expired long ago and never read, so always readable.
    set_timer(options_.load_options.rate == 0 ? kNow : itimerspec{{0, kTickNs}, {0, 1}});
  }

  SourceFigures figures() override {
    SourceFigures f;
    f.connections = engine_.figures().connections;
    return f;
  }

  std::size_t drain(EventSink& sink, std::size_t max) override {
    if (options_.load_options.rate != 0) {
      std::uint64_t count = 0;
      [[maybe_unused]] const ssize_t ignored = read(timer_.get(), &count, sizeof count);
    }
    sink_ = &sink;
    taken_ = 0;
    for (; taken_ < max && !waiting_.empty(); waiting_.pop_front()) std::visit([this](const auto& r) { put(r); }, waiting_.front());
    // At a rate the engine's clock keeps to the machine's.
    const engine::Time until = options_.load_options.rate == 0 ? UINT64_MAX : clock_ns(CLOCK_MONOTONIC);
    while (!over_ && taken_ < max && step(until)) {
    }
    if (over_ && waiting_.empty()) set_timer({});
    sink_ = nullptr;
    return std::min(taken_, max);
  }

  bool owns_connections() const override { return true; }

  std::unique_ptr<ConnWalk> walk(const engine::ConnFilter& filter) override { return std::make_unique<EngineWalk>(engine_, filter); }

  engine::ExpireResult expire(const engine::ConnFilter& filter) override { return engine_.expire(filter); }

 private:
  void conn(const ConnRecord& record) override {
    ++events_;
    take(record);
  }
  void control(const ControlRecord& record) override { take(record); }
  void ended(std::uint32_t, EndReason) override {}

  template <typename Record>
  void take(const Record& record) {
    if (sink_ != nullptr) return put(record);
    waiting_.emplace_back(record);
    // Somebody changes something after the load: nothing else has it fetched.
    if (over_) set_timer(kNow);
  }
  void put(const ConnRecord& record) {
    ++taken_;
    sink_->conn(record);
  }
  void put(const ControlRecord& record) {
    ++taken_;
    sink_->control(record);
  }

  /// One connection more. False: nothing is due before `until`.
  bool step(engine::Time until) {
    if (traffic_.now() > until) {
      if (engine_.now() < until) engine_.advance(until);
      return false;
    }
    if (traffic_.next(engine_)) return true;
    const engine::Time next = engine_.now() + kLastSteps;
    if (next > until) return false;
    engine_.advance(next);
    if (engine_.figures().connections == 0) say_over();
    return !over_;
  }

  void say_over() {
    over_ = true;
    std::fprintf(stderr, "vslog-capture: the load is over: %llu connections, %llu events of connections.\n", static_cast<unsigned long long>(traffic_.begun()),
                 static_cast<unsigned long long>(events_));
  }

  void set_timer(const itimerspec& spec) { timerfd_settime(timer_.get(), 0, &spec, nullptr); }

  EngineSourceOptions options_;
  UniqueFd timer_;
  engine::Engine engine_;
  engine::Time started_;
  LoadTraffic traffic_;
  EventSink* sink_ = nullptr;
  std::deque<std::variant<ConnRecord, ControlRecord>> waiting_;
  std::size_t taken_ = 0;
  std::uint64_t events_ = 0;
  bool over_ = false;
};

}  // namespace

std::vector<ServiceSetup> default_load_services() {
  std::vector<ServiceSetup> services;
  for (const char* at : {"tcp://192.0.2.1:80", "tcp://192.0.2.1:443", "tcp://192.0.2.2:443", "udp://192.0.2.3:53"}) {
    ServiceSetup s;
    s.service.key = parse_service_key(at);
    const std::string port = std::to_string(s.service.key.at.port);
    const std::string net = "198.51.100." + std::to_string(services.size() + 1);  // .11 to .14, .21 to .24, and so on
    for (const char* last : {"1", "2", "3", "4"}) {
      std::string real = net;
      real.append(last).append(":").append(port).append(",weight=").append(last);
      s.reals.push_back(parse_real(real));
    }
    services.push_back(std::move(s));
  }
  return services;
}

std::unique_ptr<Source> make_load_source(const EngineSourceOptions& options) { return std::make_unique<LoadSource>(options); }

}  // namespace vslog
