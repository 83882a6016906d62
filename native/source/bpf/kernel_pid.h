// This process's number as the kernel's programs see it.
#pragma once

#include <cstdint>

namespace vslog {

/// Number of this process in the machine's first pid namespace: what bpf_get_current_pid_tgid() gives, which knows no other. In a container of its own pid namespace
/// getpid() is another number. Where no program can be run (before Linux 5.14, or without CAP_BPF) it is getpid().
std::uint32_t kernel_pid();

}  // namespace vslog
