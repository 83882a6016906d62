// What one session answers and what it refuses, and in which words; server_test.cc has whole conversations, session_limits_test.cc what nobody may have more of.
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <protozero/pbf_writer.hpp>
#include <vector>

#include "session_fixture.h"
#include "vslog_fields.h"
#include "wire/strict_message.h"

namespace vslog {
namespace {

TEST_F(SessionTest, WelcomesWithWhatThePeerMayDo) {
  const auto s = session(true, false);
  const Reply reply = ask(*s, FrameType::control_hello, encode(Hello{1, 3, "test"}));
  ASSERT_EQ(reply.type(), FrameType::control_welcome);
  EXPECT_EQ(reply.header.sequence, sequence_);
  EXPECT_EQ(reply.header.port, 3U);
  const auto w = decode<Welcome>(reply.payload);
  EXPECT_EQ(w.version, 1U);
  EXPECT_EQ(w.node, "lb1");
  EXPECT_EQ(w.epoch, journal_.epoch());
  EXPECT_EQ(w.source, "engine");
  EXPECT_TRUE(w.may_subscribe);
  EXPECT_FALSE(w.may_set);
}

TEST_F(SessionTest, MustBeginWithHelloAndSayItOnce) {
  const auto silent = session();
  EXPECT_EQ(ask(*silent, FrameType::source_status, "").error().code, EPROTO);
  EXPECT_EQ(state_, Session::State::dead);
  const auto s = greeted();
  EXPECT_EQ(ask(*s, FrameType::control_hello, encode(Hello{1, 1, "test"})).error().code, EINVAL);
  EXPECT_EQ(state_, Session::State::open);
}

TEST_F(SessionTest, RefusesVersionsThatItDoesNotSpeak) {
  for (const Hello& hello : {Hello{2, 9, ""}, Hello{0, 0, ""}, Hello{3, 1, ""}}) {
    const auto s = session();
    EXPECT_EQ(ask(*s, FrameType::control_hello, encode(hello)).error().code, EPROTONOSUPPORT);
    EXPECT_EQ(state_, Session::State::dead);
  }
}

TEST_F(SessionTest, TakesAFrameInAnyPieces) {
  const auto s = session();
  std::string bytes;
  append_frame(bytes, FrameType::control_hello, frame_flag::request, 1, 0, encode(Hello{1, 1, "test"}));
  append_frame(bytes, FrameType::source_status, frame_flag::request, 2, 0, "");
  for (const char c : bytes) s->receive(std::string_view(&c, 1));
  const std::vector<Reply> replies = served(*s);
  ASSERT_EQ(replies.size(), 2U);
  EXPECT_EQ(replies[0].type(), FrameType::control_welcome);
  EXPECT_EQ(replies[1].type(), FrameType::source_status);
}

TEST_F(SessionTest, EndsAtALengthThatCannotBe) {
  for (const std::uint32_t length : {0U, 15U, static_cast<std::uint32_t>(kMaxFrameSize) + 1}) {
    const auto s = greeted();
    s->receive(std::string(reinterpret_cast<const char*>(&length), sizeof length));
    const std::vector<Reply> replies = answers(*s);
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].error().code, EBADMSG);
    EXPECT_EQ(state_, Session::State::dead);
  }
}

TEST_F(SessionTest, WhoMayNotSubscribeMayNeitherListNorForget) {
  const auto s = greeted(false, false);
  EXPECT_EQ(ask(*s, FrameType::event_subscribe, encode(durable())).error().code, EPERM);
  EXPECT_EQ(ask(*s, FrameType::event_forget, encode(durable())).error().code, EPERM);
  EXPECT_EQ(ask(*s, FrameType::conn_list, "").error().code, EPERM);
  EXPECT_FALSE(journal_.has_durable());
}

