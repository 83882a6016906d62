// What nobody may have more of, or do without a right: turns, memory, frames, subscriptions.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "event/clock.h"
#include "session_fixture.h"

namespace vslog {
namespace {

TEST_F(SessionTest, HandlesOneRequestInATurn) {
  const auto s = greeted();
  std::string bytes;
  for (std::uint32_t i = 0; i < 100; ++i) append_frame(bytes, FrameType::source_status, frame_flag::request, i, 0, "");
  s->receive(bytes);
  EXPECT_TRUE(answers(*s).empty()) << "nothing is handled as it comes";
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(s->wants_turn());
    EXPECT_FALSE(s->wants_input()) << "it is not read from while a request waits";
    s->turn();
    EXPECT_EQ(answers(*s).size(), 1U);
  }
  EXPECT_FALSE(s->wants_turn());
  EXPECT_TRUE(s->wants_input());
}

TEST_F(SessionTest, MakesALongAnswerAsItIsRead) {
  const auto s = greeted();
  handler_.parts = 1000;
  handler_.part = 4096;
  std::string bytes;
  for (std::uint32_t i = 0; i < 50; ++i) append_frame(bytes, FrameType::knob_list, frame_flag::request, i, 0, "");
  s->receive(bytes);
  while (s->wants_turn()) {
    s->turn();
    s->flush();
  }
  // Nobody reads: what the socket took, and no more than one piece beyond the limit, of the first of fifty answers.
  EXPECT_LE(s->pending().size(), Session::kAnswerAhead + handler_.part + kFrameHeaderSize);
  EXPECT_LT(handler_.made, 1000);
  EXPECT_FALSE(s->wants_input());
  EXPECT_LE(users_.bytes(), std::size_t{1} << 20);
}

TEST_F(SessionTest, ALongAnswerThatFailsEndsWithItsReason) {
  const auto s = greeted();
  handler_.parts = 3;
  handler_.failure = std::make_exception_ptr(RequestError(EIO, "", "it went away."));
  const std::vector<Reply> replies = all(*s, FrameType::knob_list, "");
  ASSERT_EQ(replies.size(), 2U);
  EXPECT_EQ(replies[1].error().code, EIO);
  handler_.failure = nullptr;
  EXPECT_EQ(all(*s, FrameType::knob_list, "").size(), 4U) << "and the next one is answered";
}

TEST_F(SessionTest, TakesNoLongFrameButAChangeOfWhoMaySet) {
  const auto begun = [&](Session& s, FrameType type) {
    std::string bytes;
    append_frame(bytes, type, frame_flag::request, 1, 0, "");
    const std::uint32_t length = Session::kInLimit + 1;
    std::memcpy(bytes.data(), &length, sizeof length);
    s.receive(bytes);
    return served(s);
  };
  const auto silent = session();
  EXPECT_EQ(begun(*silent, FrameType::control_hello).at(0).error().code, EMSGSIZE);
  EXPECT_EQ(state_, Session::State::dead);
  const auto reader = greeted(true, false);
  EXPECT_EQ(begun(*reader, FrameType::knob_set).at(0).error().code, EMSGSIZE);
  EXPECT_EQ(state_, Session::State::dead);
  const auto setter = greeted();
  EXPECT_TRUE(begun(*setter, FrameType::knob_set).empty()) << "it waits for the rest";
  EXPECT_EQ(state_, Session::State::open);
  EXPECT_TRUE(setter->wants_input());
}

TEST_F(SessionTest, AnAcknowledgementNeedsNoTurn) {
  put(journal_, 10);
  const auto s = greeted();
  all(*s, FrameType::event_subscribe, encode(durable()));
  std::string bytes;
  append_frame(bytes, FrameType::event_ack, 0, 0, 0, encode(Acknowledge{journal_.epoch(), 10}));
  s->receive(bytes);
  EXPECT_EQ(journal_.durables().at(0).acknowledged, 10U);
}

TEST_F(SessionTest, ADurableSubscriptionNeedsARightOfItsOwn) {
  const auto reader = greet(of(Rights{true, false, false, false}, 7));
  EXPECT_EQ(ask(*reader, FrameType::event_subscribe, encode(durable())).error().code, EPERM);
  EXPECT_EQ(ask(*reader, FrameType::event_forget, encode(durable())).error().code, EPERM);
  EXPECT_FALSE(journal_.has_durable());
  EXPECT_EQ(ask(*reader, FrameType::event_subscribe, encode(Subscribe{SubscriptionMode::live, "", {}, "", 0, {}})).type(), FrameType::event_subscribed);
}

TEST_F(SessionTest, ADurableSubscriptionIsItsMakers) {
  std::vector<ControlRecord> told;
  exchange_.log = [&told](const ControlRecord& record) { told.push_back(record); };
  put(journal_, 10);
  const Rights keeper{true, true, false, true};
  { const auto maker = greet(of(keeper, 7));
    EXPECT_EQ(all(*maker, FrameType::event_subscribe, encode(durable("collector"))).at(0).type(), FrameType::event_subscribed);
  }
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, ControlKind::subscriber_added);
  EXPECT_EQ(told[0].name, "collector");
  EXPECT_EQ(told[0].uid, 7U);
  for (const uid_t other : {uid_t{8}, uid_t{0}}) {
    const auto thief = greet(of(keeper, other));
    const ErrorReply refused = ask(*thief, FrameType::event_subscribe, encode(durable("collector"))).error();
    EXPECT_EQ(refused.code, EPERM) << other;
    EXPECT_NE(refused.message.find("belongs to user 7"), std::string::npos) << refused.message;
  }
  const auto thief = greet(of(keeper, 8));
  EXPECT_EQ(ask(*thief, FrameType::event_forget, encode(durable("collector"))).error().code, EPERM);
  EXPECT_EQ(journal_.durables().at(0).acknowledged, 0U);
  const auto root = greet(of(keeper, 0));
  EXPECT_EQ(ask(*root, FrameType::event_forget, encode(durable("collector"))).error().code, 0);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[1].kind, ControlKind::subscriber_removed);
  EXPECT_EQ(told[1].uid, 0U);
  EXPECT_EQ(told[1].lost, 10U);
}

