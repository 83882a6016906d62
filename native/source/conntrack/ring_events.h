// Events by a ring that a program in the kernel fills (native/bpf/conntrack.bpf.c): no receive buffer, no system call for each, a fraction of the socket's cost.
// Needs CAP_BPF beside CAP_NET_ADMIN, and Linux 5.12 or newer.
#pragma once

#include <memory>

#include "source/conntrack/flow_events.h"

namespace vslog {

/// Begins to listen. Throws SourceRefusal when the kernel does not take the program, std::system_error.
std::unique_ptr<FlowEvents> make_ring_events(const ConntrackOptions& options);

}  // namespace vslog
