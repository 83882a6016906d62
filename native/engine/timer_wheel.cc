#include "engine/timer_wheel.h"

namespace vslog::engine {
namespace {

/// a is before b, on a clock that wraps.
bool before(Tick a, Tick b) { return static_cast<std::int32_t>(a - b) < 0; }

int level_of(std::uint32_t slot) { return slot < 256 ? 0 : 1 + static_cast<int>((slot - 256) / 64); }

}  // namespace

TimerWheel::TimerWheel(ConnTable& table) : table_(table) { heads_.fill(kNone); }

std::uint32_t TimerWheel::slot_of(Tick due) const {
  const Tick ahead = due - now_;
  int level = 0;
  while (level + 1 < kLevels && ahead >= 1U << kShift[static_cast<std::size_t>(level) + 1]) ++level;
  const auto l = static_cast<std::size_t>(level);
  return kBase[l] + (due >> kShift[l] & (kSlots[l] - 1));
}

void TimerWheel::link(std::uint32_t index, std::uint32_t slot) {
  Conn& c = table_.at(index);
  c.timer_next = heads_[slot];
  c.timer_prev = head_name(slot);
  if (c.timer_next != kNone) table_.at(c.timer_next).timer_prev = index;
  heads_[slot] = index;
  c.timer_level = static_cast<std::uint8_t>(level_of(slot));
  ++counts_[c.timer_level];
  ++size_;
}

void TimerWheel::unlink(std::uint32_t index) {
  Conn& c = table_.at(index);
  if (c.timer_prev > kNone - 1 - kAll) {
    heads_[kNone - 1 - c.timer_prev] = c.timer_next;
  } else {
    table_.at(c.timer_prev).timer_next = c.timer_next;
  }
  if (c.timer_next != kNone) table_.at(c.timer_next).timer_prev = c.timer_prev;
  c.timer_next = c.timer_prev = kNone;
  --size_;
  --counts_[c.timer_level];
}

void TimerWheel::set(std::uint32_t index, Tick due) {
  Conn& c = table_.at(index);
  // What is due already fires at the next tick, as a kernel timer set to the past does.
  if (!before(now_, due)) due = now_ + 1;
  c.expires = due;
  if (c.timer_prev != kNone) {
    if (!before(due, c.armed)) return;
    unlink(index);
  }
  c.armed = due;
  link(index, slot_of(due));
}

void TimerWheel::cancel(std::uint32_t index) {
  if (armed(index)) unlink(index);
}

void TimerWheel::cascade(int level) {
  const auto l = static_cast<std::size_t>(level);
  const std::uint32_t slot = kBase[l] + (now_ >> kShift[l] & (kSlots[l] - 1));
  std::uint32_t rest = heads_[slot];
  heads_[slot] = kNone;
  while (rest != kNone) {
    Conn& c = table_.at(rest);
    const std::uint32_t index = rest;
    rest = c.timer_next;
    --counts_[l];
    --size_;
    // Wound up meanwhile: straight to where it is due.
    c.armed = before(now_, c.expires) ? c.expires : now_;
    link(index, c.armed == now_ ? kBase[0] + (now_ & (kSlots[0] - 1)) : slot_of(c.armed));
  }
}

void TimerWheel::step(Tick until) {
  // Nothing is queued below a level: up to where that level is dealt out there is nothing to do.
  Tick target = now_ + 1;
  std::size_t lowest = 0;
  while (lowest < kLevels && counts_[lowest] == 0) ++lowest;
  if (lowest == kLevels) {
    target = until;
  } else if (lowest > 0) {
    target = ((now_ >> kShift[lowest]) + 1) << kShift[lowest];
    if (before(until, target)) target = until;
  }
  now_ = target;
  for (int level = kLevels - 1; level > 0; --level) {
    if ((now_ & ((1U << kShift[static_cast<std::size_t>(level)]) - 1)) == 0) cascade(level);
  }
}

std::uint32_t TimerWheel::take() {
  const std::uint32_t slot = now_ & (kSlots[0] - 1);
  const std::uint32_t index = heads_[slot];
  if (index != kNone) unlink(index);
  return index;
}

}  // namespace vslog::engine
