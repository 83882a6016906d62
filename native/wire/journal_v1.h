// The header of a journal as the first version wrote it, so that an upgrade loses nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "wire/journal_file.h"

namespace vslog {

struct JournalFileV1 {
  static constexpr std::uint32_t kVersion = 1;
  struct Slot {
    std::uint64_t begin, end, first_sequence, next_sequence, cursor, overwritten, overwritten_first_ns, overwritten_last_ns, unused;
    std::uint64_t reported[kJournalPlaces];
    std::uint32_t crc, pad;
    bool sound() const { return crc == crc32c(this, offsetof(Slot, crc)); }
  };
  struct Durable {
    char name[64];
    std::uint64_t acknowledged;
    std::uint64_t used;
  };
  struct Keeper {
    std::uint32_t owned;
    std::uint32_t owner;
    std::uint64_t away_since_ns;
  };

  char magic[8];
  std::uint32_t version;
  std::uint32_t crc;  // of size, boot_id, epoch
  std::uint64_t size;
  char boot_id[64];
  char epoch[64];
  Slot slots[2];
  std::uint64_t active;
  Durable durables[kJournalDurables];
  Keeper keepers[kJournalDurables];
  JournalUnlogged unlogged;

  bool sound() const {
    if (std::memcmp(magic, kJournalMagic, sizeof magic) != 0 || version != kVersion || active > 1 || boot_id[63] != 0 || epoch[63] != 0) return false;
    return crc == crc32c(&size, sizeof size + sizeof boot_id + sizeof epoch) && slots[active].sound();
  }

  /// What the halves would say; it has the same frames in the same places. `acknowledged` counts from the only epoch that is there.
  JournalHalf half() const {
    JournalHalf out{};
    const Slot& s = slots[active];
    JournalStanding now{};
    now.size = size;
    std::memcpy(now.boot_id, boot_id, sizeof boot_id);
    std::memcpy(now.epoch, epoch, sizeof epoch);
    now.begin = s.begin;
    now.end = s.end;
    now.next_sequence = s.next_sequence;
    now.cursor = s.cursor;
    now.overwritten = s.overwritten;
    now.overwritten_first_ns = s.overwritten_first_ns;
    now.overwritten_last_ns = s.overwritten_last_ns;
    std::memcpy(now.reported, s.reported, sizeof s.reported);
    out.standing.write(now);
    JournalOrigin origin{};
    std::memcpy(origin.epoch, epoch, sizeof epoch);
    out.origin.write(origin);
    out.unlogged.write(unlogged);
    for (std::size_t i = 0; i < kJournalDurables; ++i) {
      out.acknowledged[i] = durables[i].acknowledged;
      JournalDurable d{};
      std::memcpy(d.name, durables[i].name, sizeof d.name - 1);
      d.used = durables[i].used == 1 ? 1 : 0;
      d.owned = keepers[i].owned;
      d.owner = keepers[i].owner;
      d.away_since_ns = keepers[i].away_since_ns;
      out.durables[i].write(d);
    }
    return out;
  }
};
static_assert(sizeof(JournalFileV1) <= JournalFile::kHalfAt);

}  // namespace vslog
