// Source `ipvs`: the kernel's balancer, watched by the programs of native/bpf.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "source/source.h"

namespace vslog {

struct IpvsOptions {
  std::string pin_dir = "/sys/fs/bpf/vslog";    ///< where programs, links and maps stay while no capture runs; on a bpffs
  std::uint64_t ring_bytes = 16 << 20;          ///< power of two, at least one page
  std::uint32_t max_conns = 1 << 22;            ///< connections that are remembered at once
  bool all_netns = false;                       ///< watch every network namespace, not just ours
  std::uint32_t nodest_interval_ms = 1000;      ///< packets dropped for a missing real server are summed up over this time, after the first
};

std::unique_ptr<Source> make_ipvs_source(const IpvsOptions& options);

/// Takes everything that a capture left in `pin_dir` out of the kernel. Returns false when there was nothing.
bool detach_ipvs(const std::string& pin_dir);

}  // namespace vslog
