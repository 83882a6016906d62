#include "engine/knobs.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>

#include "engine/config.h"

namespace vslog::engine {
namespace {

constexpr std::uint64_t kMaxInt = 2'147'483'647;
constexpr std::uint64_t kLongest = 31 * 86'400;

/// One knob: its range, and how it is read and written. A zero that is refused has `min` 1.
struct Knob {
  std::string_view name;
  std::uint64_t min;
  std::uint64_t max;
  std::uint64_t (*get)(const Knobs&);
  void (*set)(Knobs&, std::uint64_t);
};

template <auto Member>
constexpr Knob plain(std::string_view name, std::uint64_t min, std::uint64_t max) {
  return {name, min, max, [](const Knobs& k) { return static_cast<std::uint64_t>(k.*Member); },
          [](Knobs& k, std::uint64_t v) { k.*Member = static_cast<std::remove_reference_t<decltype(k.*Member)>>(v); }};
}

template <TcpState State>
constexpr Knob tcp_timeout(std::string_view name) {
  return {name, 1, kLongest, [](const Knobs& k) { return k.timeouts.tcp[static_cast<std::size_t>(State)] / kSecond; },
          [](Knobs& k, std::uint64_t v) { k.timeouts.tcp[static_cast<std::size_t>(State)] = v * kSecond; }};
}

constexpr std::array kKnobs{
    plain<&Knobs::amemthresh>("amemthresh", 0, kMaxInt),
    plain<&Knobs::am_droprate>("am_droprate", 0, kMaxInt),
    plain<&Knobs::drop_entry>("drop_entry", 0, 3),
    plain<&Knobs::drop_packet>("drop_packet", 0, 3),
    plain<&Knobs::secure_tcp>("secure_tcp", 0, 3),
    plain<&Knobs::cache_bypass>("cache_bypass", 0, 1),
    plain<&Knobs::expire_nodest_conn>("expire_nodest_conn", 0, 1),
    plain<&Knobs::sloppy_tcp>("sloppy_tcp", 0, 1),
    plain<&Knobs::sloppy_sctp>("sloppy_sctp", 0, 1),
    plain<&Knobs::expire_quiescent_template>("expire_quiescent_template", 0, 1),
    plain<&Knobs::conn_reuse_mode>("conn_reuse_mode", 0, 3),
    Knob{"lblc_expiration", 1, kMaxInt, [](const Knobs& k) { return k.schedulers.lblc_expiration_s; }, [](Knobs& k, std::uint64_t v) { k.schedulers.lblc_expiration_s = v; }},
    Knob{"lblcr_expiration", 1, kMaxInt, [](const Knobs& k) { return k.schedulers.lblcr_expiration_s; }, [](Knobs& k, std::uint64_t v) { k.schedulers.lblcr_expiration_s = v; }},
    tcp_timeout<TcpState::established>("timeout_tcp"),
    tcp_timeout<TcpState::fin_wait>("timeout_tcpfin"),
    Knob{"timeout_udp", 1, kLongest, [](const Knobs& k) { return k.timeouts.udp / kSecond; }, [](Knobs& k, std::uint64_t v) { k.timeouts.udp = v * kSecond; }},
    // The engine's own: the kernel has no way to set these.
    tcp_timeout<TcpState::time_wait>("timeout_timewait"),
    tcp_timeout<TcpState::close>("timeout_close"),
};

const Knob& find(std::string_view name) {
  const auto* const found = std::find_if(kKnobs.begin(), kKnobs.end(), [name](const Knob& k) { return k.name == name; });
  if (found != kKnobs.end()) return *found;
  std::string known;
  for (const Knob& k : kKnobs) known += (known.empty() ? "" : ", ") + std::string(k.name);
  throw ConfigError("name", "there is no knob \"" + std::string(name) + "\"; the engine has " + known + ".");
}

}  // namespace

const std::vector<std::string_view>& knob_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> n;
    n.reserve(kKnobs.size());
    for (const Knob& k : kKnobs) n.push_back(k.name);
    return n;
  }();
  return names;
}

std::string get_knob(const Knobs& knobs, std::string_view name) { return std::to_string(find(name).get(knobs)); }

bool is_knob_below_range(const Knobs& knobs, std::string_view name) {
  const Knob& k = find(name);
  return k.get(knobs) < k.min;
}

void set_knob(Knobs& knobs, std::string_view name, std::string_view value) {
  const Knob& k = find(name);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < k.min || number > k.max) {
    throw ConfigError(std::string(name), std::string(name) + "=" + std::string(value) + " must be a whole number from " + std::to_string(k.min) + " to " + std::to_string(k.max) +
                                             (name.starts_with("timeout_") ? ", seconds." : "."));
  }
  k.set(knobs, number);
}

}  // namespace vslog::engine
