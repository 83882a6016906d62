// What is told the kernel's balancer without ipvsadm, which takes its time in an emulated machine.
#pragma once

namespace hand {

/// Timeouts of the calling thread's namespace, seconds. 0: unchanged.
void set_timeouts(int tcp, int tcpfin, int udp);

/**
 * Adds a service to the calling thread's namespace and takes it away again, from each processor in turn, with firewall mark `first`, `first` + 1, and so on. A processor
 * comes to it when it has done what an interrupt began there before. All records of the kernel side go through one ring: what was told before stands before the last of
 * these. Returns how many they are.
 */
unsigned add_markers(unsigned first);

}  // namespace hand
