// What a session writes into the log of an erasure: session_erase.cc.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "session_fixture.h"

namespace vslog {
namespace {

Erasure ordered() { return {EraseStage::ordered, "5f2c91ab", "address", 1'790'000'000'000'000'000, "a person asked for it", 0, ""}; }

TEST_F(SessionTest, AnErasureIsWrittenDownWithItsAuthorAndNotItsCommandLine) {
  std::vector<ControlRecord> told;
  exchange_.log = [&told](const ControlRecord& c) { told.push_back(c); };
  const auto keeper = greet(of(Rights{true, true, false, true}, 7));
  ASSERT_EQ(ask(*keeper, FrameType::event_erase, encode(ordered())).error().code, 0);
  Erasure done = ordered();
  done.stage = EraseStage::done;
  done.events = 6;
  done.places = "connections=3 spool=6 embedded=6";
  ASSERT_EQ(ask(*keeper, FrameType::event_erase, encode(done)).error().code, 0);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].kind, ControlKind::erase_ordered);
  EXPECT_EQ(told[0].name, "5f2c91ab");
  EXPECT_EQ(told[0].old_value, "address");
  EXPECT_EQ(told[0].detail, "a person asked for it");
  EXPECT_EQ(told[0].last_ns, 1'790'000'000'000'000'000U);
  EXPECT_EQ(told[0].uid, 7U);
  EXPECT_TRUE(told[0].command.empty() || told[0].command == "vslog erase") << told[0].command;
  EXPECT_EQ(told[1].kind, ControlKind::erased);
  EXPECT_EQ(told[1].lost, 6U);
  EXPECT_EQ(told[1].new_value, "connections=3 spool=6 embedded=6");
}

TEST_F(SessionTest, AnErasureIsRefusedToWhoMayOnlyLook) {
  std::size_t told = 0;
  exchange_.log = [&told](const ControlRecord&) { ++told; };
  exchange_.keeper_group = "vslog-collector";
  const auto reader = greet(of(Rights{true, false, false, false}, 7));
  const ErrorReply refused = ask(*reader, FrameType::event_erase, encode(ordered())).error();
  EXPECT_EQ(refused.code, EPERM);
  EXPECT_NE(refused.message.find("vslog-collector"), std::string::npos) << refused.message;
  // Nor to an administrator.
  const auto admin = greet(of(Rights{true, false, true, false}, 8));
  EXPECT_EQ(ask(*admin, FrameType::event_erase, encode(ordered())).error().code, EPERM);
  EXPECT_EQ(told, 0U);
}

TEST_F(SessionTest, AnErasureThatCannotBeIsToldByItsField) {
  const auto keeper = greet(of(Rights{true, true, false, true}, 7));
  const auto field_of = [&](const Erasure& m) {
    const ErrorReply reply = ask(*keeper, FrameType::event_erase, encode(m)).error();
    EXPECT_EQ(reply.code, EINVAL) << reply.message;
    return reply.field;
  };
  Erasure m = ordered();
  m.stage = EraseStage::unspecified;
  EXPECT_EQ(field_of(m), "stage");
  m = ordered();
  m.id = "two words";
  EXPECT_EQ(field_of(m), "id");
  m = ordered();
  m.selectors = "address,203.0.113.7";
  EXPECT_EQ(field_of(m), "selectors");
  m.selectors = "address,";
  EXPECT_EQ(field_of(m), "selectors");
  m = ordered();
  m.reason = "";
  EXPECT_EQ(field_of(m), "reason");
  m.reason = std::string(401, 'x');
  EXPECT_EQ(field_of(m), "reason");
  m = ordered();
  m.places = "spool=6; file=7";
  EXPECT_EQ(field_of(m), "places");
}

}  // namespace
}  // namespace vslog
