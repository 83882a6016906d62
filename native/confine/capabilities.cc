#include "confine/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace vslog {
namespace {

/// As the system call has it: the sets in two halves, the lower one first.
struct Sets {
  std::array<__user_cap_data_struct, 2> halves{};

  static __user_cap_header_struct own() { return {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0}; }
  bool read() {
    __user_cap_header_struct head = own();
    return syscall(SYS_capget, &head, halves.data()) == 0;
  }
  void write() {
    __user_cap_header_struct head = own();
    if (syscall(SYS_capset, &head, halves.data()) != 0) throw std::system_error(errno, std::generic_category(), "cannot give up capabilities");
  }
};

}  // namespace

Capabilities permitted_capabilities() {
  Sets sets;
  return sets.read() ? Capabilities{sets.halves[1].permitted} << 32 | sets.halves[0].permitted : 0;
}

void keep_capabilities(Capabilities kept) {
  Sets sets;
  if (!sets.read()) throw std::system_error(errno, std::generic_category(), "cannot read capabilities");
  kept &= Capabilities{sets.halves[1].permitted} << 32 | sets.halves[0].permitted;
  // While CAP_SETPCAP is there; without it what the bounding set still allows cannot be had either, as nothing new is run.
  for (unsigned number = 0; prctl(PR_CAPBSET_READ, number) >= 0; ++number) {
    if ((kept & capability(number)) == 0) prctl(PR_CAPBSET_DROP, number);
  }
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (unsigned half = 0; half < sets.halves.size(); ++half) {
    const auto of_half = static_cast<__u32>(kept >> (32 * half));
    sets.halves.at(half) = {.effective = of_half, .permitted = of_half, .inheritable = 0};
  }
  sets.write();
}

void no_new_rights() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) throw std::system_error(errno, std::generic_category(), "cannot rule out new rights");
}

}  // namespace vslog
