#include "wire/journal.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>

#include "vslog_fields.h"
#include "wire/frame.h"
#include "wire/messages.h"

namespace vslog {
namespace {

/// Wall times of the first and last event in a batch's body; each begins with kind (two bytes) and time_ns (fixed64). 0 where there is none.
std::pair<std::uint64_t, std::uint64_t> times(std::string_view body) {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  while (!body.empty()) {
    std::size_t n = 0;
    std::size_t length = 0;
    for (int shift = 0; n < body.size() && shift < 32; shift += 7) {
      const auto byte = static_cast<unsigned char>(body[n++]);
      length |= static_cast<std::size_t>(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (length > body.size() - n) break;
    const std::string_view event = body.substr(n, length);
    std::uint64_t time = 0;
    if (event.size() >= 11 && event[0] == 0x08 && event[2] == 0x11) std::memcpy(&time, event.data() + 3, sizeof time);
    if (first == 0) first = time;
    if (time != 0) last = time;
    body.remove_prefix(n + length);
  }
  return {first, last};
}

}  // namespace

PreviousEpoch Journal::previous() const { return {now_.previous_epoch, now_.previous_last, now_.previous_end}; }

std::optional<std::uint64_t> Journal::ordinal(std::string_view epoch, std::uint64_t sequence) const {
  if (epoch == epoch_) return now_.base + sequence;
  std::optional<std::uint64_t> found;
  for (const Run& run : runs_) {
    if (epochs_[run.epoch] != epoch) continue;
    if (sequence < run.first) return found ? found : run.ordinal - 1;
    found = run.ordinal + std::min(sequence, run.last) - run.first;
  }
  return found;
}

std::string_view Journal::bytes(std::uint64_t position, std::uint64_t size) const { return {map_.data() + position % capacity(), size}; }

void Journal::flip() {
  // One half after the other. Whatever was stored before is seen by whoever maps the file after our death.
  map_.file().first.standing.write(now_);
  map_.file().second.standing.write(now_);
}

void Journal::drop_oldest(bool lost) {
  const KeptBatch& b = index_.front();
  if (lost) {
    const auto batch = decode<EventBatch>(bytes(b.position, b.size).substr(kFrameHeaderSize));
    const auto [first, last] = times(batch.body);
    if (now_.overwritten == 0) now_.overwritten_first_ns = first;
    now_.overwritten_last_ns = last;
    now_.overwritten += b.count;
  }
  now_.begin = b.position + b.size;
  index_.pop_front();
}

bool Journal::has_room(std::uint64_t bytes, bool urgent) const {
  if (!has_durable()) return bytes <= capacity();
  return used() + bytes + (urgent ? 0 : kReserve) <= capacity();
}

void Journal::commit(std::span<const FinishedBatch> batches, const JournalMark& mark, bool stopped) {
  std::uint64_t total = 0;
  for (const FinishedBatch& b : batches) total += b.frame.size();
  if (used() + total > capacity()) {
    // They must be out of the log before their bytes change.
    while (!index_.empty() && used() + total > capacity()) drop_oldest(true);
    flip();
  }
  for (const FinishedBatch& b : batches) {
    std::memcpy(map_.data() + now_.end % capacity(), b.frame.data(), b.frame.size());
    index_.push_back({now_.end, static_cast<std::uint32_t>(b.frame.size()), b.count, b.first_sequence, now_.base + b.first_sequence, static_cast<std::uint32_t>(epochs_.size() - 1)});
    now_.end += b.frame.size();
    now_.next_sequence = b.first_sequence + b.count;
  }
  now_.cursor = mark.cursor;
  std::copy(mark.reported.begin(), mark.reported.end(), now_.reported);
  now_.stopped = stopped ? 1 : 0;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  flip();
  mark_ = mark;
}

const KeptBatch* Journal::after(std::uint64_t ordinal) const {
  const auto it = std::partition_point(index_.begin(), index_.end(), [ordinal](const KeptBatch& b) { return b.last_ordinal() <= ordinal; });
  return it == index_.end() ? nullptr : &*it;
}

const KeptBatch* Journal::at(std::uint64_t position) const {
  const auto it = std::partition_point(index_.begin(), index_.end(), [position](const KeptBatch& b) { return b.position < position; });
  return it == index_.end() ? nullptr : &*it;
}

std::vector<DurableSlot> Journal::durables() const {
  std::vector<DurableSlot> out;
  for (std::size_t i = 0; i < kMaxDurable; ++i) {
    const JournalDurable& d = durables_[i];
    if (d.used == 1) out.push_back({d.name, acknowledged_[i], d.owned == 1 ? std::optional<uid_t>(d.owner) : std::nullopt, d.away_since_ns});
  }
  return out;
}

void Journal::write_durable(std::size_t slot) {
  for (JournalHalf* half : {&map_.file().first, &map_.file().second}) {
    half->acknowledged[slot] = acknowledged_[slot];
    half->durables[slot].write(durables_[slot]);
  }
}

bool Journal::give(std::string_view name, uid_t owner) {
  for (std::size_t i = 0; i < kMaxDurable; ++i) {
    JournalDurable& d = durables_[i];
    if (d.used != 1 || name != d.name || (d.owned == 1 && d.owner != 0)) continue;
    d.owner = owner;
    d.owned = 1;
    write_durable(i);
    return true;
  }
  return false;
}

int Journal::durable(std::string_view name, std::optional<uid_t> owner) {
  const auto own = [this, &owner](std::size_t slot) {
    JournalDurable& d = durables_[slot];
    if (owner && d.owned != 1) {
      d.owner = *owner;
      d.owned = 1;
    }
    write_durable(slot);
    return static_cast<int>(slot);
  };
  std::size_t free = kMaxDurable;
  for (std::size_t i = 0; i < kMaxDurable; ++i) {
    if (durables_[i].used == 1 && name == durables_[i].name) return own(i);
    if (durables_[i].used == 0 && free == kMaxDurable) free = i;
  }
  if (free == kMaxDurable) return -1;
  JournalDurable& d = durables_[free];
  d = {};
  name.copy(d.name, sizeof d.name - 1);
  d.used = 1;
  acknowledged_[free] = index_.empty() ? next_ordinal() - 1 : index_.front().ordinal - 1;
  ++durable_count_;
  return own(free);
}

void Journal::set_away_since(int slot, std::uint64_t boottime_ns) {
  const auto i = static_cast<std::size_t>(slot);
  durables_[i].away_since_ns = boottime_ns;
  write_durable(i);
}

Unlogged Journal::unlogged() const { return {unlogged_.records, unlogged_.first_ns, unlogged_.last_ns}; }

void Journal::count_unlogged(std::uint64_t records, std::uint64_t first_ns, std::uint64_t last_ns) {
  // Times of what a loss record told of already are not kept.
  if (unlogged_.records == mark_.reported[static_cast<std::size_t>(LossPlace::journal)]) unlogged_.first_ns = first_ns;
  unlogged_.last_ns = last_ns;
  unlogged_.records += records;
  map_.file().first.unlogged.write(unlogged_);
  map_.file().second.unlogged.write(unlogged_);
}

void Journal::acknowledge(int slot, std::uint64_t ordinal) {
  const auto i = static_cast<std::size_t>(slot);
  if (ordinal <= acknowledged_[i]) return;
  acknowledged_[i] = ordinal;
  std::atomic_ref(map_.file().first.acknowledged[i]).store(ordinal, std::memory_order_release);
  std::atomic_ref(map_.file().second.acknowledged[i]).store(ordinal, std::memory_order_release);
  trim();
}

bool Journal::forget(std::string_view name) {
  for (std::size_t i = 0; i < kMaxDurable; ++i) {
    if (durables_[i].used != 1 || name != durables_[i].name) continue;
    durables_[i].used = 0;
    write_durable(i);
    --durable_count_;
    trim();
    return true;
  }
  return false;
}

void Journal::trim() {
  if (!has_durable()) return;
  std::uint64_t floor = UINT64_MAX;
  for (std::size_t i = 0; i < kMaxDurable; ++i) {
    if (durables_[i].used == 1) floor = std::min(floor, acknowledged_[i]);
  }
  const std::uint64_t begin = now_.begin;
  while (!index_.empty() && index_.front().last_ordinal() <= floor) drop_oldest(false);
  if (now_.begin != begin) flip();
}

}  // namespace vslog