TEST_F(SessionTest, WhoMayNotSetChangesNothing) {
  exchange_.admin_group = "wheel";
  const auto s = greeted(true, false);
  const ErrorReply refused = ask(*s, FrameType::knob_set, "x").error();
  EXPECT_EQ(refused.code, EPERM);
  EXPECT_NE(refused.message.find("members of group wheel"), std::string::npos) << refused.message;
  EXPECT_EQ(ask(*s, FrameType::conn_expire, "").error().code, EPERM);
  EXPECT_EQ(handler_.handled, 0);
  EXPECT_EQ(connections_.expired, 0);
  EXPECT_EQ(all(*s, FrameType::knob_list, "").size(), 2U) << "reading is allowed";
  std::string dry;
  protozero::pbf_writer(dry).add_bool(field::ConnExpire::dry_run, true);
  EXPECT_EQ(ask(*s, FrameType::conn_expire, dry).error().code, EPERM) << "also what would end is the operator's to ask: it takes the kernel's whole table twice, at once";
}

TEST_F(SessionTest, HandsOnWhatIsForTheAdministration) {
  const auto s = greeted();
  const Reply changed = ask(*s, FrameType::knob_set, "payload");
  EXPECT_EQ(changed.type(), FrameType::knob_changed);
  EXPECT_EQ(changed.payload, "payload");
  const std::vector<Reply> replies = all(*s, FrameType::knob_list, "");
  ASSERT_EQ(replies.size(), 2U);
  EXPECT_EQ(replies[0].type(), FrameType::knob_entry);
  EXPECT_EQ(replies[0].header.flags, frame_flag::multi);
  EXPECT_EQ(replies[1].type(), FrameType::control_done);
  EXPECT_EQ(replies[1].header.sequence, sequence_);
}

TEST_F(SessionTest, ARequestThatFailsEndsNothingElse) {
  const auto s = greeted();
  handler_.failure = std::make_exception_ptr(RequestError(ENOENT, "name", "there is no such knob."));
  EXPECT_EQ(ask(*s, FrameType::knob_set, "").error().code, ENOENT);
  handler_.failure = std::make_exception_ptr(BadRequest("value", "value 9 must be at most 1."));
  EXPECT_EQ(ask(*s, FrameType::knob_set, "").error().field, "value");
  handler_.failure = std::make_exception_ptr(std::runtime_error("nobody thought of this"));
  EXPECT_EQ(ask(*s, FrameType::knob_set, "").error().code, EIO);
  EXPECT_EQ(state_, Session::State::open);
}

TEST_F(SessionTest, AnswersWithAnEmptyErrorWhenAskedToAcknowledge) {
  const auto s = greeted();
  const std::vector<Reply> replies = all(*s, FrameType::source_status, "", frame_flag::request | frame_flag::ack);
  ASSERT_EQ(replies.size(), 2U);
  EXPECT_EQ(replies[1].error().code, 0);
}

TEST_F(SessionTest, RefusesADurableSubscriptionThatCannotBe) {
  const auto s = greeted();
  const auto refused = [&](const Subscribe& wanted) { return ask(*s, FrameType::event_subscribe, encode(wanted)).error(); };
  for (const std::string& name : {std::string(), std::string(64, 'a'), std::string("a b"), std::string("a/b"), std::string("\xc3\xb6")}) EXPECT_EQ(refused(durable(name)).field, "name") << name;
  Subscribe filtered = durable();
  filtered.filter = "x";
  EXPECT_EQ(refused(filtered).field, "filter");
  Subscribe ahead = durable();
  ahead.after_sequence = 1;  // the log is empty
  EXPECT_EQ(refused(ahead).field, "after_sequence");
  EXPECT_EQ(refused({}).field, "mode");
  EXPECT_FALSE(journal_.has_durable());
  const Reply good = ask(*s, FrameType::event_subscribe, encode(durable(std::string(63, 'a'))));
  EXPECT_EQ(good.type(), FrameType::event_subscribed);
  EXPECT_EQ(refused(durable("b")).field, "mode") << "one a session";
}

TEST_F(SessionTest, OfAnotherEpochTheClientHasNothing) {
  put(journal_, 5);
  const auto s = greeted();
  Subscribe wanted = durable();
  wanted.epoch = "another";
  wanted.after_sequence = 99;
  const std::vector<Reply> replies = all(*s, FrameType::event_subscribe, encode(wanted));
  ASSERT_EQ(replies.size(), 2U);
  const auto reply = decode<Subscribed>(replies[0].payload);
  EXPECT_EQ(reply.first_sequence, 1U);
  EXPECT_EQ(reply.skipped, 0U);
  EXPECT_EQ(replies[1].type(), FrameType::event_batch);
}

