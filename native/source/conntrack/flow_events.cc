#include "source/conntrack/flow_events.h"

#include "source/conntrack/socket_events.h"
#include "source/refusal.h"

#ifdef VSLOG_HAVE_BPF
#include "source/conntrack/ring_events.h"
#endif

namespace vslog {

std::unique_ptr<FlowEvents> open_flow_events(const ConntrackOptions& options, void (*say)(const std::string&)) {
  using Delivery = ConntrackOptions::Delivery;
  if (options.delivery == Delivery::ring && options.reliable) {
    throw SourceRefusal("--conntrack-reliable needs --conntrack-delivery socket: a ring cannot refuse an event, so the kernel would not keep it.");
  }
  // Reliable: only the socket can say that it has no room.
  if (options.delivery == Delivery::socket || options.reliable) return make_socket_events(options);
#ifdef VSLOG_HAVE_BPF
  try {
    return make_ring_events(options);
  } catch (const SourceRefusal& refusal) {
    if (options.delivery == Delivery::ring) throw;
    say(std::string("the events come by the netlink socket, which costs more: ") + refusal.what());
  }
#else
  if (options.delivery == Delivery::ring) throw SourceRefusal("--conntrack-delivery ring is not in this build: it was made without programs for the kernel.");
  static_cast<void>(say);
#endif
  return make_socket_events(options);
}

}  // namespace vslog
