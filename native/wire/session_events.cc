// What a session does with events: subscriptions, what is sent of them, acknowledgements.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "event/clock.h"
#include "wire/batch.h"
#include "wire/session.h"

namespace vslog {
namespace {

/// Beyond net.core.wmem_max where we may: then a large batch goes out in one piece. Only for who subscribes: it is the kernel's memory.
constexpr int kSendBuffer = 1 << 20;
/// Durable subscriptions of one user, and those that stay free for root and the capture's own.
constexpr std::size_t kMaxOfOne = 8;
constexpr std::size_t kSlotsKept = 8;

bool good_name(std::string_view name) {
  if (name.empty() || name.size() > 63) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

void widen(int fd) {
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &kSendBuffer, sizeof kSendBuffer) != 0) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer);
}

}  // namespace

bool Session::refuse_unless_may_keep(const FrameHeader& header) {
  if (rights_.keep) return false;
  error(header, EPERM,
        "permission denied: only root, the capture's own user" + (exchange_.keeper_group.empty() ? std::string() : " and members of group " + exchange_.keeper_group) +
            " may keep a durable subscription here, as one that is not acknowledged fills the journal; start the capture with --collector-group GROUP (capture.collector_group) for the collector's group.");
  return true;
}

bool Session::refuse_unless_owner(const FrameHeader& header, const DurableSlot& slot, bool root_may) {
  if (!slot.owner || *slot.owner == peer_.uid || (root_may && (peer_.uid == 0 || peer_.uid == geteuid()))) return false;
  error(header, EPERM,
        "permission denied: the durable subscription " + slot.name + " belongs to user " + std::to_string(*slot.owner) + ", and you are user " + std::to_string(peer_.uid) +
            ": subscribe under another name, or let that user or root give it up by `vslog subscriber forget " + slot.name + "`.",
        "name");
  return true;
}

void Session::tell(ControlKind kind, const std::string& name, std::uint64_t lost, const std::string& detail) {
  if (!exchange_.log) return;
  ControlRecord c;
  c.kind = kind;
  c.time_ns = clock_ns(CLOCK_REALTIME);
  c.name = name;
  c.lost = lost;
  c.detail = detail;
  sign(c, author_of(peer_, fd_));
  exchange_.log(c);
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
  if (refuse_unless_may_keep(header)) return;
  Journal& journal = exchange_.journal;
  if (!m.filter.empty()) return error(header, EINVAL, "a durable subscription gets everything: only a live one has a filter.", "filter");
  if (!good_name(m.name)) return error(header, EINVAL, "a durable subscription's name is 1 to 63 of A-Z a-z 0-9 . _ -", "name");
  const std::vector<DurableSlot> all = journal.durables();
  const auto known = std::find_if(all.begin(), all.end(), [&m](const DurableSlot& d) { return d.name == m.name; });
  if (known != all.end() && refuse_unless_owner(header, *known, false)) return;
  if (exchange_.durable.contains(m.name)) return error(header, EBUSY, "a session is subscribed as " + m.name + " already.", "name");
  // Of an epoch that is not known it has nothing that is here.
  const std::uint64_t has = journal.ordinal(m.epoch, m.after_sequence).value_or(0);
  if (m.epoch == journal.epoch() && m.after_sequence >= journal.next_sequence()) {
    return error(header, EINVAL, "after_sequence is " + std::to_string(m.after_sequence) + ", but the log ends at " + std::to_string(journal.next_sequence() - 1) + ".", "after_sequence");
  }
  if (known == all.end() && peer_.uid != 0 && peer_.uid != geteuid()) {
    const auto own = static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [this](const DurableSlot& d) { return d.owner == peer_.uid; }));
    if (own >= kMaxOfOne || all.size() >= Journal::kMaxDurable - kSlotsKept) {
      return error(header, ENOSPC, "a user may have " + std::to_string(kMaxOfOne) + " durable subscriptions, and all but root " + std::to_string(Journal::kMaxDurable - kSlotsKept) + " together: give one up first, by `vslog subscriber forget NAME`.", "name");
    }
  }
  const int slot = journal.durable(m.name, peer_.uid);
  if (slot < 0) return error(header, ENOSPC, "there are " + std::to_string(Journal::kMaxDurable) + " durable subscriptions already: give one up first, by `vslog subscriber forget NAME`.", "name");
  if (known == all.end()) tell(ControlKind::subscriber_added, m.name, 0, "everything from here on is kept for " + m.name + " until it acknowledges it");
  journal.acknowledge(slot, has);
  journal.set_away_since(slot, 0);
  durable_ = slot;
  name_ = m.name;
  exchange_.durable.emplace(name_, this);
  widen(fd_);

  const KeptBatch* next = journal.after(has);
  position_ = frame_begin_ = frame_end_ = next != nullptr ? next->position : journal.end();
  Subscribed reply;
  // An earlier epoch's come first.
  reply.epoch = next != nullptr ? journal.epoch_of(*next) : journal.epoch();
  reply.first_sequence = next != nullptr ? next->first_sequence : journal.next_sequence();
  const std::uint64_t expected = m.epoch == reply.epoch ? m.after_sequence + 1 : 1;
  reply.skipped = reply.first_sequence > expected ? reply.first_sequence - expected : 0;
  // Where others were still subscribed, what was let go is not known by its times.
  if (reply.skipped > 0 && journal.overwritten() >= reply.skipped) {
    reply.skipped_first_ns = journal.overwritten_first_ns();
    reply.skipped_last_ns = journal.overwritten_last_ns();
  }
  answer(header, FrameType::event_subscribed, encode(reply));
}

