#include "source/engine/engine_source.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <deque>
#include <system_error>
#include <variant>
#include <vector>

#include "engine/engine.h"
#include "event/clock.h"
#include "source/engine/engine_setting.h"
#include "source/engine/engine_walk.h"
#include "source/engine/loops.h"
#include "source/engine/service_options.h"
#include "source/engine/tcp_relay.h"
#include "source/engine/udp_relay.h"
#include "wire/journal.h"

namespace vslog {
namespace {

constexpr long kTickNs = 20'000'000;
constexpr int kEventsAtOnce = 256;

class SocketSource final : public EngineSource, private engine::Observer {
 public:
  explicit SocketSource(const EngineSourceOptions& options)
      : options_(options),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        timer_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
        engine_(engine_options(options), *this),
        tcp_(engine_, epoll_.get(), [] { return clock_ns(CLOCK_MONOTONIC); }),
        udp_(engine_, epoll_.get(), [] { return clock_ns(CLOCK_MONOTONIC); }) {
    if (!epoll_ || !timer_) throw std::system_error(errno, std::generic_category(), "cannot make an epoll descriptor or timer");
    if (options.services.empty()) throw SetupError("source engine has nothing to balance: give it a --service, or --load.");
    watch(epoll_.get(), timer_.get(), EPOLLIN, watch_key(Watched::timer, 0), true);
    engine_.advance(clock_ns(CLOCK_MONOTONIC));
    configure(engine_, options, ourselves());
    raise_descriptors();
    for (const ServiceSetup& setup : options.services) open(setup.service.key);
  }

  engine::Engine& engine() override { return engine_; }
  void catch_up() override {
    engine_.advance(clock_ns(CLOCK_MONOTONIC));
    cut_ended();
  }
  void open_service(const engine::ServiceKey& key) override { open(key); }
  void check_real(const engine::ServiceKey& key, const engine::Endpoint& real) override { refuse_loop(engine_, key, real); }
  void close_service(const engine::ServiceKey& key) override {
    tcp_.close_service(key);
    udp_.close_service(key);
  }
  std::string_view name() const override { return "engine"; }
  bool fresh() const override { return true; }
  int poll_fd() const override { return epoll_.get(); }
  std::uint64_t cursor() const override { return 0; }
  void committed(std::uint64_t) override {}
  std::vector<LossTotal> losses() override { return {}; }
  void stop(bool) override {}

  void finish() override {
    finished_ = true;
    tcp_.close_services();
    udp_.close_services();
    engine_.advance(clock_ns(CLOCK_MONOTONIC));
    engine_.expire({}, EndReason::capture_stopped);
    cut_ended();
  }

  void tick() override { udp_.tick(); }

  void start(std::uint64_t) override {
    const itimerspec spec{{0, kTickNs}, {0, kTickNs}};
    timerfd_settime(timer_.get(), 0, &spec, nullptr);
  }

  SourceFigures figures() override {
    SourceFigures f;
    f.connections = engine_.figures().connections;
    return f;
  }

  std::size_t drain(EventSink& sink, std::size_t max) override {
    // Sockets are read only as long as their records are taken: when the journal has no room, clients wait, and `records_` stays as small as one turn makes it.
    if (!finished_ && records_.size() < max) relay();
    std::size_t taken = 0;
    for (; taken < max && !records_.empty(); ++taken) {
      std::visit([&sink](const auto& record) { put(sink, record); }, records_.front());
      records_.pop_front();
    }
    return taken;
  }

  bool owns_connections() const override { return true; }
  bool carries_traffic() const override { return true; }

  std::unique_ptr<ConnWalk> walk(const engine::ConnFilter& filter) override {
    return std::make_unique<EngineWalk>(engine_, filter, [this] { catch_up(); });
  }

  engine::ExpireResult expire(const engine::ConnFilter& filter) override {
    engine_.advance(clock_ns(CLOCK_MONOTONIC));
    const engine::ExpireResult result = engine_.expire(filter);
    cut_ended();
    return result;
  }

 private:
  /// A connection takes two descriptors, a service one.
  static void raise_descriptors() {
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == files.rlim_max) return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }

  void open(const engine::ServiceKey& key) {
    if (key.protocol == engine::kTcp) tcp_.add_service(key, bind_service(key));
    else if (key.protocol == engine::kUdp) udp_.add_service(key, bind_service(key));
    else throw SetupError("service " + engine::to_text(key) + ": on real sockets source engine carries tcp and udp; the others are for --load and --pcap.");
  }

  static void put(EventSink& sink, const ConnRecord& record) { sink.conn(record); }
  static void put(EventSink& sink, const ControlRecord& record) { sink.control(record); }

  void conn(const ConnRecord& record) override { records_.emplace_back(record); }
  void control(const ControlRecord& record) override { records_.emplace_back(record); }
  // Called from inside the engine: the sockets are closed when it is done.
  void ended(std::uint32_t user, EndReason) override { ended_.push_back(user); }

  void relay() {
    std::array<epoll_event, kEventsAtOnce> events;
    const int n = epoll_wait(epoll_.get(), events.data(), kEventsAtOnce, 0);
    for (int i = 0; i < n; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      const std::uint32_t id = id_of(event.data.u64);
      std::uint64_t count = 0;
      switch (watched_of(event.data.u64)) {
        case Watched::timer:
          if (read(timer_.get(), &count, sizeof count) < 0) break;  // nothing to count: it only wakes us
          break;
        case Watched::tcp_service: tcp_.service_ready(id); break;
        case Watched::tcp_client: tcp_.client_ready(id, event.events); break;
        case Watched::tcp_real: tcp_.real_ready(id, event.events); break;
        case Watched::udp_service: udp_.service_ready(id); break;
        case Watched::udp_flow: udp_.flow_ready(id); break;
      }
      cut_ended();
    }
    engine_.advance(clock_ns(CLOCK_MONOTONIC));
    cut_ended();
    tcp_.tick();
  }

  void cut_ended() {
    for (const std::uint32_t user : std::exchange(ended_, {})) {
      if ((user & 1) != 0) udp_.cut(user >> 1);
      else tcp_.cut(user >> 1);
    }
  }

  EngineSourceOptions options_;
  bool finished_ = false;
  UniqueFd epoll_;
  UniqueFd timer_;
  std::deque<std::variant<ConnRecord, ControlRecord>> records_;
  std::vector<std::uint32_t> ended_;
  engine::Engine engine_;
  TcpRelay tcp_;
  UdpRelay udp_;
};

}  // namespace

std::unique_ptr<EngineSource> make_engine_source(const EngineSourceOptions& options) { return std::make_unique<SocketSource>(options); }

}  // namespace vslog
