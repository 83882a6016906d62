#include "confine/system_calls.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <asm/ioctls.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <system_error>

namespace vslog {
namespace {

scmp_arg_cmp equals(unsigned argument, scmp_datum_t value) { return {argument, SCMP_CMP_EQ, value, 0}; }
/// Of the argument's bits in `mask` these, and only these, are set.
scmp_arg_cmp masked(unsigned argument, scmp_datum_t mask, scmp_datum_t value) { return {argument, SCMP_CMP_MASKED_EQ, mask, value}; }

void check(int error, const char* what) {
  if (error < 0) throw std::system_error(-error, std::generic_category(), std::string("cannot filter system calls, ") + what);
}

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(EPERM))) {
    if (!context_) throw std::system_error(ENOMEM, std::generic_category(), "cannot filter system calls");
    check(seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_TSYNC, 1), "in every thread");
  }

  /// A name that this architecture does not have is no matter.
  void allow(const char* name) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number != __NR_SCMP_ERROR) check(seccomp_rule_add(context_.get(), SCMP_ACT_ALLOW, number, 0), name);
  }

  void allow_if(int number, const scmp_arg_cmp& comparison) { check(seccomp_rule_add_array(context_.get(), SCMP_ACT_ALLOW, number, 1, &comparison), "of one with arguments"); }

  /// Refused as by a kernel that does not have it: then the C library asks in another way.
  void missing(int number) { check(seccomp_rule_add(context_.get(), SCMP_ACT_ERRNO(ENOSYS), number, 0), "of one that is not to be there"); }

  void load() { check(seccomp_load(context_.get()), "as the kernel does not take that"); }

 private:
  struct Release {
    void operator()(void* context) const { seccomp_release(context); }
  };
  std::unique_ptr<void, Release> context_;
};

/// None of these does more than what an open descriptor, a path or the process's own memory allows.
constexpr const char* kAllowed[] = {
    // Files that are open, and those of our folders: journal, remembered knobs and keys, the pinned programs when they are taken out, /proc.
    "read", "write", "readv", "writev", "pread64", "pwrite64", "lseek", "_llseek", "open", "openat", "close", "close_range", "stat", "lstat", "fstat", "stat64", "lstat64", "fstat64", "fstatat64", "newfstatat", "statx",
    "statfs", "fstatfs", "statfs64", "fstatfs64", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents", "getdents64", "dup", "dup3", "ftruncate", "ftruncate64", "fallocate", "fsync", "fdatasync",
    "msync", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "fchmod", "flock", "umask", "pipe2", "splice", "getcwd",
    // Waiting.
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "ppoll_time64", "select", "pselect6", "eventfd2", "timerfd_create", "timerfd_settime", "timerfd_settime64", "timerfd_gettime", "signalfd4",
    "nanosleep", "clock_nanosleep", "clock_nanosleep_time64", "futex", "futex_time64", "restart_syscall", "sched_yield",
    // Sockets that are there. Which may be made: below.
    "bind", "listen", "accept4", "accept", "connect", "getsockname", "getpeername", "getsockopt", "setsockopt", "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "recvmmsg_time64", "shutdown", "send", "recv",
    // Itself.
    "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getuid32", "geteuid32", "getgid32", "getegid32", "getgroups", "clock_gettime", "clock_gettime64", "clock_getres", "gettimeofday", "time", "times", "getrusage",
    "sysinfo", "uname", "getrandom", "sched_getaffinity", "getcpu", "membarrier", "rseq", "set_robust_list", "set_tid_address", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "sigaltstack", "capget",
    // Memory. What becomes executable: below.
    "brk", "munmap", "mremap", "madvise", "exit", "exit_group",
};

/// Of BPF what works on what is loaded.
constexpr int kBpf[] = {BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM, BPF_MAP_GET_NEXT_KEY, BPF_MAP_LOOKUP_BATCH, BPF_PROG_TEST_RUN, BPF_OBJ_GET_INFO_BY_FD};
constexpr int kSockets[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

}  // namespace

void allow_only_known_system_calls(const SystemCallNeeds& needs) {
  Filter filter;
  for (const char* const name : kAllowed) filter.allow(name);
  for (const int family : kSockets) filter.allow_if(SCMP_SYS(socket), equals(0, static_cast<scmp_datum_t>(family)));
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect)}) filter.allow_if(call, masked(2, PROT_EXEC, 0));
  // Threads, no processes. The newer call has its flags in memory, where a filter cannot look.
  filter.allow_if(SCMP_SYS(clone), masked(0, CLONE_THREAD, CLONE_THREAD));
  filter.missing(SCMP_SYS(clone3));
  // abort(). Another process of the same user would take a signal, too.
  filter.allow_if(SCMP_SYS(tgkill), equals(0, static_cast<scmp_datum_t>(getpid())));
  // Without F_SETOWN to F_SETOWN_EX (8 to 15), by which a descriptor sends signals to anybody.
  for (const int call : {SCMP_SYS(fcntl), SCMP_SYS(fcntl64)}) {
    filter.allow_if(call, {1, SCMP_CMP_LT, F_SETOWN, 0});
    filter.allow_if(call, {1, SCMP_CMP_GT, F_SETOWN_EX, 0});
  }
  // Whether the output is a terminal (isatty).
  filter.allow_if(SCMP_SYS(ioctl), equals(1, TCGETS));
  // Another process's limits are none of ours, and our own are settled.
  filter.allow_if(SCMP_SYS(prlimit64), equals(2, 0));
  for (const unsigned what : {PR_SET_NAME, PR_GET_NAME, PR_CAPBSET_READ}) filter.allow_if(SCMP_SYS(prctl), equals(0, what));
  if (needs.bpf) {
    for (const int command : kBpf) filter.allow_if(SCMP_SYS(bpf), equals(0, static_cast<scmp_datum_t>(command)));
  }
  if (needs.setns) filter.allow_if(SCMP_SYS(setns), equals(1, CLONE_NEWNET));
  filter.load();
}

}  // namespace vslog