TEST_F(SessionTest, SaysHowManyTheJournalNoLongerHas) {
  while (journal_.overwritten() == 0) put(journal_, 1000);
  const auto s = greeted();
  const std::vector<Reply> replies = all(*s, FrameType::event_subscribe, encode(durable()));
  ASSERT_GT(replies.size(), 1U);
  const auto reply = decode<Subscribed>(replies[0].payload);
  EXPECT_EQ(reply.skipped, journal_.overwritten());
  EXPECT_EQ(reply.skipped_first_ns, 1U);
  EXPECT_EQ(reply.skipped_last_ns, journal_.overwritten());
  EXPECT_EQ(reply.first_sequence, journal_.overwritten() + 1);
}

TEST_F(SessionTest, AcknowledgesWhatWasSentAndNotOneMore) {
  put(journal_, 10);
  put(journal_, 10);
  const auto s = greeted();
  EXPECT_EQ(all(*s, FrameType::event_subscribe, encode(durable())).size(), 3U);
  const auto acknowledge = [&](std::uint64_t sequence, const std::string& epoch) { return ask(*s, FrameType::event_ack, encode(Acknowledge{epoch, sequence}), frame_flag::request | frame_flag::ack).error(); };
  EXPECT_EQ(acknowledge(21, journal_.epoch()).code, EINVAL);
  EXPECT_EQ(acknowledge(20, "another").field, "epoch");
  EXPECT_EQ(journal_.durables().at(0).acknowledged, 0U);
  EXPECT_EQ(acknowledge(10, journal_.epoch()).code, 0);
  EXPECT_EQ(journal_.durables().at(0).acknowledged, 10U);
  EXPECT_EQ(journal_.first_sequence(), 11U);
  EXPECT_EQ(acknowledge(20, journal_.epoch()).code, 0);
  EXPECT_EQ(journal_.durables().at(0).acknowledged, 20U);
  EXPECT_EQ(journal_.first_sequence(), 21U);
}

TEST_F(SessionTest, GetsWhatAnEarlierBootLeftFirstAndAcknowledgesItUnderItsOwnEpoch) {
  TempDir dir;
  JournalOptions options = journal_options(dir);
  std::string earlier;
  {
    Journal j(options);
    earlier = j.epoch();
    j.durable("d", kUs);
    put(j, 10);
    put(j, 10);
  }
  options.boot_id[0] = '2';
  Journal journal(options);
  put(journal, 5);
  Exchange exchange{journal, "lb1", "boot", "engine", "vslog-capture 1", [] { return SourceStatus{}; }};
  Peer peer;
  peer.uid = kUs;
  const auto subscribed = [&](const std::string& epoch, std::uint64_t after, const std::function<void(Session&, const std::vector<Reply>&)>& then) {
    Session s(exchange, here_.get(), 3, Rights{true, true, true, true}, peer, users_, users_.join(kUs, true));
    ask(s, FrameType::control_hello, encode(Hello{1, 1, "test"}));
    then(s, all(s, FrameType::event_subscribe, encode(Subscribe{SubscriptionMode::durable, "d", {}, epoch, after, {}})));
  };
  subscribed(earlier, 10, [&](Session& s, const std::vector<Reply>& replies) {
    ASSERT_EQ(replies.size(), 3U);
    const auto reply = decode<Subscribed>(replies[0].payload);
    EXPECT_EQ(reply.epoch, earlier);
    EXPECT_EQ(reply.first_sequence, 11U);
    EXPECT_EQ(reply.skipped, 0U);
    EXPECT_EQ(decode<EventBatch>(replies[1].payload).header.epoch, earlier);
    EXPECT_EQ(decode<EventBatch>(replies[2].payload).header.epoch, journal.epoch());
    const auto acknowledge = [&](std::uint64_t sequence, const std::string& epoch) { return ask(s, FrameType::event_ack, encode(Acknowledge{epoch, sequence}), frame_flag::request | frame_flag::ack).error(); };
    EXPECT_EQ(acknowledge(20, earlier).code, 0);
    EXPECT_EQ(journal.first_sequence(), 1U) << "the new epoch's";
    EXPECT_EQ(acknowledge(20, earlier).code, 0) << "once more: it is let go of, and known";
    EXPECT_EQ(acknowledge(6, journal.epoch()).code, EINVAL) << "not sent yet";
    EXPECT_EQ(acknowledge(3, journal.epoch()).code, 0);
  });
  subscribed(earlier, 20, [&](Session&, const std::vector<Reply>& replies) {
    ASSERT_EQ(replies.size(), 2U);
    const auto reply = decode<Subscribed>(replies[0].payload);
    EXPECT_EQ(reply.epoch, journal.epoch());
    EXPECT_EQ(reply.first_sequence, 1U);
    EXPECT_EQ(reply.skipped, 0U);
  });
}

