#include "wire/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <protozero/exception.hpp>
#include <system_error>

#include "wire/crc32c.h"
#include "wire/frame.h"
#include "wire/messages.h"
#include "vslog_fields.h"

namespace vslog {
namespace {

constexpr char kMagic[8] = {'v', 's', 'l', 'o', 'g', 'j', 'n', 'l'};
constexpr std::uint32_t kVersion = 1;
// The largest page size of any machine we run on, so that a file's layout does not depend on it.
constexpr std::uint64_t kHeaderBytes = 64 << 10;

std::string reason(int error) { return std::generic_category().message(error); }

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

/// Everything that changes with a commit. Two of them; the active one is never written.
struct Journal::Slot {
  std::uint64_t begin;
  std::uint64_t end;
  std::uint64_t first_sequence;
  std::uint64_t next_sequence;
  std::uint64_t cursor;
  std::uint64_t overwritten;
  std::uint64_t overwritten_first_ns;
  std::uint64_t overwritten_last_ns;
  std::uint64_t unused;  // earlier versions count here
  std::uint64_t reported[std::tuple_size_v<LossCounts>];
  std::uint32_t crc;  // of all above
  std::uint32_t pad;

  std::uint32_t sum() const { return crc32c(this, offsetof(Slot, crc)); }
};

/// The file's first page.
struct Journal::File {
  struct Durable {
    char name[64];  // ends in NUL
    std::uint64_t acknowledged;
    std::uint64_t used;
  };

  /// Beside each Durable; a version that did not know of it left zeros.
  struct Keeper {
    std::uint32_t owned;  // 1: `owner` is known
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
  Durable durables[kMaxDurable];
  Keeper keepers[kMaxDurable];
  std::uint64_t unlogged;
  std::uint64_t unlogged_first_ns;
  std::uint64_t unlogged_last_ns;

  std::vector<DurableSlot> known() const {
    std::vector<DurableSlot> out;
    for (std::size_t i = 0; i < kMaxDurable; ++i) {
      if (durables[i].used != 1) continue;
      const Keeper& k = keepers[i];
      out.push_back({durables[i].name, durables[i].acknowledged, k.owned == 1 ? std::optional<uid_t>(k.owner) : std::nullopt, k.away_since_ns});
    }
    return out;
  }

