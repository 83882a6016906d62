// The connections' timers: a hierarchical wheel, linked through the entries themselves.
#pragma once

#include <array>
#include <cstdint>

#include "engine/conn_table.h"

namespace vslog::engine {

/// A packet that winds a timer up only writes Conn::expires: where it is queued (Conn::armed) it is looked at and queued anew. A timer that becomes due earlier is moved at once.
/// Timeouts up to 99 days: half of what a Tick can count.
class TimerWheel {
 public:
  explicit TimerWheel(ConnTable& table);

  Tick now() const { return now_; }

  /// Sets when the entry is due; queues it when that is before where it stands, or it is not queued.
  void set(std::uint32_t index, Tick due);
  void cancel(std::uint32_t index);
  bool armed(std::uint32_t index) const { return table_.at(index).timer_prev != kNone; }

  /// Goes on by one tick, or by many when nothing is queued between, but not past `until`. Then take() gives what is due.
  void step(Tick until);
  /// An entry that is due now, no longer queued, or kNone.
  std::uint32_t take();

  std::uint32_t size() const { return size_; }

 private:
  // 2^8 slots of one tick, then four levels of 2^6: 4 ms, 1 s, 65 s, 70 min, 3 days; together 2^32 ticks.
  static constexpr int kLevels = 5;
  static constexpr std::array<std::uint32_t, kLevels> kShift{0, 8, 14, 20, 26};
  static constexpr std::array<std::uint32_t, kLevels> kSlots{256, 64, 64, 64, 64};
  static constexpr std::array<std::uint32_t, kLevels> kBase{0, 256, 320, 384, 448};
  static constexpr std::uint32_t kAll = 512;

  // A list's head is named by kNone - 1 - slot in timer_prev of its first entry, so that an entry can be taken out without knowing where it is.
  static constexpr std::uint32_t head_name(std::uint32_t slot) { return kNone - 1 - slot; }

  std::uint32_t slot_of(Tick due) const;
  void link(std::uint32_t index, std::uint32_t slot);
  void unlink(std::uint32_t index);
  void cascade(int level);

  ConnTable& table_;
  Tick now_ = 0;
  std::uint32_t size_ = 0;
  std::array<std::uint32_t, kAll> heads_;
  std::array<std::uint32_t, kLevels> counts_{};
};

}  // namespace vslog::engine
