// What libbpf and the kernel say while programs are loaded: shown only when loading fails.
#pragma once

#include <string>

namespace vslog {

/// From here on libbpf's words are kept and not printed.
void keep_bpf_log();

/// Throws SourceRefusal: `what`, the error's name and the last line that libbpf said. VSLOG_DEBUG in the environment prints all that was kept.
[[noreturn]] void refuse_bpf(const std::string& what, int error);

}  // namespace vslog
