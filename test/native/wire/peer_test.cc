#include "wire/peer.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>
#include <vector>

#include "wire/journal.h"
#include "wire/unique_fd.h"

namespace vslog {
namespace {

TEST(Peer, IsReadFromItsSocket) {
  std::array<int, 2> fds{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
  const UniqueFd here(fds[0]);
  const UniqueFd there(fds[1]);
  const Peer peer = read_peer(here.get());
  EXPECT_EQ(peer.uid, getuid());
  EXPECT_EQ(peer.pid, getpid());
  ASSERT_FALSE(peer.groups.empty());
  EXPECT_EQ(peer.groups.front(), getgid());
}

TEST(Peer, OfNoSocketIsNobody) {
  const Peer peer = read_peer(-1);
  EXPECT_EQ(peer.uid, static_cast<uid_t>(-1));
  EXPECT_TRUE(peer.groups.empty());
}

TEST(Peer, HasTheGroupsOfItsProcess) {
  std::vector<gid_t> own(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
  ASSERT_EQ(getgroups(static_cast<int>(own.size()), own.data()), static_cast<int>(own.size()));
  own.push_back(getgid());
  std::array<int, 2> fds{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
  const UniqueFd here(fds[0]);
  const UniqueFd there(fds[1]);
  const Peer peer = read_peer(here.get());
  EXPECT_EQ(std::set<gid_t>(peer.groups.begin(), peer.groups.end()), std::set<gid_t>(own.begin(), own.end()));
  const Peer credentials = read_credentials(here.get());
  EXPECT_EQ(credentials.uid, getuid());
  EXPECT_EQ(credentials.pid, getpid());
  EXPECT_EQ(credentials.groups, std::vector<gid_t>{getgid()});
}

TEST(Peer, FindsAGroupByNameAndNumber) {
  EXPECT_EQ(find_group("4294967294"), 4294967294U);
  EXPECT_EQ(find_group("root"), 0U);
  try {
    find_group("no-such-group-here", "admin-group");
    FAIL() << "it was found";
  } catch (const SetupError& e) {
    EXPECT_STREQ(e.what(), "--admin-group no-such-group-here is no group of this machine: name one that exists, or its number.");
  }
}

}  // namespace
}  // namespace vslog
