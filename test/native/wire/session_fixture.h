// One session on a pair of sockets, with everything behind it made up.
#pragma once

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
#include "wire/session.h"

namespace vslog {

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

}  // namespace vslog
