// Events by the receive buffer of a netlink socket, which a thread empties. Works wherever connection tracking may be watched.
#pragma once

#include <memory>

#include "source/conntrack/flow_events.h"

namespace vslog {

/// Begins to listen. Throws SourceRefusal, std::system_error.
std::unique_ptr<FlowEvents> make_socket_events(const ConntrackOptions& options);

}  // namespace vslog
