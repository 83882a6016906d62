// Bytes go through a pipe, and through memory when there is none.
#include "source/engine/conduit.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

namespace vslog {
namespace {

struct Two {
  UniqueFd here;
  UniqueFd there;
  Two() {
    std::array<int, 2> fds{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
    here = UniqueFd(fds[0]);
    there = UniqueFd(fds[1]);
  }
};

TEST(Conduit, CarriesWithAndWithoutPipes) {
  for (const std::size_t pipes : {PipePool::kMostPipes, std::size_t{0}}) {
    PipePool pool(pipes);
    Two in;
    Two out;
    Conduit conduit;
    EXPECT_EQ(conduit.take(in.there.get(), pool), -1);
    ASSERT_EQ(send(in.here.get(), "one", 3, 0), 3);
    EXPECT_EQ(conduit.take(in.there.get(), pool), 3);
    EXPECT_EQ(conduit.waiting(), 3u);
    EXPECT_TRUE(conduit.give(out.here.get()));
    EXPECT_EQ(conduit.waiting(), 0u);
    std::array<char, 8> got{};
    EXPECT_EQ(recv(out.there.get(), got.data(), got.size(), 0), 3);
    EXPECT_STREQ(got.data(), "one");

    ASSERT_EQ(send(in.here.get(), "two", 3, 0), 3);
    EXPECT_EQ(conduit.take(in.there.get(), pool), 3);
    conduit.discard();
    EXPECT_EQ(conduit.waiting(), 0u);
    EXPECT_TRUE(conduit.give(out.here.get()));
    EXPECT_EQ(recv(out.there.get(), got.data(), got.size(), 0), -1);

    in.here.reset();
    EXPECT_EQ(conduit.take(in.there.get(), pool), 0);
  }
}

TEST(Conduit, GivesAFullPipeBackByClosingIt) {
  PipePool pool(1);
  Two in;
  {
    Conduit conduit;
    ASSERT_EQ(send(in.here.get(), "x", 1, 0), 1);
    EXPECT_EQ(conduit.take(in.there.get(), pool), 1);
    EXPECT_FALSE(pool.borrow());
  }
  const PipePool::Loan loan = pool.borrow();
  ASSERT_TRUE(loan);
  EXPECT_EQ(loan->held, 0u);
}

}  // namespace
}  // namespace vslog
