#include "wire/session.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <protozero/exception.hpp>
#include <utility>

#include "event/clock.h"
#include "wire/encoder.h"
#include "wire/strict_message.h"

namespace vslog {
namespace {

constexpr std::size_t kSendAtOnce = 1 << 20;
/// Connections in one frame of a list: with their records' longest encoding below Session::kPiece.
constexpr std::uint32_t kEntriesAtOnce = 256;
/// A buffer that has become larger is given back when it is empty.
constexpr std::size_t kKept = 64 << 10;

void release(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kKept) buffer.shrink_to_fit();
}

/// The live connections in CONN_ENTRY frames.
class ConnPieces final : public Pieces {
 public:
  explicit ConnPieces(std::unique_ptr<ConnWalk> walk) : walk_(std::move(walk)) {}

  bool next(const SendPart& send) override {
    ConnEntries entries;
    const auto flush = [&] {
      if (entries.count > 0) send(FrameType::conn_entry, encode(entries));
      entries = {};
    };
    std::array<char, kMaxConnSize> one;
    const bool more = walk_->next([&](const ConnRecord& record) {
      entries.body.append(one.data(), vslog::encode(record, 0, one.data()));
      if (++entries.count >= kEntriesAtOnce) flush();
    });
    flush();
    return more;
  }

 private:
  std::unique_ptr<ConnWalk> walk_;
};

}  // namespace

Session::Session(Exchange& exchange, int fd, std::uint32_t port, const Rights& rights, Peer peer, Users& users, User& user)
    : exchange_(exchange), fd_(fd), port_(port), rights_(rights), peer_(std::move(peer)), users_(users), user_(user) {}

Session::~Session() {
  leave_durable();
  if (live_) {
    --exchange_.live;
    --user_.live;
  }
  users_.hold(user_, -static_cast<std::ptrdiff_t>(accounted_));
  users_.leave(user_);
}

void Session::account() {
  const std::size_t now = in_.capacity() + out_.capacity();
  users_.hold(user_, static_cast<std::ptrdiff_t>(now) - static_cast<std::ptrdiff_t>(accounted_));
  accounted_ = now;
}

void Session::receive(std::string_view bytes) {
  if (closing_) return;
  if (done_ > 0) {
    in_.erase(0, done_);
    offset_ += std::exchange(done_, 0);
  }
  in_.append(bytes);
  look();
  account();
}

/// Does what needs no turn, and finds the request that does.
void Session::look() {
  request_ = false;
  while (!closing_ && in_.size() - done_ >= sizeof(std::uint32_t)) {
    const std::string_view rest = std::string_view(in_).substr(done_);
    std::uint32_t length = 0;
    std::memcpy(&length, rest.data(), sizeof length);
    if (length < kFrameHeaderSize || length > kMaxFrameSize) {
      fatal({}, EBADMSG, "a frame's length is " + std::to_string(length) + ", it must be " + std::to_string(kFrameHeaderSize) + " to " + std::to_string(kMaxFrameSize) + ".",
            "offset " + std::to_string(offset_ + done_));
      break;
    }
    const std::optional<FrameHeader> header = decode_header(rest);
    if (!header) break;
    const auto type = static_cast<FrameType>(header->type);
    const bool may_be_long = greeted_ && rights_.set && exchange_.administration != nullptr && exchange_.administration->takes(type) && exchange_.administration->changes(type);
    if (length > kInLimit && !may_be_long) {
      fatal(*header, EMSGSIZE, "a frame of type " + std::to_string(header->type) + " may have " + std::to_string(kInLimit) + " bytes, this one has " + std::to_string(length) + ".",
            "offset " + std::to_string(offset_ + done_));
      break;
    }
    if (rest.size() < length) break;
    // A refusal has to be written, too: only who has something to acknowledge does that without a turn.
    if (!greeted_ || !((type == FrameType::event_ack && keeps()) || type == FrameType::control_noop)) {
      request_ = true;
      break;
    }
    handle(*header, rest.substr(kFrameHeaderSize, length - kFrameHeaderSize));
    done_ += length;
  }
  if (done_ == in_.size()) {
    offset_ += std::exchange(done_, 0);
    release(in_);
  }
}