TEST_F(SessionTest, OnlyADurableOneAcknowledges) {
  const auto s = greeted();
  EXPECT_EQ(ask(*s, FrameType::event_ack, encode(Acknowledge{journal_.epoch(), 0})).error().code, EINVAL);
}

TEST_F(SessionTest, ForgetsADurableSubscriptionOfNobodyElse) {
  const auto s = greeted();
  EXPECT_EQ(ask(*s, FrameType::event_forget, encode(durable())).error().code, ENOENT);
  journal_.durable("d", kUs);
  exchange_.durable.emplace("d", nullptr);  // another session's
  EXPECT_EQ(ask(*s, FrameType::event_forget, encode(durable())).error().code, EBUSY);
  EXPECT_EQ(ask(*s, FrameType::event_subscribe, encode(durable())).error().code, EBUSY);
  exchange_.durable.clear();
  EXPECT_EQ(ask(*s, FrameType::event_forget, encode(durable())).error().code, 0);
  EXPECT_FALSE(journal_.has_durable());
}

TEST_F(SessionTest, ALiveOneGetsTheGroupsThatItNames) {
  const auto s = greeted();
  EXPECT_EQ(ask(*s, FrameType::event_subscribe, encode(Subscribe{SubscriptionMode::live, "", {static_cast<Group>(99)}, "", 0, {}})).error().field, "groups");
  EXPECT_EQ(exchange_.live, 0U);
  ask(*s, FrameType::event_subscribe, encode(Subscribe{SubscriptionMode::live, "", {Group::conn_expire}, "", 0, {}}));
  EXPECT_EQ(exchange_.live, 1U);
  publish(*s, 3);  // creates
  EXPECT_TRUE(answers(*s).empty());
}

TEST_F(SessionTest, LeavesNoTraceWhenItEnds) {
  {
    const auto s = greeted();
    ask(*s, FrameType::event_subscribe, encode(Subscribe{SubscriptionMode::live, "", {}, "", 0, {}}));
    const auto other = greeted();
    ask(*other, FrameType::event_subscribe, encode(durable()));
    EXPECT_EQ(exchange_.durable.size(), 1U);
  }
  EXPECT_EQ(exchange_.live, 0U);
  EXPECT_TRUE(exchange_.durable.empty());
  EXPECT_TRUE(journal_.has_durable()) << "the subscription outlives its session";
}

TEST_F(SessionTest, ListsConnectionsInPieces) {
  connections_.conns.resize(2500);
  const auto s = greeted();
  const std::vector<Reply> replies = all(*s, FrameType::conn_list, "");
  ASSERT_EQ(replies.size(), 11U) << "256 in a frame, 1000 in a piece";
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(replies[i].type(), FrameType::conn_entry);
  EXPECT_EQ(replies[10].type(), FrameType::control_done);
  EXPECT_EQ(connections_.pieces, 3);
  connections_.able = false;
  EXPECT_EQ(ask(*s, FrameType::conn_list, "").error().code, EOPNOTSUPP);
  EXPECT_EQ(ask(*s, FrameType::conn_expire, "").error().code, EOPNOTSUPP);
}

}  // namespace
}  // namespace vslog
