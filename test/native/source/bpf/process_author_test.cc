#include "source/bpf/process_author.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace vslog {
namespace {

vslog_author process(const std::string& argv) {
  vslog_author a{};
  a.uid = 5;
  a.login_uid = 1000;
  a.pid = 77;
  a.through = VSLOG_THROUGH_SYSCTL;
  a.parent_pid = 70;
  std::strcpy(a.comm, "sysctl");
  std::strcpy(a.parent_comm, "bash");
  std::memcpy(a.command, argv.data(), argv.size());
  a.command_size = static_cast<__u32>(argv.size());
  return a;
}

TEST(ProcessAuthor, IsTakenWhole) {
  const Author author = author_of(process(std::string("sysctl\0-w\0net.ipv4.vs.drop_entry=1\0", 36)));
  EXPECT_EQ(author.through, Through::sysctl);
  EXPECT_EQ(author.uid, 5U);
  EXPECT_EQ(author.login_uid, 1000U);
  EXPECT_EQ(author.pid, 77U);
  EXPECT_EQ(author.command, "sysctl -w net.ipv4.vs.drop_entry=1");
  EXPECT_EQ(author.parent_pid, 70U);
  EXPECT_EQ(author.parent_command, "bash");
}

TEST(ProcessAuthor, WhatATerminalObeysIsShown) {
  vslog_author a = process("a\nb\x1b[1m\u202e" "c");
  EXPECT_EQ(author_of(a).command, "a\\x0ab\\x1b[1m\\u202ec");
  std::strcpy(a.parent_comm, "\x1b]0;p\x07");
  EXPECT_EQ(author_of(a).parent_command, "\\x1b]0;p\\x07");
}

TEST(ProcessAuthor, WhatTheKernelCutInACharacterEndsBeforeIt) {
  const std::string whole(sizeof(vslog_author::command) - 2, 'x');
  EXPECT_EQ(author_of(process(whole + "\xc3")).command, whole + "…") << "255 bytes are as much as the kernel side reads";
  vslog_author a = process("");
  std::strcpy(a.comm, "fifteen bytes \xc3");
  EXPECT_EQ(author_of(a).command, "fifteen bytes ");
}

TEST(ProcessAuthor, WithoutACommandLineItsShortNameStands) {
  EXPECT_EQ(author_of(process("")).command, "sysctl");
  EXPECT_EQ(author_of(process(std::string("\0\0", 2))).command, "sysctl");
}

TEST(ProcessAuthor, BelievesNoSizeBeyondTheRecord) {
  vslog_author a = process(std::string(sizeof(vslog_author::command), 'x'));
  a.command_size = 100'000;
  EXPECT_EQ(author_of(a).command, std::string(sizeof a.command, 'x') + "…");
  std::memset(a.parent_comm, 'y', sizeof a.parent_comm);  // without a NUL
  EXPECT_EQ(author_of(a).parent_command, std::string(sizeof a.parent_comm, 'y'));
}

TEST(ProcessAuthor, OfTheKernelItIsNobody) {
  vslog_author a = process("sysctl");
  a.through = VSLOG_THROUGH_KERNEL;
  const Author author = author_of(a);
  EXPECT_EQ(author.through, Through::kernel);
  EXPECT_EQ(author.uid, kNoUid);
  EXPECT_EQ(author.pid, 0U);
  EXPECT_EQ(author.command, "");
}

}  // namespace
}  // namespace vslog