void Session::subscribe_live(const FrameHeader& header, const Subscribe& m) {
  if (!rights_.privileged && user_.live >= kMaxLive) return error(header, EUSERS, "a user may have " + std::to_string(kMaxLive) + " live subscriptions at a time: end one first.", "mode");
  for (const Group g : m.groups) {
    if (static_cast<int>(g) < 1 || g > Group::conn_state) return error(header, EINVAL, "there is no group " + std::to_string(static_cast<int>(g)) + ".", "groups");
  }
  if (!m.filter.empty()) filter_ = EventFilter(m.filter);
  groups_ = GroupFilter(m.groups);
  live_ = true;
  ++exchange_.live;
  ++user_.live;
  widen(fd_);
  Subscribed reply;
  reply.epoch = exchange_.journal.epoch();
  reply.first_sequence = exchange_.journal.next_sequence();
  reply.filtered = !filter_.all();
  answer(header, FrameType::event_subscribed, encode(reply));
}

void Session::acknowledge(const FrameHeader& header, std::string_view payload) {
  const Acknowledge m = decode<Acknowledge>(payload);
  if (durable_ < 0) return error(header, EINVAL, "only a durable subscription can acknowledge.");
  const std::optional<std::uint64_t> ordinal = exchange_.journal.ordinal(m.epoch, m.sequence);
  if (!ordinal) return error(header, EINVAL, "the epoch is " + exchange_.journal.epoch() + ", not " + m.epoch + ".", "epoch");
  if (*ordinal >= first_unsent()) {
    return error(header, EINVAL, "sequence " + std::to_string(m.sequence) + " was not sent yet.", "sequence");
  }
  exchange_.journal.acknowledge(durable_, *ordinal);
  if ((header.flags & frame_flag::ack) != 0) error(header, 0, "");
}

void Session::forget(const FrameHeader& header, std::string_view payload) {
  const Subscribe m = decode<Subscribe>(payload);
  if (refuse_unless_may_keep(header)) return;
  Journal& journal = exchange_.journal;
  const std::vector<DurableSlot> all = journal.durables();
  const auto known = std::find_if(all.begin(), all.end(), [&m](const DurableSlot& d) { return d.name == m.name; });
  if (known == all.end()) return error(header, ENOENT, "there is no durable subscription " + m.name + ".", "name");
  if (refuse_unless_owner(header, *known, true)) return;
  const auto used = exchange_.durable.find(m.name);
  if (used != exchange_.durable.end() && used->second != this) return error(header, EBUSY, "a session is subscribed as " + m.name + "; end that one first.", "name");
  if (used != exchange_.durable.end()) {
    if (position_ != frame_begin_ && position_ != frame_end_) {
      // The frame that is half sent has to be ended.
      out_.erase(0, sent_);
      sent_ = 0;
      out_.insert(0, journal.bytes(position_, frame_end_ - position_));
    }
    durable_ = -1;
    exchange_.durable.erase(used);
  }
  const std::uint64_t owed = journal.next_ordinal() - 1 - known->acknowledged;
  journal.forget(m.name);
  tell(ControlKind::subscriber_removed, m.name, owed, "nothing is kept for " + m.name + " any more; it had not acknowledged " + std::to_string(owed) + " events");
  error(header, 0, "");
}

void Session::leave_durable() {
  if (durable_ < 0) return;
  exchange_.journal.set_away_since(durable_, clock_ns(CLOCK_BOOTTIME));
  exchange_.durable.erase(name_);
  durable_ = -1;
}

void Session::drop() {
  if (durable_ >= 0) exchange_.durable.erase(name_);
  durable_ = -1;
  dead_ = true;
}

/// Ordinal of the first record that is not wholly with the socket.
std::uint64_t Session::first_unsent() const {
  const KeptBatch* batch = exchange_.journal.at(position_ == frame_end_ ? position_ : frame_begin_);
  return batch != nullptr ? batch->ordinal : exchange_.journal.next_ordinal();
}

void Session::published(const KeptBatch& kept) {
  if (!live_ || closing_) return;
  const std::uint64_t now = rights_.privileged ? 0 : clock_ns(CLOCK_MONOTONIC);
  if (users_.wait(user_, now) > 0) return miss(kept.first_sequence, kept.first_sequence + kept.count - 1, kept.count);
  if (rights_.privileged) return pass_on(kept);
  const std::uint64_t begin = work_ns();
  pass_on(kept);
  users_.spend(user_, now, work_ns() - begin);
}

void Session::miss(std::uint64_t first, std::uint64_t last, std::uint64_t count) {
  if (missed_.missed == 0) missed_.first_sequence = first;
  missed_.last_sequence = last;
  missed_.missed += count;
}

void Session::pass_on(const KeptBatch& kept) {
  const std::string_view frame = exchange_.journal.bytes(kept.position, kept.size);
  const bool behind = (unsent() > 0 && unsent() + frame.size() > kOutLimit) || !users_.has_room(user_, frame.size());
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
  if (behind) return miss(rest.first_sequence, rest.last_sequence, rest.count);
  say_overrun();
  if (whole) {
    out_.append(frame);
    return account();
  }
  BatchHeader h = decode<EventBatch>(frame.substr(kFrameHeaderSize)).header;
  h.first_sequence = rest.first_sequence;
  h.count = rest.count;
  h.filtered = true;
  out_.append(batch_frame(h, rest.body));
  account();
}

void Session::say_overrun() {
  if (missed_.missed == 0) return;
  append_frame(out_, FrameType::control_overrun, 0, 0, port_, encode(missed_));
  missed_ = {};
}

}  // namespace vslog
