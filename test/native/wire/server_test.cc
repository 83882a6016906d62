#include "wire/server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>

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

class ServerTest : public testing::Test {
 protected:
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

}  // namespace
}  // namespace vslog
