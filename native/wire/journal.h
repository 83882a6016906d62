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
#include "wire/journal_file.h"
#include "wire/journal_scan.h"
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
using LossCounts = std::array<std::uint64_t, kJournalPlaces>;

/// What is committed together with batches.
struct JournalMark {
  std::uint64_t cursor = 0;  ///< of the source, after the batches
  LossCounts reported{};     ///< of the source's loss totals, what loss records in the log have said
};

/// One batch that is kept. Sequences count in an epoch, ordinals over all epochs that the file has seen.
struct KeptBatch {
  std::uint64_t position = 0;  ///< of its frame, counted from the file's first byte
  std::uint32_t size = 0;
  std::uint32_t count = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t ordinal = 0;  ///< of its first record
  std::uint32_t epoch = 0;    ///< of Journal::epoch_of()

  std::uint64_t last_ordinal() const { return ordinal + count - 1; }
};

struct DurableSlot {
  std::string name;
  std::uint64_t acknowledged = 0;  ///< ordinal
  std::optional<uid_t> owner{};     ///< whose it is; nothing: a version that did not ask made it, and the next to subscribe owns it
  std::uint64_t away_since_ns = 0;  ///< CLOCK_BOOTTIME; 0: it is not known to be away
};

/// The epoch before this one.
struct PreviousEpoch {
  std::string epoch;
  std::uint64_t last = 0;  ///< sequence of its last record that is or was here
  EpochEnd end = EpochEnd::none;
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
  static constexpr std::size_t kMaxDurable = kJournalDurables;

  /// Opens or makes the file and takes its lock. Whatever the file that is there holds goes on: in its epoch when it is of this boot and can be read, else before a new epoch. What of it cannot be
  /// read is put aside and told by notice() and previous(). Throws InUse, SetupError, and std::runtime_error when there is no room for now.
  explicit Journal(const JournalOptions& options);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  const std::string& epoch() const { return epoch_; }
  /// False when this start made a new epoch.
  bool continued() const { return continued_; }
  /// What the file that was there made necessary, a sentence; empty when there was none or nothing is worth a word.
  const std::string& notice() const { return notice_; }
  /// The epoch before this one, as far as this file knows.
  PreviousEpoch previous() const;

  std::uint64_t next_sequence() const { return now_.next_sequence; }
  std::uint64_t next_ordinal() const { return now_.base + now_.next_sequence; }
  /// Sequence of the oldest record kept, in whatever epoch; next_sequence() when there is none.
  std::uint64_t first_sequence() const { return index_.empty() ? now_.next_sequence : index_.front().first_sequence; }
  /// The name of a kept batch's epoch.
  const std::string& epoch_of(const KeptBatch& batch) const { return epochs_[batch.epoch]; }
  /// The place of a sequence of this epoch, or of an earlier one that was kept when this process began; the nearest before it that was. Nothing: the epoch is not known.
  std::optional<std::uint64_t> ordinal(std::string_view epoch, std::uint64_t sequence) const;
  /// The sequence in this epoch; 0 for what came before it.
  std::uint64_t sequence(std::uint64_t ordinal) const { return ordinal > now_.base ? ordinal - now_.base : 0; }
  const JournalMark& mark() const { return mark_; }
  /// Records that were overwritten before anybody subscribed, in all; wall times of the first and last, ns.
  std::uint64_t overwritten() const { return now_.overwritten; }
  std::uint64_t overwritten_first_ns() const { return now_.overwritten_first_ns; }
  std::uint64_t overwritten_last_ns() const { return now_.overwritten_last_ns; }

  std::uint64_t capacity() const { return map_.capacity(); }
  std::uint64_t used() const { return end() - begin(); }
  /// Positions of the oldest byte kept and of the one after the newest.
  std::uint64_t begin() const { return now_.begin; }
  std::uint64_t end() const { return now_.end; }
  /// The file, for who makes it durable.
  int fd() const { return fd_.get(); }

  /// Whether commit() of so many bytes may be called. `urgent`: the capture's own records may use the reserve.
  bool has_room(std::uint64_t bytes, bool urgent = false) const;
  /// Writes the batches and the mark, all or nothing. Overwrites the oldest batches when no durable subscriber is known. `stopped`: the last record is the capture's stop, after which nothing happens
  /// in this epoch, or a later start's record.
  void commit(std::span<const FinishedBatch> batches, const JournalMark& mark, bool stopped = false);

  /// The bytes from `position` on; `size` must not reach beyond end(). Always in one piece. Valid while position >= begin().
  std::string_view bytes(std::uint64_t position, std::uint64_t size) const;
  /// First kept batch that holds a record after this ordinal, or nullptr.
  const KeptBatch* after(std::uint64_t ordinal) const;
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
  /// An ordinal.
  std::uint64_t acknowledged(int slot) const { return acknowledged_[static_cast<std::size_t>(slot)]; }
  /// Lets go of what all durable subscribers have. Up to this ordinal.
  void acknowledge(int slot, std::uint64_t ordinal);
  /// Returns false when there was no such name.
  bool forget(std::string_view name);

  Unlogged unlogged() const;
  /// So many records more have no place in the log. Times are wall clock, ns.
  void count_unlogged(std::uint64_t records, std::uint64_t first_ns, std::uint64_t last_ns);

 private:
  /// A run of an earlier epoch that was kept when we began.
  struct Run {
    std::uint32_t epoch = 0;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint64_t ordinal = 0;
  };
  struct Earlier;

  // journal_open.cc
  void open_locked(const JournalOptions& options);
  void make(const JournalOptions& options);
  bool take_over(const JournalOptions& options, std::uint64_t file_size);
  void remember(const Earlier& earlier);
  void index(const Earlier& earlier);
  void rebuild(const JournalOptions& options, const Earlier& earlier, const JournalMap& old, std::uint64_t size);
  void put_aside(const JournalOptions& options);
  void begin_epoch(const JournalOptions& options, bool damaged);
  void write_header();

  // journal.cc
  void flip();
  void write_durable(std::size_t slot);
  void drop_oldest(bool lost);
  void trim();

  UniqueFd fd_;
  JournalMap map_;
  JournalStanding now_{};  // as it stands in the file
  JournalUnlogged unlogged_{};
  std::array<JournalDurable, kMaxDurable> durables_{};
  std::array<std::uint64_t, kMaxDurable> acknowledged_{};
  std::string epoch_;
  std::vector<std::string> epochs_;  // epoch_ is the last
  std::vector<Run> runs_;
  std::string notice_;
  bool continued_ = false;
  std::size_t durable_count_ = 0;
  JournalMark mark_;
  std::deque<KeptBatch> index_;
};

}  // namespace vslog
