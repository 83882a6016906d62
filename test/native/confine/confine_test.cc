#include "confine/confine.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>

#include "confine/system_calls.h"

namespace vslog {
namespace {

constexpr Capabilities kAll = (Capabilities{1} << 41) - 1;

TEST(NeededCapabilities, AreTheNetworksAndThoseOfBpfAlone) {
  EXPECT_EQ(needed_capabilities({.source = "ipvs"}, kAll), capability(CAP_NET_ADMIN) | capability(CAP_BPF));
  EXPECT_EQ(needed_capabilities({.source = "conntrack"}, kAll), capability(CAP_NET_ADMIN) | capability(CAP_BPF));
}

TEST(NeededCapabilities, OfSourceEngineHaveSmallPorts) {
  EXPECT_EQ(needed_capabilities({.source = "engine"}, kAll), capability(CAP_NET_ADMIN) | capability(CAP_BPF) | capability(CAP_NET_BIND_SERVICE));
}

TEST(NeededCapabilities, OfOtherNamespacesTakeTheLargeOne) {
  EXPECT_NE(needed_capabilities({.source = "ipvs", .other_netns = true}, kAll) & capability(CAP_SYS_ADMIN), 0U);
}

TEST(NeededCapabilities, GoOnWithTheLargeOneWhereThereIsNoOtherForBpf) {
  const Capabilities old = kAll & ~capability(CAP_BPF);
  EXPECT_EQ(needed_capabilities({.source = "ipvs"}, old), capability(CAP_NET_ADMIN) | capability(CAP_SYS_ADMIN));
}

TEST(NeededCapabilities, AreNoneThatAreNotThere) { EXPECT_EQ(needed_capabilities({.source = "engine", .other_netns = true}, 0), 0U); }

/// Runs it in a process of its own, which what it gives up ends with. Its result is the exit code: 0, or the number of what went wrong.
int in_a_process(const std::function<int()>& what) {
  const pid_t child = fork();
  if (child == 0) _exit(what());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(KeepCapabilities, GivesUpAllOthersForGood) {
  const Capabilities before = permitted_capabilities();
  EXPECT_EQ(in_a_process([before] {
              keep_capabilities(capability(CAP_NET_ADMIN));
              const Capabilities kept = permitted_capabilities();
              if (kept != (before & capability(CAP_NET_ADMIN))) return 1;
              keep_capabilities(kAll);
              if (permitted_capabilities() != kept) return 2;
              // With CAP_SETPCAP, which root has here, the bounding set goes too.
              if ((before & capability(CAP_SETPCAP)) != 0 && prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN) != 0) return 3;
              return 0;
            }),
            0);
}

bool refused(long result) { return result < 0 && errno == EPERM; }

TEST(KnownSystemCalls, AreAllThatIsLeft) {
  EXPECT_EQ(in_a_process([] {
              allow_only_known_system_calls({});
              char name[] = "/bin/true";
              char* const arguments[] = {name, nullptr};
              if (!refused(execv(name, arguments))) return 1;
              // As glibc's fork: no thread.
              if (!refused(syscall(SYS_clone, 0, nullptr, nullptr, nullptr, nullptr))) return 2;
              if (syscall(SYS_clone3, nullptr, 0) != -1 || errno != ENOSYS) return 3;
              if (!refused(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr))) return 4;
              if (!refused(socket(AF_PACKET, SOCK_RAW, 0))) return 5;
              if (mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED || errno != EPERM) return 6;
              bpf_attr attr{};
              if (!refused(syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attr, sizeof attr))) return 7;
              if (!refused(setns(0, CLONE_NEWNET))) return 8;
              if (!refused(kill(getppid(), 0)) || !refused(syscall(SYS_tgkill, getppid(), getppid(), 0))) return 9;
              const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
              if (!refused(fcntl(file, F_SETOWN, getppid())) || !refused(fcntl(file, F_SETSIG, SIGTERM))) return 12;
              f_owner_ex owner{F_OWNER_PID, getppid()};
              if (!refused(fcntl(file, F_SETOWN_EX, &owner))) return 13;
              if (!refused(chmod("/", 0755))) return 10;
              if (!refused(unshare(CLONE_NEWUSER))) return 11;
              return 0;
            }),
            0);
}

TEST(KnownSystemCalls, AreThoseOfACapture) {
  EXPECT_EQ(in_a_process([] {
              allow_only_known_system_calls({.bpf = true, .setns = true});
              const int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
              char byte = 0;
              if (file < 0 || read(file, &byte, 1) != 1) return 1;
              for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}) {
                if (socket(family, SOCK_DGRAM, 0) < 0 && errno == EPERM) return 2;
              }
              void* const memory = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              if (memory == MAP_FAILED || mprotect(memory, 4096, PROT_READ | PROT_WRITE) != 0) return 3;
              bpf_attr attr{};
              // The kernel's own answers, whatever they are, and not the filter's.
              attr.map_fd = static_cast<__u32>(-1);
              if (syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr) != -1 || errno != EPERM) return 4;
              if (getuid() == 0 && (syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attr, sizeof attr) != -1 || errno == EPERM)) return 5;
              if (fcntl(file, F_GETFL) < 0 || fcntl(file, F_DUPFD_CLOEXEC, 3) < 0 || syscall(SYS_tgkill, getpid(), gettid(), 0) != 0) return 8;
              if (setns(-1, CLONE_NEWNET) != -1 || errno == EPERM) return 6;
              if (!refused(setns(-1, CLONE_NEWNS))) return 7;
              return 0;
            }),
            0);
}

}  // namespace
}  // namespace vslog
