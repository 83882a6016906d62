#include "confine/confine.h"

#include <linux/capability.h>

#include <cerrno>
#include <system_error>

#include "confine/system_calls.h"

namespace vslog {
namespace {

/// A sanitizer makes system calls of its own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

}  // namespace

Capabilities needed_capabilities(const Duties& duties, Capabilities permitted) {
  // Netlink, and knobs.
  Capabilities needed = capability(CAP_NET_ADMIN);
  // Maps are read and programs run where the kernel lets nobody else do that (kernel.unprivileged_bpf_disabled). Before Linux 5.8 that was CAP_SYS_ADMIN.
  needed |= (permitted & capability(CAP_BPF)) != 0 ? capability(CAP_BPF) : capability(CAP_SYS_ADMIN);
  // setns(2)
  if (duties.other_netns) needed |= capability(CAP_SYS_ADMIN);
  // A service that is added may have a port below 1024.
  if (duties.source == "engine") needed |= capability(CAP_NET_BIND_SERVICE);
  return needed & permitted;
}

std::string confine(const Duties& duties) {
  if (kSanitized) return "";
  keep_capabilities(needed_capabilities(duties, permitted_capabilities()));
  try {
    allow_only_known_system_calls({.bpf = true, .setns = duties.other_netns});
  } catch (const std::system_error& e) {
    if (e.code().value() != EINVAL && e.code().value() != ENOSYS) throw;
    return "this kernel filters no system calls (CONFIG_SECCOMP_FILTER): the capture may go on making all of them.";
  }
  return "";
}

}  // namespace vslog
