#include "source/engine/pcap_source.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <deque>
#include <optional>
#include <system_error>
#include <variant>

#include "engine/engine.h"
#include "event/clock.h"
#include "source/engine/engine_setting.h"
#include "source/engine/engine_source.h"
#include "source/engine/engine_walk.h"
#include "source/engine/pcap_file.h"
#include "source/engine/pcap_fragments.h"
#include "source/engine/service_options.h"
#include "wire/journal.h"
#include "wire/unique_fd.h"

namespace vslog {
namespace {

/// How long drain() works at a time, so that clients and signals have their turn.
constexpr std::uint64_t kTurnNs = 5'000'000;
/// How far the clock goes at a time where there is no packet: with connections not so far that a crowd of them ends at once.
constexpr engine::Time kStep = engine::kSecond;
constexpr engine::Time kEmptyStep = 3600 * engine::kSecond;

engine::EngineOptions pcap_engine_options(const EngineSourceOptions& options, const PcapFile& file) {
  engine::EngineOptions o = engine_options(options);
  o.seed = 1;  // the same file, the same connections
  if (file.current() != nullptr) o.wall_offset_ns = file.current()->time_ns;
  else o.wall_offset_ns = clock_ns(CLOCK_REALTIME);
  return o;
}

class PcapSource final : public EngineSource, private engine::Observer {
 public:
  explicit PcapSource(const EngineSourceOptions& options)
      : file_(options.pcap), ready_(eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)), options_(pcap_engine_options(options, file_)), engine_(options_, *this) {
    if (!ready_) throw std::system_error(errno, std::generic_category(), "cannot make an event descriptor");
    engine_.advance(0);
    configure(engine_, options, ourselves());
  }

  engine::Engine& engine() override { return engine_; }
  std::string_view name() const override { return "engine"; }
  bool fresh() const override { return true; }
  void start(std::uint64_t) override {}
  int poll_fd() const override { return ready_.get(); }
  std::uint64_t cursor() const override { return 0; }
  void committed(std::uint64_t) override {}
  void tick() override {}
  std::vector<LossTotal> losses() override { return {}; }
  void stop(bool) override {}

  void finish() override {
    over_ = true;
    engine_.expire({}, EndReason::capture_stopped);
  }

  SourceFigures figures() override {
    SourceFigures f;
    f.connections = engine_.figures().connections;
    f.malformed = count(Unused::malformed);
    return f;
  }

  std::size_t drain(EventSink& sink, std::size_t max) override {
    const std::uint64_t until = clock_ns(CLOCK_MONOTONIC) + kTurnNs;
    std::size_t taken = 0;
    for (;;) {
      for (; taken < max && !waiting_.empty(); ++taken) {
        std::visit([&sink](const auto& record) { put(sink, record); }, waiting_.front());
        waiting_.pop_front();
      }
      if (over_ && waiting_.empty()) rest();
      if (taken == max || over_ || clock_ns(CLOCK_MONOTONIC) >= until) return taken;
      step();
    }
  }

  bool owns_connections() const override { return true; }

  std::unique_ptr<ConnWalk> walk(const engine::ConnFilter& filter) override { return std::make_unique<EngineWalk>(engine_, filter); }

  engine::ExpireResult expire(const engine::ConnFilter& filter) override { return engine_.expire(filter); }

 private:
  static void put(EventSink& sink, const ConnRecord& record) { sink.conn(record); }
  static void put(EventSink& sink, const ControlRecord& record) { sink.control(record); }

  void conn(const ConnRecord& record) override { take(record); }
  void control(const ControlRecord& record) override { take(record); }
  void ended(std::uint32_t, EndReason) override {}

  template <typename Record>
  void take(const Record& record) {
    waiting_.emplace_back(record);
    // Somebody changes something after the last packet: nothing else has it fetched.
    if (over_) eventfd_write(ready_.get(), 1);
  }

