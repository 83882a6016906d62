// The engine alone, on one core. Prints one JSON line: {packets_per_s, conns_per_s, bytes_per_conn}. Arguments: entries while memory is measured; births with their ends that are measured, and five times as many packets.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include <unistd.h>

#include "engine/engine.h"

namespace vslog::engine {
namespace {

constexpr std::uint64_t kLive = 100'000;  // connections at a time while births and packets are measured

struct Counting final : Observer {
  std::uint64_t begun = 0;
  std::uint64_t ended_count = 0;
  void conn(const ConnRecord& r) override { ++(r.kind == EventKind::create ? begun : ended_count); }
  void control(const ControlRecord&) override {}
  void ended(std::uint32_t, EndReason) override {}
};

Address ipv4(std::uint32_t a) {
  const std::uint8_t bytes[4] = {static_cast<std::uint8_t>(a >> 24), static_cast<std::uint8_t>(a >> 16), static_cast<std::uint8_t>(a >> 8), static_cast<std::uint8_t>(a)};
  return map_ipv4(bytes);
}

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t pages = 0;
  statm >> pages >> pages;
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

double since(std::chrono::steady_clock::time_point begin) { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(); }

/// One service with four real servers, and UDP clients whose connections live for five minutes of the engine's clock.
class Bench {
 public:
  Bench() : engine_({.max_conns = 200'000'000}, counting) {
    engine_.advance(now_);
    ServiceConfig service;
    service.key = {kUdp, 4, {ipv4(0xc0000201), 53}, 0};
    service.scheduler = "wlc";
    engine_.add_service(service, {});
    for (std::uint32_t i = 1; i <= 4; ++i) engine_.add_real(service.key, {{ipv4(0xc6336400 + i), 53}, 1, ForwardMethod::masq, 0, 0}, {});
    packet_ = {{}, service.key.at, 100, 0, kUdp, 4, 0, Direction::from_client};
  }

  /// A packet of connection `number`, `step` after the one before.
  void packet(std::uint64_t number, Time step) {
    now_ += step;
    packet_.source = {ipv4(0x0a000000 + static_cast<std::uint32_t>(number & 0xffffff)), static_cast<std::uint16_t>(1024 + (number >> 24))};
    engine_.receive(packet_, now_);
  }

  std::uint64_t connections() const { return engine_.figures().connections; }
  Counting counting;

 private:
  Engine engine_;
  Time now_ = kSecond;
  Packet packet_;
};

constexpr Time kLife = 300 * kSecond;

int run(std::uint64_t entries, std::uint64_t measured_births) {
  const std::uint64_t measured_packets = 5 * measured_births;
  double births = 0;
  double packets = 0;
  {
    Bench bench;
    std::uint64_t next = 0;
    while (next < 2 * kLive) bench.packet(next++, kLife / kLive);  // until as many end as begin
    const std::uint64_t ended = bench.counting.ended_count;
    auto begin = std::chrono::steady_clock::now();
    for (const std::uint64_t until = next + measured_births; next < until;) bench.packet(next++, kLife / kLive);
    births = static_cast<double>(bench.counting.ended_count - ended) / since(begin);
    const std::uint64_t oldest = next - bench.connections() + 1000;
    const std::uint64_t begun = bench.counting.begun;
    begin = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < measured_packets; ++i) bench.packet(oldest + i * 7919 % (kLive - 2000), 1);
    packets = static_cast<double>(measured_packets) / since(begin);
    if (bench.counting.begun != begun) {
      std::fprintf(stderr, "engine-bench: packets of live connections made new ones\n");
      return 1;
    }
  }
  const std::uint64_t before = resident_bytes();
  Bench bench;
  for (std::uint64_t i = 0; i < entries; ++i) bench.packet(i, 1);
  const double bytes = static_cast<double>(resident_bytes() - before) / static_cast<double>(bench.connections());
  if (bench.connections() != entries) {
    std::fprintf(stderr, "engine-bench: %llu of %llu connections are there\n", static_cast<unsigned long long>(bench.connections()), static_cast<unsigned long long>(entries));
    return 1;
  }
  std::printf("{\"packets_per_s\":%.0f,\"conns_per_s\":%.0f,\"bytes_per_conn\":%.1f}\n", packets, births, bytes);
  return 0;
}

}  // namespace
}  // namespace vslog::engine

int main(int argc, char** argv) {
  const std::uint64_t entries = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 0;
  const std::uint64_t births = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  if (entries == 0 || births == 0) {
    std::fprintf(stderr, "usage: engine-bench ENTRIES BIRTHS, whole numbers above 0\n");
    return 2;
  }
  return vslog::engine::run(entries, births);
}
