// What passed a virtual service or a real server, counted, and its rate: ip_vs_kstats and ip_vs_est.c.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "engine/packet.h"

namespace vslog::engine {

/// Since it was added.
struct TrafficCounts {
  std::uint64_t connections = 0;
  std::uint64_t packets_in = 0;   ///< from clients
  std::uint64_t packets_out = 0;  ///< from real servers
  std::uint64_t bytes_in = 0;     ///< IP lengths
  std::uint64_t bytes_out = 0;
};

/// Counters, and per second of each the mean of the last seconds: a new period of 2 s weighs a quarter, as in ip_vs_est.c.
class TrafficMeter {
 public:
  void connection() { ++counts_.connections; }
  void in(std::uint64_t bytes) {
    ++counts_.packets_in;
    counts_.bytes_in += bytes;
  }
  void out(std::uint64_t bytes) {
    ++counts_.packets_out;
    counts_.bytes_out += bytes;
  }

  /// Takes the periods that are over into the rates. May be called as often or as seldom as one likes: what was counted since the last time counts evenly for all of them.
  void sample(Time now) {
    if (!started_) {
      started_ = true;
      at_ = now;
      return;
    }
    const std::uint64_t periods = now > at_ ? (now - at_) / kPeriod : 0;
    if (periods == 0) return;
    at_ += periods * kPeriod;
    const double old = std::pow(0.75, static_cast<double>(periods));
    const double seconds = static_cast<double>(periods * kPeriod) / static_cast<double>(kSecond);
    const std::array<std::uint64_t, 5> now_counted = figures(counts_);
    const std::array<std::uint64_t, 5> before = figures(sampled_);
    for (std::size_t i = 0; i < rates_.size(); ++i) {
      const double rate = static_cast<double>(now_counted[i] - before[i]) / seconds;
      rates_[i] = rate + (rates_[i] - rate) * old;
    }
    sampled_ = counts_;
  }

  const TrafficCounts& counts() const { return counts_; }
  /// Per second, rounded.
  TrafficCounts rates() const {
    const auto whole = [this](std::size_t i) { return static_cast<std::uint64_t>(std::llround(rates_[i])); };
    return {whole(0), whole(1), whole(2), whole(3), whole(4)};
  }

 private:
  static constexpr Time kPeriod = 2 * kSecond;

  static std::array<std::uint64_t, 5> figures(const TrafficCounts& c) { return {c.connections, c.packets_in, c.packets_out, c.bytes_in, c.bytes_out}; }

  TrafficCounts counts_;
  TrafficCounts sampled_;
  std::array<double, 5> rates_{};
  Time at_ = 0;
  bool started_ = false;
};

}  // namespace vslog::engine
