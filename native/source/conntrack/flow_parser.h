// From a ctnetlink message to a flow. Format: net/netfilter/nf_conntrack_netlink.c, include/uapi/linux/netfilter/nfnetlink_conntrack.h.
#pragma once

#include <string>

#include "source/conntrack/attributes.h"
#include "source/conntrack/flow.h"

namespace vslog {

enum class Parsed : std::uint8_t {
  flow,
  ignored,    ///< well formed, and not about a flow: an expectation, another subsystem, another family
  malformed,  ///< a length lies, or a tuple is missing
};

/// Reads one message, its netlink header included; `message` may be longer than the header says, not shorter. `flow` is whole only when the answer is `flow`.
Parsed parse_flow(Bytes message, Flow& flow);

}  // namespace vslog
