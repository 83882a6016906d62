// Source `engine` on the packets of a file.
#pragma once

#include <memory>

#include "source/engine/engine_options.h"
#include "source/source.h"

namespace vslog {

/// The engine's clock runs by the packets' times, and after the last one until every connection has ended. Records carry the time of the packets.
/// Throws SetupError and SourceRefusal.
std::unique_ptr<Source> make_pcap_source(const EngineSourceOptions& options);

/// Whether make_pcap_source() could. Throws the same.
void check_pcap(const EngineSourceOptions& options);

}  // namespace vslog