  std::uint32_t sum() const { return crc32c(&size, sizeof size + sizeof boot_id + sizeof epoch); }
  bool sound() const {
    if (std::memcmp(magic, kMagic, sizeof magic) != 0 || version != kVersion || crc != sum() || active > 1) return false;
    if (boot_id[63] != 0 || epoch[63] != 0 || slots[active].crc != slots[active].sum()) return false;
    for (const Durable& d : durables) {
      if (d.used > 1 || (d.used == 1 && (d.name[0] == 0 || d.name[63] != 0 || d.acknowledged >= slots[active].next_sequence))) return false;
    }
    return true;
  }
};

Journal::Journal(const JournalOptions& options) {
  static_assert(sizeof(File) <= kHeaderBytes);
  std::error_code ignored;  // a missing folder shows when the file is opened
  std::filesystem::create_directories(std::filesystem::path(options.path).parent_path(), ignored);
  const std::uint64_t size = (std::max(options.size, kMinSize) + kHeaderBytes - 1) / kHeaderBytes * kHeaderBytes;
  open_locked(options);

  File old{};
  struct stat info{};
  fstat(fd_.get(), &info);
  std::vector<DurableSlot> known;
  if (info.st_size > 0) {
    const bool read_whole = pread(fd_.get(), &old, sizeof old, 0) == static_cast<ssize_t>(sizeof old);
    const bool sound = read_whole && old.sound() && old.size == static_cast<std::uint64_t>(info.st_size) && old.size >= kMinSize && old.size % kHeaderBytes == 0;
    if (!sound) {
      notice_ = "is damaged";
    } else if (old.boot_id != options.boot_id) {
      notice_ = "is of an earlier boot";
    } else if (old.size != size) {
      notice_ = "has another size";
    } else {
      map(size);
      if (recover()) {
        continued_ = true;
        return;
      }
      munmap(file_, kHeaderBytes + 2 * capacity_);
      file_ = nullptr;
      notice_ = "is damaged";
    }
    if (sound) {
      abandoned_ = old.slots[old.active].next_sequence - old.slots[old.active].first_sequence;
      known = old.known();
    }
    const bool keep = notice_ == "is damaged" || abandoned_ > 0;
    const std::string aside = options.path + ".old";
    if (keep ? rename(options.path.c_str(), aside.c_str()) != 0 : unlink(options.path.c_str()) != 0) {
      throw SetupError("the journal " + options.path + " " + notice_ + " and cannot be put aside: " + reason(errno) + ".");
    }
    notice_ = "the journal " + options.path + " " + notice_ + ": a new one is begun" + (keep ? ", the old one is kept as " + aside : "") + ".";
    open_locked(options);
  }
  make(options, size);
  // Who was promised everything is not forgotten with the epoch.
  for (const DurableSlot& d : known) durable(d.name, d.owner);
}

Journal::~Journal() {
  if (file_ != nullptr) munmap(file_, kHeaderBytes + 2 * capacity_);
}

void Journal::open_locked(const JournalOptions& options) {
  fd_.reset(open(options.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd_) throw SetupError("the journal " + options.path + " cannot be opened: " + reason(errno) + ".");
  if (flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    throw InUse("the journal " + options.path + " is in use by another capture: stop that one, or name another with --journal.");
  }
  struct stat ours{};
  struct stat named{};
  if (fstat(fd_.get(), &ours) != 0 || stat(options.path.c_str(), &named) != 0 || ours.st_ino != named.st_ino) {
    throw InUse("the journal " + options.path + " is being made by another capture: stop that one, or name another with --journal.");
  }
  if (!S_ISREG(ours.st_mode)) throw SetupError("the journal " + options.path + " is not a regular file: name another with --journal.");
}

void Journal::make(const JournalOptions& options, std::uint64_t size) {
  // All of it at once: a mapped file that meets a full file system later would end the process by SIGBUS.
  const int error = ftruncate(fd_.get(), 0) != 0 ? errno : posix_fallocate(fd_.get(), 0, static_cast<off_t>(size));
  if (error != 0) {
    const int cleared = ftruncate(fd_.get(), 0);
    throw SetupError("the journal " + options.path + " of " + std::to_string(size) + " bytes cannot be made: " + reason(error) +
                     (cleared == 0 ? "; give it room, or less with --journal-size." : "."));
  }
  map(size);
  File& f = *file_;
  epoch_ = options.boot_id;
  std::erase(epoch_, '-');
  epoch_ += "-" + std::to_string(options.now_ms);
  if (epoch_.size() > 63 || options.boot_id.size() > 63) throw SetupError("the boot id " + options.boot_id + " is too long.");
  f.version = kVersion;
  f.size = size;
  options.boot_id.copy(f.boot_id, 63);
  epoch_.copy(f.epoch, 63);
  f.crc = f.sum();
  Slot first{};
  first.first_sequence = first.next_sequence = 1;
  first.crc = first.sum();
  f.slots[0] = first;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  std::memcpy(f.magic, kMagic, sizeof kMagic);  // last: without it the file is no journal yet
}

void Journal::map(std::uint64_t size) {
  capacity_ = size - kHeaderBytes;
  const auto fail = [] { throw SetupError("the journal cannot be mapped: " + reason(errno) + "."); };
  void* const base = mmap(nullptr, kHeaderBytes + 2 * capacity_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) fail();
  char* const at = static_cast<char*>(base);
  file_ = static_cast<File*>(base);
  data_ = at + kHeaderBytes;
  const int prot = PROT_READ | PROT_WRITE;
  if (mmap(at, size, prot, MAP_SHARED | MAP_FIXED, fd_.get(), 0) == MAP_FAILED ||
      mmap(data_ + capacity_, capacity_, prot, MAP_SHARED | MAP_FIXED, fd_.get(), kHeaderBytes) == MAP_FAILED) {
    fail();
  }
}

/// Walks and checks every batch. False when something is not as it was written.
bool Journal::recover() {
  const Slot& s = active();
  if (s.end < s.begin || s.end - s.begin > capacity_) return false;
  epoch_ = file_->epoch;
  index_.clear();
  std::uint64_t sequence = s.first_sequence;
  try {
    for (std::uint64_t at = s.begin; at < s.end;) {
      const auto header = decode_header(bytes(at, std::min<std::uint64_t>(s.end - at, kFrameHeaderSize)));
      if (!header || header->length > s.end - at || header->type != static_cast<std::uint16_t>(FrameType::event_batch)) return false;
      const auto batch = decode<EventBatch>(bytes(at, header->length).substr(kFrameHeaderSize));
      const BatchHeader& h = batch.header;
      if (h.epoch != epoch_ || h.first_sequence != sequence || h.count == 0 || h.crc32c != crc32c(batch.body)) return false;
      index_.push_back({at, header->length, h.count, sequence});
      at += header->length;
      sequence += h.count;
    }
  } catch (const protozero::exception&) {
    return false;
  }
  if (sequence != s.next_sequence) return false;
  mark_.cursor = s.cursor;
  std::copy_n(s.reported, mark_.reported.size(), mark_.reported.begin());
  durable_count_ = durables().size();
  return true;
}

const Journal::Slot& Journal::active() const { return file_->slots[file_->active]; }
std::uint64_t Journal::next_sequence() const { return active().next_sequence; }
std::uint64_t Journal::first_sequence() const { return active().first_sequence; }
std::uint64_t Journal::overwritten() const { return active().overwritten; }
std::uint64_t Journal::overwritten_first_ns() const { return active().overwritten_first_ns; }
std::uint64_t Journal::overwritten_last_ns() const { return active().overwritten_last_ns; }
std::uint64_t Journal::begin() const { return active().begin; }
std::uint64_t Journal::end() const { return active().end; }

std::string_view Journal::bytes(std::uint64_t position, std::uint64_t size) const { return {data_ + position % capacity_, size}; }

void Journal::flip(Slot next) {
  next.crc = next.sum();
  const std::uint64_t other = 1 - file_->active;
  file_->slots[other] = next;
  // The one store that makes it so. Whatever was stored before is seen by whoever maps the file after our death.
  std::atomic_ref(file_->active).store(other, std::memory_order_release);
}

void Journal::drop_oldest(Slot& next, bool lost) {
  const KeptBatch& b = index_.front();
  if (lost) {
    const auto batch = decode<EventBatch>(bytes(b.position, b.size).substr(kFrameHeaderSize));
    const auto [first, last] = times(batch.body);
    if (next.overwritten == 0) next.overwritten_first_ns = first;
    next.overwritten_last_ns = last;
    next.overwritten += b.count;
  }
  next.begin = b.position + b.size;
  next.first_sequence = b.first_sequence + b.count;
  index_.pop_front();
}

bool Journal::has_room(std::uint64_t bytes, bool urgent) const {
  if (!has_durable()) return bytes <= capacity_;
  return used() + bytes + (urgent ? 0 : kReserve) <= capacity_;
}

void Journal::commit(std::span<const FinishedBatch> batches, const JournalMark& mark) {
  std::uint64_t total = 0;
  for (const FinishedBatch& b : batches) total += b.frame.size();
  Slot next = active();
  if (next.end - next.begin + total > capacity_) {
    // They must be out of the log before their bytes change.
    while (!index_.empty() && next.end - next.begin + total > capacity_) drop_oldest(next, true);
    flip(next);
  }
  for (const FinishedBatch& b : batches) {
    std::memcpy(data_ + next.end % capacity_, b.frame.data(), b.frame.size());
    index_.push_back({next.end, static_cast<std::uint32_t>(b.frame.size()), b.count, b.first_sequence});
    next.end += b.frame.size();
    next.next_sequence = b.first_sequence + b.count;
  }
  next.cursor = mark.cursor;
  std::copy(mark.reported.begin(), mark.reported.end(), next.reported);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  flip(next);
  mark_ = mark;
}

const KeptBatch* Journal::after(std::uint64_t sequence) const {
  const auto it = std::partition_point(index_.begin(), index_.end(), [sequence](const KeptBatch& b) { return b.first_sequence + b.count - 1 <= sequence; });
  return it == index_.end() ? nullptr : &*it;
}

const KeptBatch* Journal::at(std::uint64_t position) const {
  const auto it = std::partition_point(index_.begin(), index_.end(), [position](const KeptBatch& b) { return b.position < position; });
  return it == index_.end() ? nullptr : &*it;
}

std::vector<DurableSlot> Journal::durables() const { return file_->known(); }

bool Journal::give(std::string_view name, uid_t owner) {
  for (std::size_t i = 0; i < kMaxDurable; ++i) {
    File::Keeper& k = file_->keepers[i];
    if (file_->durables[i].used != 1 || name != file_->durables[i].name || (k.owned == 1 && k.owner != 0)) continue;
    k.owner = owner;
    std::atomic_ref(k.owned).store(1, std::memory_order_release);
    return true;
  }
  return false;
}

int Journal::durable(std::string_view name, std::optional<uid_t> owner) {
  const auto own = [this, &owner](int slot) {
    File::Keeper& k = file_->keepers[slot];
    if (!owner || k.owned == 1) return slot;
    k.owner = *owner;
    std::atomic_ref(k.owned).store(1, std::memory_order_release);
    return slot;
  };
  int free = -1;
  for (int i = 0; i < static_cast<int>(kMaxDurable); ++i) {
    const File::Durable& d = file_->durables[i];
    if (d.used == 1 && name == d.name) return own(i);
    if (d.used == 0 && free < 0) free = i;
  }
  if (free < 0) return -1;
  File::Durable& d = file_->durables[free];
  std::memset(d.name, 0, sizeof d.name);
  name.copy(d.name, sizeof d.name - 1);
  d.acknowledged = first_sequence() - 1;
  file_->keepers[free] = {};
  own(free);
  std::atomic_ref(d.used).store(1, std::memory_order_release);
  ++durable_count_;
  return free;
}

void Journal::set_away_since(int slot, std::uint64_t boottime_ns) { file_->keepers[slot].away_since_ns = boottime_ns; }

Unlogged Journal::unlogged() const { return {file_->unlogged, file_->unlogged_first_ns, file_->unlogged_last_ns}; }

void Journal::count_unlogged(std::uint64_t records, std::uint64_t first_ns, std::uint64_t last_ns) {
  // Times of what a loss record told of already are not kept.
  if (file_->unlogged == mark_.reported[static_cast<std::size_t>(LossPlace::journal)]) file_->unlogged_first_ns = first_ns;
  file_->unlogged_last_ns = last_ns;
  std::atomic_ref(file_->unlogged).fetch_add(records, std::memory_order_release);
}

std::uint64_t Journal::acknowledged(int slot) const { return file_->durables[slot].acknowledged; }

void Journal::acknowledge(int slot, std::uint64_t sequence) {
  std::uint64_t& acknowledged = file_->durables[slot].acknowledged;
  if (sequence <= acknowledged) return;
  std::atomic_ref(acknowledged).store(sequence, std::memory_order_release);
  trim();
}

bool Journal::forget(std::string_view name) {
  for (File::Durable& d : file_->durables) {
    if (d.used != 1 || name != d.name) continue;
    std::atomic_ref(d.used).store(0, std::memory_order_release);
    --durable_count_;
    trim();
    return true;
  }
  return false;
}

void Journal::trim() {
  if (!has_durable()) return;
  std::uint64_t floor = UINT64_MAX;
  for (const File::Durable& d : file_->durables) {
    if (d.used == 1) floor = std::min(floor, d.acknowledged);
  }
  Slot next = active();
  const std::uint64_t begin = next.begin;
  while (!index_.empty() && index_.front().first_sequence + index_.front().count - 1 <= floor) drop_oldest(next, false);
  if (next.begin != begin) flip(next);
}

}  // namespace vslog
