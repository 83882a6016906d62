#include "wire/server.h"

#include <gtest/gtest.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <vector>

#include "temp_dir.h"

namespace vslog {
namespace {

struct Got {
  FrameHeader header;
  std::string payload;
};

class Client {
 public:
  explicit Client(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    path.copy(a.sun_path, sizeof a.sun_path - 1);
    EXPECT_EQ(connect(fd_.get(), reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
  }
  void send(FrameType type, std::string_view payload, std::uint32_t sequence = 1) {
    std::string bytes;
    append_frame(bytes, type, frame_flag::request, sequence, 0, payload);
    send_bytes(bytes);
  }
  void send_bytes(std::string_view bytes) { EXPECT_EQ(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size())); }
  /// The next frame; serves the server meanwhile. Type 0: closed, or nothing came.
  Got next(Server& server) {
    for (int i = 0; i < 2000; ++i) {
      if (const auto h = decode_header(in_); h && in_.size() >= h->length) {
        Got got{*h, in_.substr(kFrameHeaderSize, h->length - kFrameHeaderSize)};
        in_.erase(0, h->length);
        return got;
      }
      server.handle();
      char buffer[65536];
      const ssize_t n = recv(fd_.get(), buffer, sizeof buffer, 0);
      if (n > 0) in_.append(buffer, static_cast<std::size_t>(n));
      if (n == 0 && in_.empty()) break;
    }
    return {};
  }
  FrameType type(Server& server) { return static_cast<FrameType>(next(server).header.type); }
  ErrorReply error(Server& server) { return decode<ErrorReply>(next(server).payload); }
  void hello(Server& server) {
    send(FrameType::control_hello, encode(Hello{1, 1, "test"}));
    EXPECT_EQ(type(server), FrameType::control_welcome);
  }

 private:
  UniqueFd fd_;
  std::string in_;
};

/// Another user, for as long as it lives: a socket's peer is who connected. Needs root.
class As {
 public:
  explicit As(uid_t uid) {
    groups_.resize(static_cast<std::size_t>(getgroups(0, nullptr)));
    EXPECT_GE(getgroups(static_cast<int>(groups_.size()), groups_.data()), 0);
    EXPECT_EQ(setgroups(0, nullptr), 0) << "this test needs root";
    EXPECT_EQ(setegid(uid), 0);
    EXPECT_EQ(seteuid(uid), 0);
  }
  ~As() {
    EXPECT_EQ(seteuid(0), 0);
    EXPECT_EQ(setegid(0), 0);
    EXPECT_EQ(setgroups(groups_.size(), groups_.data()), 0);
  }
  As(const As&) = delete;
  As& operator=(const As&) = delete;

 private:
  std::vector<gid_t> groups_;
};

/// Knobs whose every piece takes the processor a fifth of a turn.
class SlowKnobs final : public RequestHandler {
 public:
  int made = 0;
  bool takes(FrameType type) const override { return type == FrameType::knob_list; }
  bool changes(FrameType) const override { return false; }
  Answer change(FrameType, std::string_view, const Author&) override { return {}; }
  std::unique_ptr<Pieces> look(FrameType, std::string_view) override { return std::make_unique<Knobs>(*this); }

 private:
  class Knobs final : public Pieces {
   public:
    Knobs(SlowKnobs& of) : of_(of) {}
    bool next(const SendPart& send) override {
      for (const std::uint64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + Server::kTurnNs / 5; clock_ns(CLOCK_THREAD_CPUTIME_ID) < end;) {
      }
      send(FrameType::knob_entry, "knob");
      return ++of_.made, ++at_ < 30;
    }

   private:
    SlowKnobs& of_;
    int at_ = 0;
  };
};

class ServerTest : public testing::Test {
 protected:
  ServerTest() { chmod(std::filesystem::path(dir.file("socket")).parent_path().c_str(), 0755); }
  void publish(std::uint32_t count) {
    const std::uint64_t at = journal.end();
    put(journal, count);
    server.published(*journal.at(at));
    server.flush();
  }
  Subscribe durable(std::uint64_t after = 0) { return {SubscriptionMode::durable, "d", {}, journal.epoch(), after, {}}; }

