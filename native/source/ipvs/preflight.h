// What must be so before the programs can be loaded; each thing that is not has a sentence of its own.
#pragma once

#include <cstdint>
#include <string>

namespace vslog {

/// Throws SourceRefusal when this machine, kernel or process cannot run the source. Mounts a bpffs at /sys/fs/bpf where none is.
void check_ipvs(const std::string& pin_dir);

/// Number of the bit in a capability set (include/uapi/linux/capability.h) that is missing from `effective`, as a name; empty when all that we need are there.
std::string missing_capability(std::uint64_t effective);

/// The effective capabilities in the text of /proc/PID/status; 0 when there is no such line.
std::uint64_t effective_capabilities(const std::string& status);

}  // namespace vslog
