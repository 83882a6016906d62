// The engine's knobs. Names, defaults and meaning are the kernel's (net.ipv4.vs.*; ip_vs_ctl.c, vs_vars[]); times in ns are set as the kernel's seconds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/scheduler.h"
#include "engine/state.h"

namespace vslog::engine {

struct Knobs {
  bool expire_nodest_conn = false;
  bool expire_quiescent_template = false;
  bool sloppy_tcp = false;
  bool sloppy_sctp = false;
  bool cache_bypass = false;
  std::uint32_t conn_reuse_mode = 1;
  std::uint32_t drop_entry = 0;    ///< 0 off, 1 automatic, 2 automatic and on, 3 on
  std::uint32_t drop_packet = 0;
  std::uint32_t secure_tcp = 0;
  std::uint32_t am_droprate = 10;  ///< mode 3 of drop_packet drops one of so many
  std::uint64_t amemthresh = 1024; ///< here: free places in the connection table below which the automatic defences turn on
  SchedulerKnobs schedulers;
  Timeouts timeouts;
};

/// The names that set_knob() takes, in the kernel's order: the sysctls, then "timeout_tcp", "timeout_tcpfin", "timeout_udp" in seconds.
const std::vector<std::string_view>& knob_names();

/// Throws ConfigError at a name that there is not.
std::string get_knob(const Knobs& knobs, std::string_view name);

/// Whether it is set to less than the knob takes: a load has timeouts below a second. Throws ConfigError at a name that there is not.
bool is_knob_below_range(const Knobs& knobs, std::string_view name);

/// Sets one knob. Throws ConfigError that names the range; then nothing has changed.
void set_knob(Knobs& knobs, std::string_view name, std::string_view value);

}  // namespace vslog::engine
