#include "wire/session.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <protozero/exception.hpp>

#include "wire/batch.h"
#include "wire/conn_filter.h"
#include "wire/encoder.h"
#include "wire/strict_message.h"

namespace vslog {
namespace {

constexpr std::size_t kSendAtOnce = 1 << 20;
constexpr std::uint32_t kEntriesAtOnce = 1000;

bool good_name(std::string_view name) {
  if (name.empty() || name.size() > 63) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

}  // namespace

Session::Session(Exchange& exchange, int fd, std::uint32_t port, bool may_subscribe, bool may_set, Peer peer)
    : exchange_(exchange), fd_(fd), port_(port), may_subscribe_(may_subscribe), may_set_(may_set), peer_(std::move(peer)) {}

Session::~Session() {
  if (durable_ >= 0) exchange_.durable.erase(name_);
  if (live_) --exchange_.live;
}

void Session::receive(std::string_view bytes) {
  if (closing_) return;
  in_.append(bytes);
  std::size_t at = 0;
  while (!closing_ && in_.size() - at >= sizeof(std::uint32_t)) {
    std::uint32_t length = 0;
    std::memcpy(&length, in_.data() + at, sizeof length);
    if (length < kFrameHeaderSize || length > kMaxFrameSize) {
      fatal({}, EBADMSG, "a frame's length is " + std::to_string(length) + ", it must be " + std::to_string(kFrameHeaderSize) + " to " + std::to_string(kMaxFrameSize) + ".",
            "offset " + std::to_string(offset_ + at));
      break;
    }
    if (in_.size() - at < length) break;
    const std::string_view frame(in_.data() + at, length);
    const FrameHeader header = *decode_header(frame);
    try {
      dispatch(header, frame.substr(kFrameHeaderSize));
    } catch (const BadRequest& e) {
      error(header, EINVAL, e.what(), e.field());
    } catch (const RequestError& e) {
      error(header, e.code(), e.what(), e.field());
    } catch (const protozero::exception& e) {
      fatal(header, EBADMSG, "the payload of a frame of type " + std::to_string(header.type) + " cannot be read: " + e.what() + ".", "offset " + std::to_string(offset_ + at));
    } catch (const std::exception& e) {
      // One request that went wrong in a way that nobody thought of must not end the capture.
      error(header, EIO, std::string(e.what()) + ".");
    }
    at += length;
  }
  in_.erase(0, at);
  offset_ += at;
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
  w.may_subscribe = may_subscribe_;
  w.may_set = may_set_;
  answer(header, FrameType::control_welcome, encode(w));
}

void Session::administer(const FrameHeader& header, FrameType type, std::string_view payload) {
  const bool changes = exchange_.administration->changes(type);
  if (changes && refuse_unless_may_set(header)) return;
  const SendPart send = [&](FrameType part, const std::string& bytes) { append_frame(out_, part, frame_flag::multi, header.sequence, port_, bytes); };
  const Answer last = exchange_.administration->handle(type, payload, changes ? author_of(peer_, fd_) : Author{}, send);
  answer(header, last.type, last.payload);
}

bool Session::refuse_unless_may_set(const FrameHeader& header) {
  if (may_set_) return false;
  error(header, EPERM, "permission denied: only root" + (exchange_.admin_group.empty() ? std::string(" may change anything here.") : " and members of group " + exchange_.admin_group + " may change anything here; ask root for `usermod -aG " + exchange_.admin_group + " USER`."));
  return true;
}

bool Session::refuse_unless_allowed(const FrameHeader& header) {
  if (may_subscribe_) return false;
  error(header, EPERM, "only root, the capture's own user and members of the socket's group may subscribe.");
  return true;
}

void Session::subscribe(const FrameHeader& header, std::string_view payload) {
  const Subscribe m = decode<Subscribe>(payload);
  if (refuse_unless_allowed(header)) return;
  if (durable_ >= 0 || live_) return error(header, EINVAL, "this session has a subscription already; open another session for another one.", "mode");
  if (m.mode == SubscriptionMode::durable) return subscribe_durable(header, m);
  if (m.mode == SubscriptionMode::live) return subscribe_live(header, m);
  error(header, EINVAL, "a subscription's mode is durable or live.", "mode");
}

void Session::subscribe_durable(const FrameHeader& header, const Subscribe& m) {
  Journal& journal = exchange_.journal;
  if (!m.filter.empty()) return error(header, EINVAL, "a durable subscription gets everything: only a live one has a filter.", "filter");
  if (!good_name(m.name)) return error(header, EINVAL, "a durable subscription's name is 1 to 63 of A-Z a-z 0-9 . _ -", "name");
  if (exchange_.durable.contains(m.name)) return error(header, EBUSY, "a session is subscribed as " + m.name + " already.", "name");
  const std::uint64_t has = m.epoch == journal.epoch() ? m.after_sequence : 0;
  if (has >= journal.next_sequence()) {
    return error(header, EINVAL, "after_sequence is " + std::to_string(has) + ", but the log ends at " + std::to_string(journal.next_sequence() - 1) + ".", "after_sequence");
  }
  const int slot = journal.durable(m.name);
  if (slot < 0) return error(header, ENOSPC, "there are " + std::to_string(Journal::kMaxDurable) + " durable subscriptions already; forget one first.", "name");
  journal.acknowledge(slot, has);
  durable_ = slot;
  name_ = m.name;
  exchange_.durable.emplace(name_, this);

  const KeptBatch* next = journal.after(has);
  position_ = frame_begin_ = frame_end_ = next != nullptr ? next->position : journal.end();
  Subscribed reply;
  reply.epoch = journal.epoch();
  reply.first_sequence = next != nullptr ? next->first_sequence : journal.next_sequence();
  reply.skipped = reply.first_sequence > has + 1 ? reply.first_sequence - has - 1 : 0;
  answer(header, FrameType::event_subscribed, encode(reply));
}

void Session::subscribe_live(const FrameHeader& header, const Subscribe& m) {
  for (const Group g : m.groups) {
    if (static_cast<int>(g) < 1 || g > Group::conn_state) return error(header, EINVAL, "there is no group " + std::to_string(static_cast<int>(g)) + ".", "groups");
  }
  if (!m.filter.empty()) filter_ = EventFilter(m.filter);
  groups_ = GroupFilter(m.groups);
  live_ = true;
  ++exchange_.live;
  Subscribed reply;
  reply.epoch = exchange_.journal.epoch();
  reply.first_sequence = exchange_.journal.next_sequence();
  reply.filtered = !filter_.all();
  answer(header, FrameType::event_subscribed, encode(reply));
}

void Session::acknowledge(const FrameHeader& header, std::string_view payload) {
  const Acknowledge m = decode<Acknowledge>(payload);
  if (durable_ < 0) return error(header, EINVAL, "only a durable subscription can acknowledge.");
  if (m.epoch != exchange_.journal.epoch()) return error(header, EINVAL, "the epoch is " + exchange_.journal.epoch() + ", not " + m.epoch + ".", "epoch");
  if (m.sequence >= first_unsent()) {
    return error(header, EINVAL, "sequence " + std::to_string(m.sequence) + " was not sent yet.", "sequence");
  }
  exchange_.journal.acknowledge(durable_, m.sequence);
  if ((header.flags & frame_flag::ack) != 0) error(header, 0, "");
}

void Session::forget(const FrameHeader& header, std::string_view payload) {
  const Subscribe m = decode<Subscribe>(payload);
  if (refuse_unless_allowed(header)) return;
  const auto used = exchange_.durable.find(m.name);
  if (used != exchange_.durable.end() && used->second != this) return error(header, EBUSY, "a session is subscribed as " + m.name + "; end that one first.", "name");
  if (used != exchange_.durable.end()) {
    if (position_ != frame_begin_ && position_ != frame_end_) {
      // The frame that is half sent has to be ended.
      out_.erase(0, sent_);
      sent_ = 0;
      out_.insert(0, exchange_.journal.bytes(position_, frame_end_ - position_));
    }
    durable_ = -1;
    exchange_.durable.erase(used);
  }
  if (!exchange_.journal.forget(m.name)) return error(header, ENOENT, "there is no durable subscription " + m.name + ".", "name");
  error(header, 0, "");
}

void Session::source_status(const FrameHeader& header) {
  SourceStatus s = exchange_.status();
  for (const DurableSlot& d : exchange_.journal.durables()) s.durable.push_back({d.name, d.acknowledged, exchange_.durable.contains(d.name)});
  s.live = exchange_.live;
  answer(header, FrameType::source_status, encode(s));
}

void Session::conn_list(const FrameHeader& header, std::string_view payload) {
  if (refuse_unless_allowed(header)) return;
  const engine::ConnFilter filter = decode_filter(payload);
  ConnEntries entries;
  const auto flush = [&] {
    if (entries.count > 0) append_frame(out_, FrameType::conn_entry, frame_flag::multi, header.sequence, port_, encode(entries));
    entries = {};
  };
  std::array<char, kMaxConnSize> one;
  const bool can = exchange_.live_connections != nullptr && exchange_.live_connections->list(filter, [&](const ConnRecord& record) {
    entries.body.append(one.data(), vslog::encode(record, 0, one.data()));
    if (++entries.count >= kEntriesAtOnce) flush();
  });
  if (!can) return error(header, EOPNOTSUPP, "source " + exchange_.source + " cannot list connections: sources ipvs, conntrack and engine can.");
  flush();
  append_frame(out_, FrameType::control_done, 0, header.sequence, port_, {});
}

void Session::conn_expire(const FrameHeader& header, std::string_view payload) {
  const ExpireRequest request = decode_expire(payload);
  if (request.dry_run ? refuse_unless_allowed(header) : refuse_unless_may_set(header)) return;
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

/// Sequence of the first record that is not wholly with the socket.
std::uint64_t Session::first_unsent() const {
  const KeptBatch* batch = exchange_.journal.at(position_ == frame_end_ ? position_ : frame_begin_);
  return batch != nullptr ? batch->first_sequence : exchange_.journal.next_sequence();
}

void Session::published(const KeptBatch& kept) {
  if (!live_ || closing_) return;
  const std::string_view frame = exchange_.journal.bytes(kept.position, kept.size);
  const bool behind = out_.size() - sent_ > 0 && out_.size() - sent_ + frame.size() > kOutLimit;
  FilteredBatch rest;
  const bool whole = groups_.all() && filter_.all();
  if (whole) {
    rest.count = kept.count;
    rest.first_sequence = kept.first_sequence;
    rest.last_sequence = kept.first_sequence + kept.count - 1;
  } else {
    rest = filter_batch(decode<EventBatch>(frame.substr(kFrameHeaderSize)), groups_, filter_);
    if (rest.count == 0) return;
  }
  if (behind) {
    if (missed_.missed == 0) missed_.first_sequence = rest.first_sequence;
    missed_.last_sequence = rest.last_sequence;
    missed_.missed += rest.count;
    return;
  }
  say_overrun();
  if (whole) {
    out_.append(frame);
    return;
  }
  BatchHeader h = decode<EventBatch>(frame.substr(kFrameHeaderSize)).header;
  h.first_sequence = rest.first_sequence;
  h.count = rest.count;
  h.filtered = true;
  out_.append(batch_frame(h, rest.body));
}

void Session::say_overrun() {
  if (missed_.missed == 0) return;
  append_frame(out_, FrameType::control_overrun, 0, 0, port_, encode(missed_));
  missed_ = {};
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
      out_.clear();
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
    } else {
      break;
    }
  }
  if (closing_ && out_.size() == sent_) dead_ = true;
  return dead_ ? State::dead : State::open;
}

}  // namespace vslog
