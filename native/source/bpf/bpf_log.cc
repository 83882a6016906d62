#include "source/bpf/bpf_log.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "source/refusal.h"

namespace vslog {
namespace {

/// What libbpf said while loading: shown only when loading fails.
std::string& load_log() {
  static std::string log;
  return log;
}

int keep_log(enum libbpf_print_level level, const char* format, va_list args) {
  if (level == LIBBPF_DEBUG) return 0;
  // The verifier's whole log comes in one call, and its last lines are those that matter.
  va_list again;
  va_copy(again, args);
  const int n = std::vsnprintf(nullptr, 0, format, again);
  va_end(again);
  std::string& log = load_log();
  if (n <= 0 || log.size() > (16U << 20)) return 0;
  const std::size_t at = log.size();
  log.resize(at + static_cast<std::size_t>(n) + 1);
  std::vsnprintf(log.data() + at, static_cast<std::size_t>(n) + 1, format, args);
  log.pop_back();
  return 0;
}

/// The last line that libbpf said, which names what failed.
std::string last_line() {
  std::string log = load_log();
  while (!log.empty() && log.back() == '\n') log.pop_back();
  const std::size_t at = log.rfind('\n');
  return at == std::string::npos ? log : log.substr(at + 1);
}

}  // namespace

void keep_bpf_log() { libbpf_set_print(keep_log); }

void refuse_bpf(const std::string& what, int error) {
  if (std::getenv("VSLOG_DEBUG") != nullptr) std::fputs(load_log().c_str(), stderr);
  throw SourceRefusal(what + ": " + std::strerror(error) + " (" + last_line() + "). VSLOG_DEBUG=1 shows the kernel's whole answer.");
}

}  // namespace vslog
