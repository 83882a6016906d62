// Whether anything asks the kernel to track connections: without that ctnetlink is silent.
#pragma once

namespace vslog {

/// Whether packets of this network namespace are tracked: something must have asked for it, a rule with `ct state` or NAT. Where the kernel does not list its hooks
/// (CONFIG_NETFILTER_NETLINK_HOOK) a tracked flow is the proof, and if there is none, a datagram that we send to ourselves over loopback. Needs CAP_NET_ADMIN.
bool is_tracking();

}  // namespace vslog
