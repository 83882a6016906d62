// The log between the source and the socket: a mapped file that outlives the process. docs/architecture.md, "Journal".
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "wire/batch.h"
#include "wire/unique_fd.h"

namespace vslog {

/// The journal, or another thing, is held by another process. what() is a sentence.
class InUse : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Something that was asked for cannot be had: a path, a size. what() is a sentence.
class SetupError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct JournalOptions {
  std::string path;
  std::uint64_t size = 64 << 20;  ///< of the file, bytes; rounded up to 64 KiB
  std::string boot_id;            ///< with dashes, as /proc/sys/kernel/random/boot_id has it
  std::uint64_t now_ms = 0;       ///< unix time; names a new epoch
};

/// Counts by LossPlace.
using LossCounts = std::array<std::uint64_t, 16>;

/// What is committed together with batches.
struct JournalMark {
  std::uint64_t cursor = 0;  ///< of the source, after the batches
  LossCounts reported{};     ///< of the source's loss totals, what loss records in the log have said
};

/// One batch that is kept.
struct KeptBatch {
  std::uint64_t position = 0;  ///< of its frame, counted from the epoch's first byte
  std::uint32_t size = 0;
  std::uint32_t count = 0;
  std::uint64_t first_sequence = 0;
};

struct DurableSlot {
  std::string name;
  std::uint64_t acknowledged = 0;
  std::optional<uid_t> owner{};     ///< whose it is; nothing: a version that did not ask made it, and the next to subscribe owns it
  std::uint64_t away_since_ns = 0;  ///< CLOCK_BOOTTIME; 0: it is not known to be away
};

/// Records that came while the journal was full and that nobody waited with. Counted in the journal's file, so that the count outlives a kill.
struct Unlogged {
  std::uint64_t records = 0;   ///< in all, in this epoch
  std::uint64_t first_ns = 0;  ///< wall clock, of the first and last of those that no loss record has told of
  std::uint64_t last_ns = 0;
};

class Journal {
 public:
  static constexpr std::uint64_t kMinSize = 1 << 20;
  /// Kept free for what the capture itself has to say when the journal is full.
  static constexpr std::uint64_t kReserve = 64 << 10;
  static constexpr std::size_t kMaxDurable = 32;

  /// Opens or makes the file and takes its lock. Throws InUse and SetupError.
  explicit Journal(const JournalOptions& options);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  const std::string& epoch() const { return epoch_; }
  /// False when this start made a new epoch.
  bool continued() const { return continued_; }
  /// Why the file that was there was not continued, a sentence; empty when there was none or it was continued.
  const std::string& notice() const { return notice_; }
  /// Records of the file that was there which nobody had acknowledged.
  std::uint64_t abandoned() const { return abandoned_; }

  std::uint64_t next_sequence() const;
  /// Sequence of the oldest record kept; next_sequence() when there is none.
  std::uint64_t first_sequence() const;
  const JournalMark& mark() const { return mark_; }
  /// Records that were overwritten before anybody subscribed, in all; wall times of the first and last, ns.
  std::uint64_t overwritten() const;
  std::uint64_t overwritten_first_ns() const;
  std::uint64_t overwritten_last_ns() const;

  std::uint64_t capacity() const { return capacity_; }
  std::uint64_t used() const { return end() - begin(); }
  /// Positions of the oldest byte kept and of the one after the newest.
  std::uint64_t begin() const;
  std::uint64_t end() const;

  /// Whether commit() of so many bytes may be called. `urgent`: the capture's own records may use the reserve.
  bool has_room(std::uint64_t bytes, bool urgent = false) const;
  /// Writes the batches and the mark, all or nothing. Overwrites the oldest batches when no durable subscriber is known.
  void commit(std::span<const FinishedBatch> batches, const JournalMark& mark);

  /// The bytes from `position` on; `size` must not reach beyond end(). Always in one piece. Valid while position >= begin().
  std::string_view bytes(std::uint64_t position, std::uint64_t size) const;
  /// First kept batch that holds a sequence above `sequence`, or nullptr.
  const KeptBatch* after(std::uint64_t sequence) const;
  /// The kept batch at or after `position`, or nullptr.
  const KeptBatch* at(std::uint64_t position) const;

  std::vector<DurableSlot> durables() const;
  bool has_durable() const { return durable_count_ != 0; }
  /// The slot of a name, made when there is none; -1 when all are taken. `owner`: whose it is from now on, if nobody's is known.
  int durable(std::string_view name, std::optional<uid_t> owner = std::nullopt);
  /// Makes root's durable subscriber of that name, or one that is nobody's yet, somebody else's. False: there is none such.
  bool give(std::string_view name, uid_t owner);
  /// 0: it is there.
  void set_away_since(int slot, std::uint64_t boottime_ns);
  std::uint64_t acknowledged(int slot) const;
  /// Lets go of what all durable subscribers have.
  void acknowledge(int slot, std::uint64_t sequence);
  /// Returns false when there was no such name.
  bool forget(std::string_view name);

  Unlogged unlogged() const;
  /// So many records more have no place in the log. Times are wall clock, ns.
  void count_unlogged(std::uint64_t records, std::uint64_t first_ns, std::uint64_t last_ns);

 private:
  struct Slot;
  struct File;

  void open_locked(const JournalOptions& options);
  void make(const JournalOptions& options, std::uint64_t size);
  void map(std::uint64_t size);
  bool recover();
  const Slot& active() const;
  void flip(Slot next);
  void drop_oldest(Slot& next, bool lost);
  void trim();

  UniqueFd fd_;
  File* file_ = nullptr;
  char* data_ = nullptr;  // mapped twice in a row, so that no batch is ever cut in two
  std::uint64_t capacity_ = 0;
  std::string epoch_;
  std::string notice_;
  std::uint64_t abandoned_ = 0;
  bool continued_ = false;
  std::size_t durable_count_ = 0;
  JournalMark mark_;
  std::deque<KeptBatch> index_;
};

}  // namespace vslog
