// One client's conversation: its frames in, the answers and batches out. docs/wire.md, "Conversation" and "Limits".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/filter.h"
#include "event/conn_walk.h"
#include "event/control_record.h"
#include "wire/conn_filter.h"
#include "wire/filter.h"
#include "wire/frame.h"
#include "wire/journal.h"
#include "wire/messages.h"
#include "wire/peer.h"
#include "wire/requests.h"
#include "wire/rights.h"
#include "wire/users.h"

namespace vslog {

class Session;

/// Whoever has the live connections.
class LiveConnections {
 public:
  virtual ~LiveConnections() = default;
  /// Begins a list of every one that matches. Null: this source cannot. Throws RequestError.
  virtual std::unique_ptr<ConnWalk> list(const engine::ConnFilter& filter) = 0;
  /// Ends every one that matches. False: this source cannot. Throws RequestError.
  virtual bool expire(const ExpireRequest& request, const Author& author, ConnExpired& result) = 0;
};

/// What all sessions share.
struct Exchange {
  Journal& journal;
  std::string node;
  std::string boot_id;
  std::string source;
  std::string software;
  std::function<SourceStatus()> status;  ///< all but durable and live, which the session fills in
  LiveConnections* live_connections = nullptr;
  RequestHandler* administration = nullptr;
  std::function<void(const ControlRecord&)> log{};  ///< takes what is done to a durable subscription
  std::string admin_group{};   ///< whose members may set, for the sentence to who may not; empty: no group's
  std::string keeper_group{};  ///< whose members may keep, the same
  std::map<std::string, Session*, std::less<>> durable{};  ///< names in use
  std::uint32_t live = 0;
};

class Session {
 public:
  static constexpr std::uint32_t kVersion = 1;
  /// A live subscription with more waiting than this misses batches. Bytes.
  static constexpr std::size_t kOutLimit = 1 << 20;
  /// A session with more waiting than this is not read from, and no request of it is gone on with. Bytes.
  static constexpr std::size_t kAnswerAhead = 64 << 10;
  /// Longest frame of a client, bytes; a change of who may set may have kMaxFrameSize.
  static constexpr std::size_t kInLimit = 64 << 10;
  /// What one piece of an answer comes to, bytes, at most.
  static constexpr std::size_t kPiece = 128 << 10;
  /// Live subscriptions of one user who is not privileged.
  static constexpr std::size_t kMaxLive = 8;

  enum class State { open, dead };

  /// `fd` is a connected, non-blocking socket that outlives the session, as does `user`.
  Session(Exchange& exchange, int fd, std::uint32_t port, const Rights& rights, Peer peer, Users& users, User& user);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Takes bytes of the client. Acknowledgements of a durable subscriber are done at once; any other request waits for its turn.
  void receive(std::string_view bytes);
  /// There is a request, and its answer would be read.
  bool wants_turn() const { return !closing_ && !dead_ && (pieces_ || request_) && unsent() <= kAnswerAhead; }
  /// Handles one request, or one piece of a long one.
  void turn();
  /// A batch was committed.
  void published(const KeptBatch& batch);
  /// Sends what the socket takes. dead: the session is over.
  State flush();

  bool wants_input() const { return !closing_ && !request_ && unsent() <= kAnswerAhead; }
  /// The socket took less than there is.
  bool blocked() const { return blocked_; }
  bool idle() const { return out_.size() == sent_ && !streaming_rest(); }
  /// It is subscribed, durably or live.
  bool subscribed() const { return durable_ >= 0 || live_; }
  bool keeps() const { return durable_ >= 0; }
  bool greeted() const { return greeted_; }
  bool privileged() const { return rights_.privileged; }
  User& user() { return user_; }
  /// Answers that were not sent yet.
  std::string_view pending() const { return std::string_view(out_).substr(sent_); }
  /// Ends the durable subscription that this session has, as it was given up for it; then it is over.
  void drop();

 private:
  void look();
  void dispatch(const FrameHeader& header, std::string_view payload);
  void handle(const FrameHeader& header, std::string_view payload);
  /// Calls it; what it throws becomes the answer. False: it threw.
  bool guarded(const FrameHeader& header, const std::function<void()>& what);
  void hello(const FrameHeader& header, std::string_view payload);
  void subscribe(const FrameHeader& header, std::string_view payload);
  void subscribe_durable(const FrameHeader& header, const Subscribe& wanted);
  void subscribe_live(const FrameHeader& header, const Subscribe& wanted);
  void acknowledge(const FrameHeader& header, std::string_view payload);
  void forget(const FrameHeader& header, std::string_view payload);
  void note_erasure(const FrameHeader& header, std::string_view payload);
  void source_status(const FrameHeader& header);
  void conn_list(const FrameHeader& header, std::string_view payload);
  void conn_expire(const FrameHeader& header, std::string_view payload);
  void administer(const FrameHeader& header, FrameType type, std::string_view payload);

  bool refuse_unless_allowed(const FrameHeader& header);
  bool refuse_unless_may_keep(const FrameHeader& header);
  bool refuse_unless_may_set(const FrameHeader& header);
  /// Somebody else's subscription: refuses.
  bool refuse_unless_owner(const FrameHeader& header, const DurableSlot& slot, bool root_may);
  void tell(ControlKind kind, const std::string& name, std::uint64_t lost, const std::string& detail);
  void answer(const FrameHeader& to, FrameType type, std::string_view payload);
  void error(const FrameHeader& to, int code, std::string message, std::string field = "");
  void fatal(const FrameHeader& to, int code, std::string message, std::string field = "");
  /// Hands on what its groups and filter pass.
  void pass_on(const KeptBatch& kept);
  void miss(std::uint64_t first, std::uint64_t last, std::uint64_t count);
  void say_overrun();
  void leave_durable();
  void account();
  std::size_t unsent() const { return out_.size() - sent_; }
  bool streaming_rest() const { return durable_ >= 0 && position_ < exchange_.journal.end(); }
  std::uint64_t first_unsent() const;
  bool send_some(std::string_view bytes, std::size_t& taken);

  Exchange& exchange_;
  int fd_;
  std::uint32_t port_;
  Rights rights_;
  Peer peer_;
  Users& users_;
  User& user_;
  std::size_t accounted_ = 0;

  std::string in_;
  std::size_t done_ = 0;      // of in_: handled
  std::uint64_t offset_ = 0;  // of in_'s first byte in the client's stream
  bool request_ = false;      // a whole frame stands at done_ that waits for its turn
  std::unique_ptr<Pieces> pieces_;
  FrameHeader asked_;         // what pieces_ answers
  std::string out_;
  std::size_t sent_ = 0;
  bool greeted_ = false;
  bool closing_ = false;
  bool dead_ = false;
  bool blocked_ = false;

  // Durable: where in the journal it stands. A frame begun must be ended before an answer can go out.
  int durable_ = -1;
  std::string name_;
  std::uint64_t position_ = 0;
  std::uint64_t frame_begin_ = 0;
  std::uint64_t frame_end_ = 0;

  bool live_ = false;
  GroupFilter groups_;
  EventFilter filter_;
  Overrun missed_;
};

}  // namespace vslog