TEST_F(SessionTest, OneUserTakesNeitherAllDurableSubscriptionsNorTheLast) {
  const Rights keeper{true, true, false, true};
  const auto subscribed = [&](uid_t uid, const std::string& name) {
    const auto s = greet(of(keeper, uid));
    return ask(*s, FrameType::event_subscribe, encode(durable(name)));
  };
  const auto fills = [&](uid_t uid) {
    for (int i = 0; i < 8; ++i) EXPECT_EQ(subscribed(uid, "s" + std::to_string(uid) + "." + std::to_string(i)).type(), FrameType::event_subscribed);
    EXPECT_EQ(subscribed(uid, "one-more").error().code, ENOSPC);
  };
  for (const uid_t uid : {1001U, 1002U, 1003U}) fills(uid);
  EXPECT_EQ(subscribed(1004, "s").error().code, ENOSPC);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(subscribed(0, "root." + std::to_string(i)).type(), FrameType::event_subscribed);
  EXPECT_EQ(subscribed(0, "root.8").error().code, ENOSPC);
}

TEST_F(SessionTest, OneUserHasAFewLiveSubscriptions) {
  std::vector<std::unique_ptr<Session>> sessions;
  const auto another = [&] {
    sessions.push_back(greet(of(Rights{true, false, false, false}, 7)));
    return ask(*sessions.back(), FrameType::event_subscribe, encode(Subscribe{SubscriptionMode::live, "", {}, "", 0, {}}));
  };
  for (std::size_t i = 0; i < Session::kMaxLive; ++i) EXPECT_EQ(another().type(), FrameType::event_subscribed);
  EXPECT_EQ(another().error().code, EUSERS);
  sessions.erase(sessions.begin());
  EXPECT_EQ(another().type(), FrameType::event_subscribed) << "one that ended makes room";
}

TEST_F(SessionTest, ALiveOneThatHasUsedUpItsMemoryMissesAndIsToldOf) {
  const auto s = greet(of(Rights{true, false, false, false}, 7));
  EXPECT_EQ(ask(*s, FrameType::event_subscribe, encode(Subscribe{SubscriptionMode::live, "", {}, "", 0, {}})).type(), FrameType::event_subscribed);
  User& user = users_.join(7, false);
  users_.hold(user, 2 << 20);  // all that one user may have
  publish(*s, 3);
  users_.hold(user, -(2 << 20));
  std::vector<Reply> replies = answers(*s);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].type(), FrameType::control_overrun);
  EXPECT_EQ(decode<Overrun>(replies[0].payload).missed, 3U);
  publish(*s, 3);
  replies = answers(*s);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].type(), FrameType::event_batch);
}

TEST_F(SessionTest, AnAcknowledgementOfWhoHasNothingToAcknowledgeWaitsForItsTurn) {
  const auto s = greeted();
  std::string bytes;
  for (int i = 0; i < 1000; ++i) append_frame(bytes, FrameType::event_ack, 0, 0, 0, "");
  s->receive(bytes);
  EXPECT_TRUE(answers(*s).empty()) << "each is refused by a sentence, which takes time";
  EXPECT_TRUE(s->wants_turn());
}

TEST_F(SessionTest, ALiveOneThatHasUsedUpItsTimeMissesAndIsToldOf) {
  const auto s = greet(of(Rights{true, false, false, false}, 7));
  EXPECT_EQ(ask(*s, FrameType::event_subscribe, encode(Subscribe{SubscriptionMode::live, "", {Group::conn_expire}, "", 0, {}})).type(), FrameType::event_subscribed);
  User& user = users_.join(7, false);
  users_.spend(user, clock_ns(CLOCK_MONOTONIC), 3'600'000'000'000);
  publish(*s, 3);  // creates, which its groups would not pass: nobody looks
  const std::vector<Reply> replies = answers(*s);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].type(), FrameType::control_overrun);
  EXPECT_EQ(decode<Overrun>(replies[0].payload).missed, 3U);
}

TEST_F(SessionTest, WhatALiveOneLooksAtIsItsUsersTime) {
  const auto s = greet(of(Rights{true, false, false, false}, 7));
  EXPECT_EQ(ask(*s, FrameType::event_subscribe, encode(Subscribe{SubscriptionMode::live, "", {Group::conn_expire}, "", 0, {}})).type(), FrameType::event_subscribed);
  User& user = users_.join(7, false);
  const std::uint64_t now = clock_ns(CLOCK_MONOTONIC);
  EXPECT_TRUE(user.share.whole(now));
  publish(*s, 5000);
  EXPECT_FALSE(user.share.whole(now));
}

}  // namespace
}  // namespace vslog
