// The system calls that a started capture makes, as a filter of the kernel's: seccomp(2).
#pragma once

namespace vslog {

struct SystemCallNeeds {
  bool bpf = false;    ///< reads maps and runs programs that are loaded; loads none
  bool setns = false;  ///< enters other network namespaces
};

/// From here on, in every thread, all else is refused by EPERM: no program is run, none is loaded into the kernel, no memory becomes executable, no process is looked into or signalled, nothing is mounted,
/// and of sockets there are those that the sources have. Cannot be taken back. Throws std::system_error; ENOSYS or EINVAL: this kernel has no such filters.
void allow_only_known_system_calls(const SystemCallNeeds& needs);

}  // namespace vslog