void Session::turn() {
  if (pieces_) {
    const SendPart send = [this](FrameType part, const std::string& bytes) { append_frame(out_, part, frame_flag::multi, asked_.sequence, port_, bytes); };
    bool more = false;
    const bool whole = guarded(asked_, [&] { more = pieces_->next(send); });
    if (whole && !more) answer(asked_, FrameType::control_done, {});
    if (!whole || !more) pieces_.reset();
  } else if (request_) {
    const FrameHeader header = *decode_header(std::string_view(in_).substr(done_));
    handle(header, std::string_view(in_).substr(done_ + kFrameHeaderSize, header.length - kFrameHeaderSize));
    done_ += header.length;
    look();
  }
  account();
}

bool Session::guarded(const FrameHeader& header, const std::function<void()>& what) {
  try {
    what();
    return true;
  } catch (const BadRequest& e) {
    error(header, EINVAL, e.what(), e.field());
  } catch (const RequestError& e) {
    error(header, e.code(), e.what(), e.field());
  } catch (const protozero::exception& e) {
    fatal(header, EBADMSG, "the payload of a frame of type " + std::to_string(header.type) + " cannot be read: " + e.what() + ".", "offset " + std::to_string(offset_ + done_));
  } catch (const std::exception& e) {
    // One request that went wrong in a way that nobody thought of must not end the capture.
    error(header, EIO, std::string(e.what()) + ".");
  }
  return false;
}

void Session::handle(const FrameHeader& header, std::string_view payload) {
  guarded(header, [&] { dispatch(header, payload); });
}

void Session::dispatch(const FrameHeader& header, std::string_view payload) {
  const auto type = static_cast<FrameType>(header.type);
  if (!greeted_) {
    if (type == FrameType::control_hello) return hello(header, payload);
    return fatal(header, EPROTO, "the first frame must be CONTROL_HELLO.");
  }
  switch (type) {
    case FrameType::control_noop: return;
    case FrameType::control_hello: return error(header, EINVAL, "CONTROL_HELLO may be said only once.");
    case FrameType::event_subscribe: return subscribe(header, payload);
    case FrameType::event_ack: return acknowledge(header, payload);
    case FrameType::event_forget: return forget(header, payload);
    case FrameType::event_erase: return note_erasure(header, payload);
    case FrameType::source_status: return source_status(header);
    case FrameType::conn_list: return conn_list(header, payload);
    case FrameType::conn_expire: return conn_expire(header, payload);
    default:
      if (exchange_.administration != nullptr && exchange_.administration->takes(type)) return administer(header, type, payload);
      return error(header, EOPNOTSUPP, "a frame of type " + std::to_string(header.type) + " is not known to this capture.");
  }
}

void Session::hello(const FrameHeader& header, std::string_view payload) {
  const Hello m = decode<Hello>(payload);
  if (m.version_min > kVersion || m.version_max < kVersion || m.version_min > m.version_max) {
    return fatal(header, EPROTONOSUPPORT,
                 "the client speaks versions " + std::to_string(m.version_min) + " to " + std::to_string(m.version_max) + ", this capture " + std::to_string(kVersion) + " to " +
                     std::to_string(kVersion) + ".",
                 "version_max");
  }
  greeted_ = true;
  Welcome w;
  w.version = kVersion;
  w.software = exchange_.software;
  w.node = exchange_.node;
  w.epoch = exchange_.journal.epoch();
  w.boot_id = exchange_.boot_id;
  w.source = exchange_.source;
  w.may_subscribe = rights_.subscribe;
  w.may_set = rights_.set;
  w.may_keep = rights_.keep;
  answer(header, FrameType::control_welcome, encode(w));
}

void Session::administer(const FrameHeader& header, FrameType type, std::string_view payload) {
  if (!exchange_.administration->changes(type)) {
    pieces_ = exchange_.administration->look(type, payload);
    asked_ = header;
    return;
  }
  if (refuse_unless_may_set(header)) return;
  const Answer last = exchange_.administration->change(type, payload, author_of(peer_, fd_));
  answer(header, last.type, last.payload);
}

bool Session::refuse_unless_may_set(const FrameHeader& header) {
  if (rights_.set) return false;
  error(header, EPERM, "permission denied: only root" + (exchange_.admin_group.empty() ? std::string(" may change anything here.") : " and members of group " + exchange_.admin_group + " may change anything here; ask root for `usermod -aG " + exchange_.admin_group + " USER`, and log in anew."));
  return true;
}

