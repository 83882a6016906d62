#include "event/author.h"

#include <gtest/gtest.h>

namespace vslog {
namespace {

Author keepalived() {
  Author author;
  author.through = Through::netlink;
  author.uid = 0;
  author.login_uid = 1000;
  author.pid = 77;
  author.command = "keepalived -n";
  author.parent_pid = 1;
  author.parent_command = "systemd";
  return author;
}

TEST(Author, IsWrittenIntoARecordWhole) {
  ControlRecord r;
  sign(r, keepalived());
  EXPECT_EQ(r.through, Through::netlink);
  EXPECT_EQ(r.uid, 0U);
  EXPECT_EQ(r.login_uid, 1000U);
  EXPECT_EQ(r.pid, 77U);
  EXPECT_EQ(r.command, "keepalived -n");
  EXPECT_EQ(r.parent_pid, 1U);
  EXPECT_EQ(r.parent_command, "systemd");
}

TEST(Author, NamesWhomItAskedFor) {
  EXPECT_EQ(on_behalf(keepalived(), "alice").command, "for alice: keepalived -n");
  EXPECT_EQ(on_behalf(keepalived(), "").command, "keepalived -n");
}

TEST(Author, IsNobodyUntilItIsKnown) {
  EXPECT_EQ(Author{}.uid, kNoUid);
  EXPECT_EQ(Author{}.login_uid, kNoUid);
}

}  // namespace
}  // namespace vslog
