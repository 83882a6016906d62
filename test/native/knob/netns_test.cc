#include "knob/netns.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "event/clock.h"
#include "wire/requests.h"

namespace vslog {
namespace {

std::string refusal(const std::string& name) {
  try {
    const Netns netns(name);
  } catch (const RequestError& e) {
    EXPECT_EQ(e.field(), "netns");
    return std::to_string(e.code());
  }
  return "taken";
}

std::uint32_t own_inode() {
  struct stat info{};
  EXPECT_EQ(stat("/proc/self/ns/net", &info), 0);
  return static_cast<std::uint32_t>(info.st_ino);
}

TEST(Netns, WithoutANameItIsOurs) {
  const Netns netns("");
  EXPECT_TRUE(netns.own());
  EXPECT_EQ(netns.inode(), own_inode());
  int called = 0;
  netns.run([&called] { ++called; });
  EXPECT_EQ(called, 1);
}

TEST(Netns, WhatIsDoneInAnotherOneCountsAsOurWork) {
  constexpr std::uint64_t kWork = 5'000'000;
  const Netns netns("/proc/" + std::to_string(getpid()) + "/ns/net");
  const std::uint64_t before = work_ns();
  netns.run([] {
    for (const std::uint64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + kWork; clock_ns(CLOCK_THREAD_CPUTIME_ID) < end;) {
    }
  });
  EXPECT_GE(work_ns() - before, kWork);
}

TEST(Netns, AProcessNamesIts) {
  const Netns netns("/proc/" + std::to_string(getpid()) + "/ns/net");
  EXPECT_FALSE(netns.own());
  EXPECT_EQ(netns.inode(), own_inode());
}

// The capture opens it with all its rights, for whoever asks.
TEST(Netns, NamesNoOtherFile) {
  for (const char* bad : {"/etc/passwd", "/proc/1/ns/pid", "/proc/self/ns/net/", "/proc/1/../1/ns/net", "/proc//ns/net", "/proc/1x/ns/net", "/run/netns/", "/run/netns/..", "/run/netns/../x",
                          "/run/netns/a/b", "/var/run/netns/.", "../x", "a/b", ".."}) {
    EXPECT_EQ(refusal(bad), std::to_string(EINVAL)) << bad;
  }
}

TEST(Netns, SaysThatThereIsNone) {
  EXPECT_EQ(refusal("no-such-namespace"), std::to_string(ENOENT));
  EXPECT_EQ(refusal("/proc/4294967295/ns/net"), std::to_string(ENOENT));
}

}  // namespace
}  // namespace vslog
