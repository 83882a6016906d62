#include "engine/state.h"

#include <gtest/gtest.h>

#include <string>

namespace vslog::engine {
namespace {

/// Follows packets: each word is C or S (client, server) and what it sends.
struct Follower {
  std::uint8_t protocol;
  bool no_output = false;
  bool secure = false;
  Timeouts timeouts{};
  std::uint8_t state = 0;
  bool inactive = true;  // as ip_vs_bind_dest leaves it
  Time timeout = 0;

  std::string packet(bool from_client, std::uint8_t flags) {
    const Transition t = transition({protocol, state, inactive, no_output, from_client, flags}, timeouts, secure);
    state = t.state;
    inactive = t.inactive;
    timeout = t.timeout;
    return std::string(state_name(protocol, state)) + (inactive ? "" : "*") + " " + std::to_string(timeout / kSecond);
  }
  std::string client(std::uint8_t flags) { return packet(true, flags); }
  std::string server(std::uint8_t flags) { return packet(false, flags); }
};

TEST(TcpStates, FollowAConnectionThatTheClientCloses) {
  Follower f{kTcp};
  EXPECT_EQ(f.client(kSyn), "SYN_RECV* 60");
  EXPECT_EQ(f.server(kSyn | kAck), "SYN_RECV* 60");
  EXPECT_EQ(f.client(kAck), "ESTABLISHED* 900");
  EXPECT_EQ(f.client(kPsh | kAck), "ESTABLISHED* 900");
  EXPECT_EQ(f.client(kFin | kAck), "CLOSE_WAIT 60");
  EXPECT_EQ(f.server(kFin | kAck), "TIME_WAIT 120");
  EXPECT_EQ(f.client(kAck), "TIME_WAIT 120");
  EXPECT_EQ(f.client(kSyn), "SYN_RECV* 60");
}

TEST(TcpStates, FollowAConnectionThatTheServerCloses) {
  Follower f{kTcp};
  f.client(kSyn);
  f.server(kSyn | kAck);
  f.client(kAck);
  EXPECT_EQ(f.server(kFin | kAck), "FIN_WAIT 120");
  EXPECT_EQ(f.client(kFin | kAck), "TIME_WAIT 120");
}

TEST(TcpStates, CloseWithAReset) {
  Follower f{kTcp};
  EXPECT_EQ(f.client(kSyn), "SYN_RECV* 60");
  EXPECT_EQ(f.client(kRst), "SYN_RECV* 60");  // a client's alone does not take a half-open connection away
  EXPECT_EQ(f.server(kRst | kAck), "CLOSE 10");
  EXPECT_EQ(f.client(0), "CLOSE 10");
}

TEST(TcpStates, SeeTheClientOnlyWithDirectRouting) {
  Follower f{kTcp, true};
  EXPECT_EQ(f.client(kSyn), "SYN_RECV* 60");
  EXPECT_EQ(f.client(kAck), "ESTABLISHED* 900");
  EXPECT_EQ(f.client(kFin | kAck), "FIN_WAIT 120");
  EXPECT_EQ(f.client(kAck), "FIN_WAIT 120");
}

TEST(TcpStates, BeginInTheMiddleWhenSloppy) {
  for (const bool no_output : {false, true}) {
    Follower f{kTcp, no_output};
    EXPECT_EQ(f.client(kAck), "ESTABLISHED* 900");
  }
}

TEST(TcpStates, BelieveTheServerOnlyWithSecureTcp) {
  Follower f{kTcp, false, true};
  EXPECT_EQ(f.client(kSyn), "SYN_RECV* 60");
  EXPECT_EQ(f.client(kAck), "SYN_RECV* 60");
  EXPECT_EQ(f.server(kSyn | kAck), "SYNACK* 120");
  EXPECT_EQ(f.client(kAck), "SYNACK* 120");
  EXPECT_EQ(f.client(kRst), "CLOSE 10");
  Follower g{kTcp, false, true};
  g.client(kSyn);
  g.server(kSyn | kAck);
  EXPECT_EQ(g.server(kAck), "ESTABLISHED* 900");
}

TEST(UdpStates, AreOneAndInactive) {
  Follower f{kUdp};
  EXPECT_EQ(f.client(0), "UDP 300");
  EXPECT_EQ(f.server(0), "UDP 300");
}

TEST(SctpStates, FollowAnAssociationFromInitToShutdown) {
  Follower f{kSctp};
  EXPECT_EQ(f.client(kSctpInit), "INIT1 4");
  EXPECT_EQ(f.client(kSctpInit), "INIT 61");
  EXPECT_EQ(f.server(kSctpInitAck), "C-SENT 61");
  EXPECT_EQ(f.client(kSctpCookieEcho), "C-REPLIED 61");
  EXPECT_EQ(f.server(kSctpCookieAck), "ESTABLISHED* 900");
  EXPECT_EQ(f.client(kSctpSack), "ESTABLISHED* 900");
  EXPECT_EQ(f.client(kSctpShutdown), "S-RECEIVED 61");
  EXPECT_EQ(f.server(kSctpShutdownAck), "S-ACK-SENT 61");
  EXPECT_EQ(f.client(kSctpShutdownComplete), "CLOSED 61");
}

TEST(SctpStates, EndWithAnAbort) {
  Follower f{kSctp};
  f.client(kSctpInit);
  EXPECT_EQ(f.server(kSctpAbort), "REJECTED 4");
  Follower g{kSctp};
  g.client(kSctpInit);
  g.server(kSctpInitAck);
  EXPECT_EQ(g.client(kSctpAbort), "CLOSED 61");
}

TEST(SctpStates, SeeTheClientOnlyWithDirectRouting) {
  Follower f{kSctp, true};
  EXPECT_EQ(f.client(kSctpInit), "INIT1 4");
  EXPECT_EQ(f.client(kSctpCookieEcho), "ESTABLISHED* 900");
  EXPECT_EQ(f.client(kSctpShutdown), "S-RECEIVED 61");
  EXPECT_EQ(f.client(kSctpShutdownComplete), "CLOSED 61");
}

TEST(States, StayWithinTheirTableWhateverComes) {
  const Timeouts timeouts;
  for (const std::uint8_t protocol : {kTcp, kUdp, kSctp}) {
    const int states = static_cast<int>(protocol == kTcp ? static_cast<int>(TcpState::count) : protocol == kSctp ? static_cast<int>(SctpState::count) : 1);
    for (int state = 0; state < states; ++state) {
      EXPECT_STRNE(state_name(protocol, static_cast<std::uint8_t>(state)), "");
      for (int flags = 0; flags < 256; ++flags) {
        for (int bits = 0; bits < 16; ++bits) {
          const Transition t = transition({protocol, static_cast<std::uint8_t>(state), (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, static_cast<std::uint8_t>(flags)}, timeouts, (bits & 8) != 0);
          ASSERT_LT(t.state, states);
          ASSERT_GT(t.timeout, 0U);
          ASSERT_TRUE(t.state != state || t.inactive == ((bits & 1) != 0));
        }
      }
    }
  }
}

TEST(States, TakeTheirTimeoutsFromTheOperator) {
  Follower f{kTcp};
  f.timeouts.tcp[static_cast<std::size_t>(TcpState::syn_recv)] = 7 * kSecond;
  EXPECT_EQ(f.client(kSyn), "SYN_RECV* 7");
}

TEST(MaySchedule, WantsABeginningUnlessSloppy) {
  EXPECT_TRUE(may_schedule(kTcp, kSyn, false, false));
  EXPECT_TRUE(may_schedule(kTcp, kSyn | kAck, false, false));  // for active FTP
  EXPECT_FALSE(may_schedule(kTcp, kAck, false, true));
  EXPECT_TRUE(may_schedule(kTcp, kAck, true, false));
  EXPECT_FALSE(may_schedule(kTcp, kRst | kAck, true, true));
  EXPECT_FALSE(may_schedule(kTcp, kSyn | kRst, true, true));
  EXPECT_TRUE(may_schedule(kUdp, 0, false, false));
  EXPECT_TRUE(may_schedule(kSctp, kSctpInit, false, false));
  EXPECT_FALSE(may_schedule(kSctp, kSctpData, true, false));
  EXPECT_TRUE(may_schedule(kSctp, kSctpData, false, true));
  EXPECT_FALSE(may_schedule(kSctp, kSctpAbort, false, true));
  EXPECT_FALSE(may_schedule(1, 0, true, true));
}

TEST(IsNew, IsASynOrAnInit) {
  EXPECT_TRUE(is_new(kTcp, kSyn));
  EXPECT_FALSE(is_new(kTcp, kAck));
  EXPECT_TRUE(is_new(kSctp, kSctpInit));
  EXPECT_FALSE(is_new(kSctp, kSctpData));
  EXPECT_FALSE(is_new(kUdp, 0));
}

}  // namespace
}  // namespace vslog::engine
