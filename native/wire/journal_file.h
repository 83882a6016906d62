// What a journal's file begins with, and the mapping of the file. docs/architecture.md, "Journal".
#pragma once

#include <atomic>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

#include "wire/crc32c.h"

namespace vslog {

/// Before the circle of frames. The largest page size of any machine we run on, so that a file's layout does not depend on it.
inline constexpr std::uint64_t kJournalHeader = 64 << 10;
inline constexpr std::size_t kJournalDurables = 32;
inline constexpr std::size_t kJournalPlaces = 16;

/// How the epoch before this one ended.
enum class EpochEnd : std::uint32_t {
  none = 0,     ///< there was none, or nothing is known of it
  stopped = 1,  ///< its last record is the stop of the capture
  cut = 2,      ///< it goes no further than its last record here, and nobody knows whether more happened
  damaged = 3,  ///< its end could not be read
};

/// A value with its checksum. T has no pointers; what is between its fields is copied with it.
template <typename T>
struct Checked {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::uint32_t crc;
  std::uint32_t pad;

  bool sound() const { return crc == crc32c(&value, sizeof value); }
  void write(const T& next) {
    std::memcpy(&value, &next, sizeof value);
    crc = crc32c(&value, sizeof value);
    pad = 0;
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
};

/// Everything that changes with a commit, and what the file is.
struct JournalStanding {
  char magic[8];
  std::uint64_t size;  ///< of the file
  char boot_id[64];
  char epoch[64];
  std::uint64_t begin;          ///< positions in the circle, counted from the file's first frame: of the oldest frame kept,
  std::uint64_t end;            ///< and after the newest
  std::uint64_t next_sequence;  ///< in the epoch
  std::uint64_t base;           ///< records of the epochs before it: what `acknowledged` counts is base + sequence
  std::uint64_t cursor;
  std::uint64_t overwritten;
  std::uint64_t overwritten_first_ns;
  std::uint64_t overwritten_last_ns;
  std::uint64_t reported[kJournalPlaces];
  std::uint32_t stopped;  ///< 1: the last record is the capture's stop
  EpochEnd previous_end;
  std::uint64_t previous_last;
  char previous_epoch[64];
};

/// A durable subscriber. What it has acknowledged stands apart, as it changes often.
struct JournalDurable {
  char name[64];  ///< ends in NUL
  std::uint32_t used;
  std::uint32_t owned;  ///< 1: `owner` is known
  std::uint32_t owner;
  std::uint32_t pad;
  std::uint64_t away_since_ns;
};

struct JournalOrigin {
  char epoch[64];
  std::uint64_t base;
};

struct JournalUnlogged {
  std::uint64_t records;
  std::uint64_t first_ns;
  std::uint64_t last_ns;
};

/// One page. There are two, written one after the other: whatever comes between two instructions, one of them is whole, and what is damaged in one is in the other.
struct JournalHalf {
  Checked<JournalStanding> standing;
  Checked<JournalOrigin> origin;  ///< so that `acknowledged` means something without the standing
  Checked<JournalUnlogged> unlogged;
  std::uint64_t acknowledged[kJournalDurables];
  Checked<JournalDurable> durables[kJournalDurables];
};
static_assert(sizeof(JournalHalf) <= 4096);

struct JournalFile {
  static constexpr std::size_t kHalfAt = 4096;
  /// 1 in an earlier version, whose header ends within the first page: journal_v1.h.
  static constexpr std::uint32_t kVersion = 2;
  char magic[8];
  std::uint32_t version;
  alignas(kHalfAt) JournalHalf first;
  alignas(kHalfAt) JournalHalf second;
};
static_assert(sizeof(JournalFile) <= kJournalHeader);

inline constexpr char kJournalMagic[8] = {'v', 's', 'l', 'o', 'g', 'j', 'n', 'l'};

/// Whichever copy is whole; the one that is written first where both are. Null: neither is.
template <typename T>
const T* sound_of(const Checked<T>& first, const Checked<T>& second) {
  return first.sound() ? &first.value : second.sound() ? &second.value : nullptr;
}

/// A journal's file in memory: header, and its circle twice in a row, so that no frame is ever cut in two.
class JournalMap {
 public:
  JournalMap() = default;
  /// `size`: of the file, a multiple of kJournalHeader and at least twice that. Throws SetupError.
  JournalMap(int fd, std::uint64_t size);
  ~JournalMap();
  JournalMap(JournalMap&& other) noexcept { *this = std::move(other); }
  JournalMap& operator=(JournalMap&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  JournalMap(const JournalMap&) = delete;
  JournalMap& operator=(const JournalMap&) = delete;

  JournalFile& file() const { return *file_; }
  char* data() const { return data_; }
  /// Of the circle, bytes.
  std::uint64_t capacity() const { return capacity_; }

 private:
  JournalFile* file_ = nullptr;
  char* data_ = nullptr;
  std::uint64_t capacity_ = 0;
};

}  // namespace vslog