  TempDir dir;
  Journal journal{journal_options(dir)};
  Exchange exchange{journal, "node", "boot", "scripted", "test", [] { return SourceStatus{}; }};
  Server server{{dir.file("socket"), ""}, exchange};
};

TEST_F(ServerTest, NamesBothRangesWhenNoVersionIsCommon) {
  Client c(dir.file("socket"));
  c.send(FrameType::control_hello, encode(Hello{2, 9, "new"}));
  const ErrorReply e = c.error(server);
  EXPECT_EQ(e.code, EPROTONOSUPPORT);
  EXPECT_NE(e.message.find("2 to 9"), std::string::npos);
  EXPECT_EQ(c.next(server).header.type, 0);
}

TEST_F(ServerTest, NamesTheOffsetOfWhatItCannotRead) {
  Client c(dir.file("socket"));
  c.hello(server);
  std::string noop;
  append_frame(noop, FrameType::control_noop, 0, 0, 0, "");
  c.send_bytes(noop);
  c.send_bytes(std::string("\x03\x00\x00\x00", 4));
  const ErrorReply e = c.error(server);
  EXPECT_EQ(e.code, EBADMSG);
  EXPECT_EQ(e.field, "offset " + std::to_string(16 + encode(Hello{1, 1, "test"}).size() + 16));
}

TEST_F(ServerTest, APayloadThatIsNoMessageEndsTheSession) {
  Client c(dir.file("socket"));
  c.hello(server);
  c.send(FrameType::event_subscribe, "\xff\xff\xff");
  EXPECT_EQ(c.error(server).code, EBADMSG);
  EXPECT_EQ(c.next(server).header.type, 0);
}

TEST_F(ServerTest, AnUnknownTypeDoesNot) {
  Client c(dir.file("socket"));
  c.hello(server);
  c.send(static_cast<FrameType>(0x0777), "");
  EXPECT_EQ(c.error(server).code, EOPNOTSUPP);
  c.send(FrameType::source_status, "");
  EXPECT_EQ(c.type(server), FrameType::source_status);
}

TEST_F(ServerTest, ADurableOneGetsWhatItDidNotAcknowledgeAgainByteForByte) {
  std::string second;
  {
    Client c(dir.file("socket"));
    c.hello(server);
    c.send(FrameType::event_subscribe, encode(durable()));
    EXPECT_EQ(c.type(server), FrameType::event_subscribed);
    publish(3);
    publish(4);
    EXPECT_EQ(c.type(server), FrameType::event_batch);
    second = c.next(server).payload;
    c.send(FrameType::event_ack, encode(Acknowledge{journal.epoch(), 3}));
    Client other(dir.file("socket"));
    other.hello(server);
    other.send(FrameType::event_subscribe, encode(durable()));
    EXPECT_EQ(other.error(server).code, EBUSY);
  }
  server.handle();
  server.handle();
  EXPECT_EQ(journal.first_sequence(), 4U);
  Client c(dir.file("socket"));
  c.hello(server);
  c.send(FrameType::event_subscribe, encode(durable(3)));
  const auto s = decode<Subscribed>(c.next(server).payload);
  EXPECT_EQ(s.first_sequence, 4U);
  EXPECT_EQ(s.skipped, 0U);
  EXPECT_EQ(c.next(server).payload, second);
}

TEST_F(ServerTest, AnAcknowledgementOfWhatWasNeverSentIsRefused) {
  Client c(dir.file("socket"));
  c.hello(server);
  c.send(FrameType::event_subscribe, encode(durable()));
  EXPECT_EQ(c.type(server), FrameType::event_subscribed);
  c.send(FrameType::event_ack, encode(Acknowledge{journal.epoch(), 1}));
  EXPECT_EQ(c.error(server).code, EINVAL);
}

TEST_F(ServerTest, ASlowLiveOneIsToldExactlyWhatItMissed) {
  Client c(dir.file("socket"));
  c.hello(server);
  c.send(FrameType::event_subscribe, encode(Subscribe{SubscriptionMode::live, "", {}, "", 0, {}}));
  EXPECT_EQ(c.type(server), FrameType::event_subscribed);
  for (int i = 0; i < 300; ++i) publish(1000);
  const std::uint64_t made = journal.next_sequence() - 1;
  std::uint64_t seen = 0;
  std::uint64_t missed = 0;
  std::uint64_t expected = 1;
  while (seen + missed < made) {
    const Got got = c.next(server);
    if (static_cast<FrameType>(got.header.type) == FrameType::control_overrun) {
      const auto o = decode<Overrun>(got.payload);
      EXPECT_EQ(o.first_sequence, expected);
      EXPECT_EQ(o.last_sequence - o.first_sequence + 1, o.missed);
      missed += o.missed;
      expected = o.last_sequence + 1;
    } else {
      ASSERT_EQ(static_cast<FrameType>(got.header.type), FrameType::event_batch);
      const auto b = decode<EventBatch>(got.payload);
      EXPECT_EQ(b.header.first_sequence, expected);
      seen += b.header.count;
      expected += b.header.count;
    }
  }
  EXPECT_GT(missed, 0U);
  EXPECT_EQ(seen + missed, made);
}

TEST_F(ServerTest, OneTurnTakesAMomentHoweverMuchIsAsked) {
  SlowKnobs knobs;
  exchange.administration = &knobs;
  std::vector<std::unique_ptr<Client>> clients;
  std::string many;
  append_frame(many, FrameType::control_hello, frame_flag::request, 1, 0, encode(Hello{1, 1, "test"}));
  for (std::uint32_t i = 0; i < 3000; ++i) append_frame(many, FrameType::knob_list, frame_flag::request, i, 0, "");
  for (uid_t uid = 1001; uid <= 1004; ++uid) {
    const As stranger(uid);
    for (std::size_t i = 0; i < Server::kStrangerSessions; ++i) {
      clients.push_back(std::make_unique<Client>(dir.file("socket")));
      clients.back()->send_bytes(many);
    }
  }
  for (int turn = 0; turn < 200; ++turn) {
    const int before = knobs.made;
    server.handle();
    // The one that begins as the time is over, and the greetings beside them.
    EXPECT_LE(knobs.made - before, 6) << turn;
  }
  EXPECT_GT(knobs.made, 0);
  EXPECT_EQ(server.sessions(), Server::kMaxStrangers);
  // Root is not behind them.
  Client root(dir.file("socket"));
  root.send(FrameType::control_hello, encode(Hello{1, 1, "test"}));
  root.send(FrameType::source_status, "");
  for (int turn = 0; turn < 12; ++turn) server.handle();
  EXPECT_EQ(root.type(server), FrameType::control_welcome);
  EXPECT_EQ(root.type(server), FrameType::source_status);
}

TEST_F(ServerTest, StrangersWaitWhenTheyHaveUsedUpTheirTime) {
  SlowKnobs knobs;
  exchange.administration = &knobs;
  std::unique_ptr<Client> client;
  {
    const As stranger(1001);
    client = std::make_unique<Client>(dir.file("socket"));
  }
  client->hello(server);
  for (std::uint32_t i = 0; i < 50; ++i) client->send(FrameType::knob_list, "", i);
  // A clock that stands still gives nothing back.
  const std::uint64_t now = clock_ns(CLOCK_MONOTONIC);
  for (int turn = 0; turn < 1000; ++turn) server.handle(now);
  const int burst = knobs.made;
  EXPECT_GE(burst, 30);
  EXPECT_LE(burst, static_cast<int>(Users::kBurstNs / (Server::kTurnNs / 5)) + 1);
  EXPECT_GT(server.wait_ms(now), 0) << "nobody is asked to come back at once";
  // A second brings an eighth of a second.
  for (std::uint64_t ms = 1; ms <= 1000; ++ms) server.handle(now + ms * 1'000'000);
  EXPECT_GT(knobs.made, burst + 300);
  EXPECT_LE(knobs.made, burst + 125 * 5 + 1);
}

TEST_F(ServerTest, WhatAPeerThatIsGoneAskedIsDropped) {
  SlowKnobs knobs;
  exchange.administration = &knobs;
  {
    const As stranger(1001);
    Client c(dir.file("socket"));
    std::string many;
    append_frame(many, FrameType::control_hello, frame_flag::request, 1, 0, encode(Hello{1, 1, "test"}));
    for (std::uint32_t i = 0; i < 3000; ++i) append_frame(many, FrameType::knob_list, frame_flag::request, i, 0, "");
    c.send_bytes(many);
  }
  for (int turn = 0; turn < 10; ++turn) server.handle();
  EXPECT_EQ(knobs.made, 0);
  EXPECT_EQ(server.sessions(), 0U);
}

TEST_F(ServerTest, OneUserHasSoManySessionsAndIsToldWhy) {
  std::vector<std::unique_ptr<Client>> clients;
  {
    const As stranger(1001);
    for (std::size_t i = 0; i <= Server::kStrangerSessions; ++i) clients.push_back(std::make_unique<Client>(dir.file("socket")));
  }
  for (int i = 0; i < 8; ++i) server.handle();
  const ErrorReply refused = clients.back()->error(server);
  EXPECT_EQ(refused.code, EUSERS);
  EXPECT_NE(refused.message.find("user 1001 has 16 sessions"), std::string::npos) << refused.message;
  std::unique_ptr<Client> another;
  {
    const As other(1002);
    another = std::make_unique<Client>(dir.file("socket"));
  }
  another->hello(server);
}

TEST_F(ServerTest, AnIdleStrangerGivesUpItsPlace) {
  const std::uint64_t now = clock_ns(CLOCK_MONOTONIC);
  std::vector<std::unique_ptr<Client>> clients;
  for (uid_t uid = 1001; uid <= 1004; ++uid) {
    const As stranger(uid);
    for (std::size_t i = 0; i < Server::kStrangerSessions; ++i) clients.push_back(std::make_unique<Client>(dir.file("socket")));
  }
  for (int i = 0; i < 32; ++i) server.handle(now);
  EXPECT_EQ(server.sessions(), Server::kMaxStrangers);
  const auto newcomer = [this] {
    const As stranger(1005);
    return std::make_unique<Client>(dir.file("socket"));
  };
  const auto early = newcomer();
  server.handle(now + Server::kIdleNs - 1);
  EXPECT_EQ(early->error(server).code, EUSERS);
  const auto late = newcomer();
  server.handle(now + Server::kIdleNs);
  late->hello(server);
  EXPECT_EQ(server.sessions(), Server::kMaxStrangers);
}

TEST_F(ServerTest, WhoSaysNoHelloIsNotWaitedFor) {
  const std::uint64_t now = clock_ns(CLOCK_MONOTONIC);
  Client silent(dir.file("socket"));
  Client half(dir.file("socket"));
  half.send_bytes(std::string("\x20\0", 2));
  Client good(dir.file("socket"));
  good.hello(server);
  server.handle(now);
  server.tick(now);
  EXPECT_EQ(server.sessions(), 3U);
  server.tick(now + 2 * Server::kGreetingNs);
  EXPECT_EQ(server.sessions(), 1U);
}

TEST_F(ServerTest, SessionsAreKeptForRootAndTheCollector) {
  std::vector<std::unique_ptr<Client>> clients;
  const auto fill = [&](std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      clients.push_back(std::make_unique<Client>(dir.file("socket")));
      server.handle();
    }
  };
  fill(Server::kMaxSessions - Server::kKept);
  std::unique_ptr<Client> stranger;
  {
    const As nobody(1001);
    stranger = std::make_unique<Client>(dir.file("socket"));
  }
  EXPECT_EQ(stranger->error(server).code, EUSERS);
  fill(Server::kKept);
  EXPECT_EQ(server.sessions(), Server::kMaxSessions);
  Client refused(dir.file("socket"));
  EXPECT_EQ(refused.error(server).code, EUSERS);
}

}  // namespace
}  // namespace vslog
