#include "source/bpf/kernel_pid.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace vslog {
namespace {

/// include/linux/proc_ns.h, PROC_PID_INIT_INO: the machine's first pid namespace.
constexpr ino_t kFirstPidNamespace = 0xEFFFFFFC;

/// What a process of a pid namespace of its own finds, and the number that we know it by. Without the right to make one it is in ours.
struct Seen {
  std::uint32_t kernel = 0;
  std::uint32_t itself = 0;
  std::uint32_t ours = 0;
};

Seen seen_by_a_child() {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return {};
  // The helper's children are in the new namespace; it tells us the number of the one that it made.
  const pid_t helper = fork();
  if (helper == 0) {
    static_cast<void>(unshare(CLONE_NEWPID));
    const pid_t child = fork();
    if (child == 0) {
      const std::array<std::uint32_t, 2> found{kernel_pid(), static_cast<std::uint32_t>(getpid())};
      _exit(write(ends[1], found.data(), sizeof found) == sizeof found ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    const auto number = static_cast<std::uint32_t>(child);
    _exit(write(ends[1], &number, sizeof number) == sizeof number ? status : 1);
  }
  int status = 0;
  waitpid(helper, &status, 0);
  Seen seen;
  EXPECT_EQ(read(ends[0], &seen, sizeof seen), static_cast<ssize_t>(sizeof seen));
  close(ends[0]);
  close(ends[1]);
  return seen;
}

TEST(KernelPid, IsTheNumberOfTheFirstNamespace) {
  struct stat ours{};
  ASSERT_EQ(stat("/proc/self/ns/pid", &ours), 0);
  const Seen seen = seen_by_a_child();
  if (getuid() != 0) {
    EXPECT_EQ(seen.kernel, seen.itself);
  } else if (ours.st_ino == kFirstPidNamespace) {
    EXPECT_EQ(seen.itself, 1U);
    EXPECT_EQ(seen.kernel, seen.ours);
  } else {
    EXPECT_NE(seen.kernel, 1U);
  }
}

}  // namespace
}  // namespace vslog
