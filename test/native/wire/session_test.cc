// One session on a pair of sockets: what it refuses, and in which words; server_test.cc has whole conversations.
#include "wire/session.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <protozero/pbf_writer.hpp>
#include <vector>

#include "temp_dir.h"
#include "vslog_fields.h"
#include "wire/strict_message.h"

namespace vslog {
namespace {

class Connections final : public LiveConnections {
 public:
  std::vector<ConnRecord> conns;
  bool able = true;
  int expired = 0;

  /// As a source shows them: so many at a time.
  class Walk final : public ConnWalk {
   public:
    Walk(Connections& of) : of_(of) {}
    bool next(const std::function<void(const ConnRecord&)>& each) override {
      ++of_.pieces;
      for (std::size_t n = 0; n < 1000 && at_ < of_.conns.size(); ++n) each(of_.conns[at_++]);
      return at_ < of_.conns.size();
    }

   private:
    Connections& of_;
    std::size_t at_ = 0;
  };
  int pieces = 0;

  std::unique_ptr<ConnWalk> list(const engine::ConnFilter&) override { return able ? std::make_unique<Walk>(*this) : nullptr; }
  bool expire(const ExpireRequest& request, const Author&, ConnExpired& result) override {
    if (able && !request.dry_run) ++expired;
    result.matched = conns.size();
    return able;
  }
};

class Handler final : public RequestHandler {
 public:
  int handled = 0;
  std::exception_ptr failure;

  bool takes(FrameType type) const override { return type == FrameType::knob_list || type == FrameType::knob_set; }
  bool changes(FrameType type) const override { return type == FrameType::knob_set; }
  Answer change(FrameType, std::string_view payload, const Author&) override {
    ++handled;
    if (failure) std::rethrow_exception(failure);
    return {FrameType::knob_changed, std::string(payload)};
  }
  /// `parts` pieces of `part` bytes.
  class Knobs final : public Pieces {
   public:
    Knobs(Handler& of) : of_(of) {}
    bool next(const SendPart& send) override {
      if (of_.failure && at_ == 1) std::rethrow_exception(of_.failure);
      ++of_.made;
      send(FrameType::knob_entry, std::string(of_.part, 'k'));
      return ++at_ < of_.parts;
    }

   private:
    Handler& of_;
    int at_ = 0;
  };
  int parts = 1;
  int made = 0;
  std::size_t part = 4;
  std::unique_ptr<Pieces> look(FrameType, std::string_view) override { return std::make_unique<Knobs>(*this); }
};

struct Reply {
  FrameHeader header;
  std::string payload;

  FrameType type() const { return static_cast<FrameType>(header.type); }
  ErrorReply error() const {
    EXPECT_EQ(type(), FrameType::control_error);
    return decode<ErrorReply>(payload);
  }
};

class SessionTest : public testing::Test {
 protected:
  SessionTest() {
    std::array<int, 2> fds{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
    here_ = UniqueFd(fds[0]);
    there_ = UniqueFd(fds[1]);
    exchange_.live_connections = &connections_;
    exchange_.administration = &handler_;
  }

  static constexpr uid_t kUs = 1000;

  std::unique_ptr<Session> session(bool may_subscribe = true, bool may_set = true) { return of(Rights{may_subscribe, may_subscribe, may_set, true}, kUs); }
  std::unique_ptr<Session> of(const Rights& rights, uid_t uid) {
    Peer peer;
    peer.uid = uid;
    return std::make_unique<Session>(exchange_, here_.get(), 3, rights, peer, users_, users_.join(uid, rights.privileged));
  }
  std::unique_ptr<Session> greeted(bool may_subscribe = true, bool may_set = true) { return greet(session(may_subscribe, may_set)); }
  std::unique_ptr<Session> greet(std::unique_ptr<Session> s) {
    ask(*s, FrameType::control_hello, encode(Hello{1, 1, "test"}));
    return s;
  }

  /// All whole frames that the session answers to one.
  std::vector<Reply> all(Session& s, FrameType type, std::string_view payload, std::uint16_t flags = frame_flag::request) {
    std::string bytes;
    append_frame(bytes, type, flags, ++sequence_, 0, payload);
    s.receive(bytes);
    return served(s);
  }
  /// Gives it turns while it wants them, and all that it says meanwhile.
  std::vector<Reply> served(Session& s) {
    std::vector<Reply> replies = answers(s);
    while (s.wants_turn()) {
      s.turn();
      for (Reply& reply : answers(s)) replies.push_back(std::move(reply));
    }
    return replies;
  }
  /// Its only answer.
  Reply ask(Session& s, FrameType type, std::string_view payload, std::uint16_t flags = frame_flag::request) {
    const std::vector<Reply> replies = all(s, type, payload, flags);
    EXPECT_EQ(replies.size(), 1U);
    return replies.empty() ? Reply{} : replies.front();
  }
  std::vector<Reply> answers(Session& s) {
    state_ = s.flush();
    char buffer[65536];
    for (ssize_t n = 0; (n = recv(there_.get(), buffer, sizeof buffer, 0)) > 0;) in_.append(buffer, static_cast<std::size_t>(n));
    std::vector<Reply> replies;
    for (auto header = decode_header(in_); header && header->length <= in_.size(); header = decode_header(in_)) {
      replies.push_back({*header, in_.substr(kFrameHeaderSize, header->length - kFrameHeaderSize)});
      in_.erase(0, header->length);
    }
    return replies;
  }
  Subscribe durable(const std::string& name = "d") { return {SubscriptionMode::durable, name, {}, journal_.epoch(), 0, {}}; }
  void publish(Session& s, std::uint32_t count) {
    const std::uint64_t at = journal_.end();
    put(journal_, count);
    s.published(*journal_.at(at));
  }

  UniqueFd here_;
  UniqueFd there_;
  TempDir dir_;
  Journal journal_{journal_options(dir_)};
  Connections connections_;
  Handler handler_;
  Users users_{8 << 20};
  Exchange exchange_{journal_, "lb1", "boot", "engine", "vslog-capture 1", [] { return SourceStatus{}; }};
  Session::State state_ = Session::State::open;
  std::string in_;
  std::uint32_t sequence_ = 0;
};

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

}  // namespace
}  // namespace vslog
