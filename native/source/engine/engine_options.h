// What source `engine` is told on the command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/config.h"

namespace vslog {

struct KnobSetup {
  std::string name;
  std::string value;
  std::string where{};  ///< FILE:LINE of a configuration; empty: the command line
};

struct ServiceSetup {
  engine::ServiceConfig service;
  std::vector<engine::RealConfig> reals;
};

/// Synthetic packets: `--load`. What they are is a function of the seed.
struct LoadOptions {
  std::uint64_t rate = 1000;        ///< connections a second; 0: as fast as possible
  std::uint64_t connections = 0;    ///< how many in all; 0: without end
  std::uint32_t clients = 100'000;  ///< client addresses
  std::uint32_t concurrent = 1000;  ///< connections that live at a time: churn
  std::uint32_t udp_percent = 10;   ///< mix: the rest is TCP
  std::uint64_t seed = 1;
};

struct EngineSourceOptions {
  std::vector<ServiceSetup> services;                        ///< none: with --load a set-up of its own; else an error
  std::vector<KnobSetup> knobs;
  std::uint32_t max_conns = 16'777'216;
  std::uint32_t nodest_interval_ms = 1000;
  bool load = false;
  LoadOptions load_options;
  std::string pcap;                                          ///< a file to take the packets from; empty: none
};

}  // namespace vslog