  std::uint64_t& count(Unused why) { return counts_[static_cast<std::size_t>(why)]; }

  /// One packet, or a piece of the time before it, or of the time after the last.
  void step() {
    const CapturedPacket* const captured = file_.current();
    if (captured == nullptr) {
      if (engine_.figures().connections == 0) return conclude();
      engine_.advance(engine_.now() + kStep);
      return;
    }
    const engine::Time at = std::max(captured->time_ns, options_.wall_offset_ns) - options_.wall_offset_ns;
    if (at > engine_.now() && !go_on(at)) return;
    if (captured->time_ns < options_.wall_offset_ns + engine_.now()) ++went_back_;
    const ParsedPacket parsed = parse_packet(file_.link(), captured->bytes, captured->wire_length);
    if (parsed.why == Unused::fragment) {
      const std::optional<PcapFragments::Whole> whole = fragments_.take(parsed.fragment, parsed.packet, engine_.now());
      if (whole) balance(whole->packet, whole->fragments);
    } else if (parsed.why == Unused::none) {
      balance(parsed.packet, 1);
    } else {
      ++count(parsed.why);
    }
    file_.next();
  }

  /// `pieces`: so many packets of the file it is.
  void balance(const engine::Packet& packet, std::uint64_t pieces) {
    count(Unused::none) += pieces;
    if (engine_.receive(packet, engine_.now()).verdict != engine::Verdict::pass) balanced_ += pieces;
  }

  bool go_on(engine::Time until) {
    const engine::Time step = engine_.figures().connections == 0 ? kEmptyStep : kStep;
    engine_.advance(std::min(until, engine_.now() + step));
    return engine_.now() == until;
  }

  void conclude() {
    over_ = true;
    if (!file_.damage().empty()) std::fprintf(stderr, "vslog-capture: %s\n", file_.damage().c_str());
    const auto n = [](std::uint64_t value) { return std::to_string(value); };
    count(Unused::fragment) = fragments_.unused();
    const std::uint64_t skipped = count(Unused::not_ip) + count(Unused::fragment) + count(Unused::other_protocol) + count(Unused::cut);
    std::string line = file_.path() + " is over: " + n(file_.count()) + " packets read, " + n(count(Unused::none)) + " used (" + n(balanced_) + " of a service), " + n(skipped) +
                       " skipped (" + n(count(Unused::not_ip)) + " not IP, " + n(count(Unused::fragment)) + " fragments of datagrams of which others are missing, " + n(count(Unused::other_protocol)) +
                       " of other protocols, " + n(count(Unused::cut)) + " captured too short), " + n(count(Unused::malformed)) + " malformed";
    if (went_back_ != 0) line += "; " + n(went_back_) + " were earlier than one before them and count as of the same time";
    std::fprintf(stderr, "vslog-capture: %s.\n", line.c_str());
  }

  /// Nothing will come any more.
  void rest() {
    eventfd_t value = 0;
    eventfd_read(ready_.get(), &value);
  }

  PcapFile file_;
  UniqueFd ready_;
  engine::EngineOptions options_;
  std::deque<std::variant<ConnRecord, ControlRecord>> waiting_;
  engine::Engine engine_;
  std::array<std::uint64_t, 6> counts_{};
  PcapFragments fragments_;
  std::uint64_t balanced_ = 0;
  std::uint64_t went_back_ = 0;
  bool over_ = false;
};

}  // namespace

std::unique_ptr<Source> make_pcap_source(const EngineSourceOptions& options) { return std::make_unique<PcapSource>(options); }

void check_pcap(const EngineSourceOptions& options) {
  if (options.load) throw SetupError("--pcap " + options.pcap + " and --load exclude each other: leave one out.");
  const PcapFile file(options.pcap);
  if (options.services.empty()) throw SetupError("--pcap " + options.pcap + " has nobody to balance its packets to: give it a --service.");
}

}  // namespace vslog