bool Session::refuse_unless_allowed(const FrameHeader& header) {
  if (rights_.subscribe) return false;
  error(header, EPERM, "permission denied: only root, the capture's own user and members of the groups of --socket-group and --collector-group may see connections here.");
  return true;
}

void Session::source_status(const FrameHeader& header) {
  SourceStatus s = exchange_.status();
  const std::uint64_t now = clock_ns(CLOCK_BOOTTIME);
  for (const DurableSlot& d : exchange_.journal.durables()) {
    const bool connected = exchange_.durable.contains(d.name);
    s.durable.push_back({d.name, exchange_.journal.sequence(d.acknowledged), connected, d.owner, connected || d.away_since_ns == 0 ? 0 : now - std::min(now, d.away_since_ns)});
  }
  s.session_bytes = users_.bytes();
  s.live = exchange_.live;
  answer(header, FrameType::source_status, encode(s));
}

void Session::conn_list(const FrameHeader& header, std::string_view payload) {
  if (refuse_unless_allowed(header)) return;
  std::unique_ptr<ConnWalk> walk = exchange_.live_connections == nullptr ? nullptr : exchange_.live_connections->list(decode_filter(payload));
  if (!walk) return error(header, EOPNOTSUPP, "source " + exchange_.source + " cannot list connections: sources ipvs, conntrack and engine can.");
  pieces_ = std::make_unique<ConnPieces>(std::move(walk));
  asked_ = header;
}

void Session::conn_expire(const FrameHeader& header, std::string_view payload) {
  // Also what would only be counted: the kernel's table is looked at twice for that, at once.
  if (refuse_unless_may_set(header)) return;
  const ExpireRequest request = decode_expire(payload);
  ConnExpired result;
  if (exchange_.live_connections == nullptr || !exchange_.live_connections->expire(request, author_of(peer_, fd_), result)) {
    return error(header, EOPNOTSUPP, "source " + exchange_.source + " cannot end connections; sources engine and ipvs can.");
  }
  answer(header, FrameType::conn_expired, encode(result));
}

void Session::answer(const FrameHeader& to, FrameType type, std::string_view payload) {
  append_frame(out_, type, 0, to.sequence, port_, payload);
  if ((to.flags & frame_flag::ack) != 0) error(to, 0, "");
}

void Session::error(const FrameHeader& to, int code, std::string message, std::string field) {
  append_frame(out_, FrameType::control_error, 0, to.sequence, port_, encode(ErrorReply{code, std::move(message), std::move(field)}));
}

void Session::fatal(const FrameHeader& to, int code, std::string message, std::string field) {
  error(to, code, std::move(message), std::move(field));
  closing_ = true;
}

bool Session::send_some(std::string_view bytes, std::size_t& taken) {
  taken = 0;
  const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n >= 0) {
    taken = static_cast<std::size_t>(n);
    blocked_ = taken < bytes.size();
    return true;
  }
  if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) {
    blocked_ = true;
    return true;
  }
  return false;
}

Session::State Session::flush() {
  blocked_ = false;
  while (!dead_ && !blocked_) {
    const bool between_frames = durable_ < 0 || position_ == frame_end_;
    std::size_t taken = 0;
    if (between_frames && out_.size() > sent_) {
      if (!send_some(std::string_view(out_).substr(sent_), taken)) dead_ = true;
      sent_ += taken;
      if (sent_ < out_.size()) continue;
      release(out_);
      sent_ = 0;
      say_overrun();
    } else if (streaming_rest()) {
      const std::uint64_t stop = out_.size() > sent_ ? frame_end_ : exchange_.journal.end();
      // Straight out of the mapped journal; several frames at once.
      if (!send_some(exchange_.journal.bytes(position_, std::min<std::uint64_t>(stop - position_, kSendAtOnce)), taken)) dead_ = true;
      position_ += taken;
      while (frame_end_ < position_) {
        frame_begin_ = frame_end_;
        frame_end_ += decode_header(exchange_.journal.bytes(frame_begin_, kFrameHeaderSize))->length;
      }
    } else if (between_frames && missed_.missed != 0) {
      say_overrun();
    } else {
      break;
    }
  }
  if (closing_ && out_.size() == sent_) dead_ = true;
  account();
  return dead_ ? State::dead : State::open;
}

}  // namespace vslog
