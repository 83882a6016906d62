// One client's conversation: its frames in, the answers and batches out. docs/wire.md, "Conversation".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "engine/filter.h"
#include "event/conn_record.h"
#include "wire/conn_filter.h"
#include "wire/filter.h"
#include "wire/frame.h"
#include "wire/journal.h"
#include "wire/messages.h"
#include "wire/peer.h"
#include "wire/requests.h"

namespace vslog {

class Session;

/// Whoever has the live connections.
class LiveConnections {
 public:
  virtual ~LiveConnections() = default;
  /// Shows every one that matches. False: this source cannot.
  virtual bool list(const engine::ConnFilter& filter, const std::function<void(const ConnRecord&)>& each) = 0;
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
  std::string admin_group{};  ///< whose members may set, for the sentence to who may not; empty: no group's
  std::map<std::string, Session*, std::less<>> durable{};  ///< names in use
  std::uint32_t live = 0;
};

class Session {
 public:
  static constexpr std::uint32_t kVersion = 1;
  /// A session with more waiting than this is not read from, and as a live one misses batches. Bytes.
  static constexpr std::size_t kOutLimit = 1 << 20;

  enum class State { open, dead };

  /// `fd` is a connected, non-blocking socket that outlives the session.
  Session(Exchange& exchange, int fd, std::uint32_t port, bool may_subscribe, bool may_set = false, Peer peer = {});
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Takes bytes of the client.
  void receive(std::string_view bytes);
  /// A batch was committed.
  void published(const KeptBatch& batch);
  /// Sends what the socket takes. dead: the session is over.
  State flush();

  bool wants_input() const { return !closing_ && out_.size() - sent_ <= kOutLimit; }
  /// The socket took less than there is.
  bool blocked() const { return blocked_; }
  bool idle() const { return out_.size() == sent_ && !streaming_rest(); }
  /// Answers that were not sent yet.
  std::string_view pending() const { return std::string_view(out_).substr(sent_); }

 private:
  void dispatch(const FrameHeader& header, std::string_view payload);
  void hello(const FrameHeader& header, std::string_view payload);
  void subscribe(const FrameHeader& header, std::string_view payload);
  void subscribe_durable(const FrameHeader& header, const Subscribe& wanted);
  void subscribe_live(const FrameHeader& header, const Subscribe& wanted);
  void acknowledge(const FrameHeader& header, std::string_view payload);
  void forget(const FrameHeader& header, std::string_view payload);
  void source_status(const FrameHeader& header);
  void conn_list(const FrameHeader& header, std::string_view payload);
  void conn_expire(const FrameHeader& header, std::string_view payload);

  void administer(const FrameHeader& header, FrameType type, std::string_view payload);

  bool refuse_unless_allowed(const FrameHeader& header);
  bool refuse_unless_may_set(const FrameHeader& header);
  void answer(const FrameHeader& to, FrameType type, std::string_view payload);
  void error(const FrameHeader& to, int code, std::string message, std::string field = "");
  void fatal(const FrameHeader& to, int code, std::string message, std::string field = "");
  void say_overrun();
  bool streaming_rest() const { return durable_ >= 0 && position_ < exchange_.journal.end(); }
  std::uint64_t first_unsent() const;
  bool send_some(std::string_view bytes, std::size_t& taken);

  Exchange& exchange_;
  int fd_;
  std::uint32_t port_;
  bool may_subscribe_;
  bool may_set_;
  Peer peer_;

  std::string in_;
  std::uint64_t offset_ = 0;  // of in_'s first byte in the client's stream
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
