// The sources that this capture was built with, by name.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source/conntrack/conntrack_options.h"
#include "source/engine/engine_options.h"
#include "source/scripted/scripted_source.h"
#include "source/source.h"
#ifdef VSLOG_HAVE_IPVS
#include "source/ipvs/ipvs_source.h"
#endif

namespace vslog {

#ifndef VSLOG_HAVE_IPVS
/// Stands in where the capture was built without source ipvs.
struct IpvsOptions {
  std::string pin_dir = "/sys/fs/bpf/vslog";
  std::uint64_t ring_bytes = 16 << 20;
  std::uint32_t max_conns = 1 << 22;
  bool all_netns = false;
  std::uint32_t nodest_interval_ms = 1000;
};
#endif

struct SourceOptions {
  std::string name = "ipvs";
  IpvsOptions ipvs;
  ConntrackOptions conntrack;
  EngineSourceOptions engine;
  ScriptedOptions scripted;
};

/// "ipvs, conntrack, engine, scripted"
std::string_view source_names();

/// Throws SourceRefusal at a name that is not known.
std::unique_ptr<Source> make_source(const SourceOptions& options);

/// Throws SourceRefusal when the source cannot run here, SetupError when it cannot run so, as far as that can be told without starting it.
void check_source(const SourceOptions& options);

/// Settles `auto`: the first of ipvs, conntrack and engine that can run and has something to record. Connection tracking is passed over where something is configured to
/// balance. Returns a sentence on each that was passed over; throws SourceRefusal when there is none.
std::vector<std::string> choose_source(SourceOptions& options);

/// Takes what source ipvs left in the kernel out of it. Returns false when there was nothing.
bool detach_source(const SourceOptions& options);

}  // namespace vslog
