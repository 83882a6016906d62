// How a journal begins: what the file that is there holds goes on. Whole, in its place; else what can be read of it, in a file of its own.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "vslog_fields.h"
#include "wire/journal.h"
#include "wire/journal_v1.h"

namespace vslog {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

std::uint64_t rounded(std::uint64_t size) { return (size + kJournalHeader - 1) / kJournalHeader * kJournalHeader; }

std::string compact(std::string boot_id) {
  std::erase(boot_id, '-');
  return boot_id;
}

void copy_text(std::string_view text, char (&to)[64]) {
  std::memset(to, 0, sizeof to);
  text.copy(to, sizeof to - 1);
}

bool is_text(const char (&text)[64]) { return text[63] == 0; }

bool makes_sense(const JournalStanding& s) {
  return is_text(s.boot_id) && is_text(s.epoch) && is_text(s.previous_epoch) && s.size % kJournalHeader == 0 && s.size >= Journal::kMinSize && s.begin <= s.end && s.end - s.begin <= s.size - kJournalHeader &&
         s.next_sequence > 0;
}

/// When the epoch began, by its name. 0: it does not say.
std::uint64_t begun_ms(const std::string& epoch) {
  const std::size_t dash = epoch.rfind('-');
  std::uint64_t ms = 0;
  for (std::size_t i = dash + 1; dash != std::string::npos && i < epoch.size() && epoch[i] >= '0' && epoch[i] <= '9'; ++i) ms = ms * 10 + static_cast<std::uint64_t>(epoch[i] - '0');
  return ms;
}

/// Makes the name of a file's folder durable, so far as the file system can.
void sync_folder(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const UniqueFd fd(open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd) fsync(fd.get());
}

/// All of it at once: a mapped file that meets a full file system later would end the process by SIGBUS. 0, or the error.
int allocate(int fd, std::uint64_t size) { return ftruncate(fd, 0) != 0 ? errno : posix_fallocate(fd, 0, static_cast<off_t>(size)); }

[[noreturn]] void cannot_make(const std::string& path, std::uint64_t size, int error) {
  const std::string sentence = "the journal " + path + " of " + std::to_string(size) + " bytes cannot be made: " + reason(error) + "; give it room, or less with --journal-size.";
  // A disk that is full now may not be so later: whoever starts us tries again.
  if (error == ENOSPC || error == EDQUOT || error == EIO) throw std::runtime_error(sentence);
  throw SetupError(sentence);
}

}  // namespace

JournalMap::JournalMap(int fd, std::uint64_t size) : capacity_(size - kJournalHeader) {
  const auto fail = [] { throw SetupError("the journal cannot be mapped: " + reason(errno) + "."); };
  void* const base = mmap(nullptr, kJournalHeader + 2 * capacity_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) fail();
  char* const at = static_cast<char*>(base);
  file_ = static_cast<JournalFile*>(base);
  data_ = at + kJournalHeader;
  const int prot = PROT_READ | PROT_WRITE;
  if (mmap(at, size, prot, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED || mmap(data_ + capacity_, capacity_, prot, MAP_SHARED | MAP_FIXED, fd, kJournalHeader) == MAP_FAILED) {
    const int error = errno;
    munmap(base, kJournalHeader + 2 * capacity_);
    errno = error;
    fail();
  }
}

JournalMap::~JournalMap() {
  if (file_ != nullptr) munmap(file_, kJournalHeader + 2 * capacity_);
}

/// What a file that was there holds.
struct Journal::Earlier {
  std::optional<JournalStanding> standing;  ///< nothing: both copies are damaged
  std::optional<JournalOrigin> origin;
  std::optional<JournalUnlogged> unlogged;
  std::array<JournalDurable, kMaxDurable> durables{};
  std::array<std::uint64_t, kMaxDurable> acknowledged{};
  std::size_t names_lost = 0;
  FoundFrames found;              ///< in the order of the log, with their ordinals; places are positions in the circle
  bool clean = false;             ///< they are all that should be there, back to back
  std::uint64_t size = 0;         ///< of the file
  std::uint64_t records() const {
    std::uint64_t sum = 0;
    for (const FoundFrame& f : found.frames) sum += f.count;
    return sum;
  }
  std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const FoundFrame& f : found.frames) sum += f.size;
    return sum;
  }

  void read_header(const JournalMap& map);
  void read_frames(const JournalMap& map, const std::string& boot_id);

 private:
  bool walk(const JournalMap& map, bool further);
  void salvage(const JournalMap& map, bool further);
  void drop_acknowledged();
};

void Journal::Earlier::read_header(const JournalMap& map) {
  JournalHalf a = map.file().first;
  JournalHalf b = map.file().second;
  JournalFileV1 old{};
  std::memcpy(&old, static_cast<const void*>(&map.file()), sizeof old);
  if (!a.standing.sound() && !b.standing.sound() && old.sound()) a = b = old.half();
  for (const JournalHalf* half : {&a, &b}) {
    if (!standing && half->standing.sound() && makes_sense(half->standing.value)) standing = half->standing.value;
  }
  if (const JournalOrigin* o = sound_of(a.origin, b.origin); o != nullptr && is_text(o->epoch)) origin = *o;
  if (const JournalUnlogged* u = sound_of(a.unlogged, b.unlogged)) unlogged = *u;
  for (std::size_t i = 0; i < kMaxDurable; ++i) {
    const JournalDurable* d = sound_of(a.durables[i], b.durables[i]);
    // Nothing was ever written there, or it cannot be read.
    if (d == nullptr) names_lost += a.durables[i].crc != 0 || a.durables[i].value.used != 0 || b.durables[i].value.used != 0 ? 1 : 0;
    else if (d->used == 1 && is_text(d->name) && d->name[0] != 0) durables[i] = *d;
    // One that is too low sends again what is known; one that is too high would lose it.
    acknowledged[i] = std::min(a.acknowledged[i], b.acknowledged[i]);
  }
}

/// Frame by frame, as they should stand. `further`: the header may be older than the circle, as a power cut leaves them. False: something is not as it was written.
bool Journal::Earlier::walk(const JournalMap& map, bool further) {
  JournalStanding& s = *standing;
  const std::uint32_t current = found.epoch(s.epoch);
  std::uint64_t at = s.begin;
  const auto next = [&](std::uint64_t limit) -> const FoundFrame* {
    std::optional<FoundFrame> frame = frame_at({map.data() + at % map.capacity(), limit}, found);
    if (!frame) return nullptr;
    frame->place = at;
    if (!found.frames.empty()) {
      const FoundFrame& before = found.frames.back();
      // What is missing between two was found missing by an earlier start.
      if (before.epoch == frame->epoch ? frame->first <= before.last() : before.epoch == current) return nullptr;
    }
    found.frames.push_back(*frame);
    at += frame->size;
    return &found.frames.back();
  };
  while (at < s.end) {
    if (next(s.end - at) == nullptr) return false;
  }
  if (!found.frames.empty() && found.frames.back().epoch == current && found.frames.back().last() >= s.next_sequence) return false;
  while (further && at - s.begin < map.capacity()) {
    FoundFrames ahead;
    const std::optional<FoundFrame> frame = frame_at({map.data() + at % map.capacity(), map.capacity() - (at - s.begin)}, ahead);
    if (!frame || ahead.epochs[0] != s.epoch || frame->first != s.next_sequence || next(frame->size) == nullptr) break;
    s.next_sequence = found.frames.back().last() + 1;
    s.end = at;
    s.stopped = 0;
  }
  // The current epoch's name comes last.
  for (FoundFrame& f : found.frames) f.epoch = f.epoch == current ? static_cast<std::uint32_t>(found.epochs.size() - 1) : f.epoch - (f.epoch > current ? 1 : 0);
  std::rotate(found.epochs.begin() + current, found.epochs.begin() + current + 1, found.epochs.end());
  return true;
}

/// Looks for whatever can be read, in the whole circle.
void Journal::Earlier::salvage(const JournalMap& map, bool further) {
  const std::uint64_t capacity = map.capacity();
  // A file that was cut has another circle than it was written with.
  const bool whole = !standing || standing->size == size;
  FoundFrames all = scan_frames({map.data(), whole ? 2 * capacity : capacity}, capacity);
  if (standing) {
    const JournalStanding& s = *standing;
    const std::uint64_t circle = s.size - kJournalHeader;
    const std::uint32_t current = all.epoch(s.epoch);
    // What was let go of stands in the circle until it is written over.
    std::erase_if(all.frames, [&](FoundFrame& f) {
      const std::uint64_t behind = (f.place + circle - s.begin % circle) % circle;
      const bool kept = behind < s.end - s.begin;
      return f.epoch == current ? !(kept && f.first < s.next_sequence) && !(further && f.first >= s.next_sequence) : !kept;
    });
  }
  std::vector<std::uint32_t> rank(all.epochs.size());
  {
    std::vector<std::uint32_t> order(all.epochs.size());
    for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    const std::string current = standing ? standing->epoch : origin ? origin->epoch : "";
    std::stable_sort(order.begin(), order.end(), [&](std::uint32_t x, std::uint32_t y) {
      const bool x_last = all.epochs[x] == current;
      const bool y_last = all.epochs[y] == current;
      return x_last != y_last ? y_last : begun_ms(all.epochs[x]) < begun_ms(all.epochs[y]);
    });
    for (std::uint32_t i = 0; i < order.size(); ++i) rank[order[i]] = i;
    for (const std::uint32_t e : order) found.epochs.push_back(all.epochs[e]);
  }
  for (FoundFrame& f : all.frames) f.epoch = rank[f.epoch];
  std::sort(all.frames.begin(), all.frames.end(), [](const FoundFrame& x, const FoundFrame& y) { return x.epoch != y.epoch ? x.epoch < y.epoch : x.first < y.first; });
  for (const FoundFrame& f : all.frames) {
    // Something that was written and never committed may stand there still.
    if (!found.frames.empty() && found.frames.back().epoch == f.epoch && f.first <= found.frames.back().last()) continue;
    found.frames.push_back(f);
  }
}

/// Without the standing nobody knows where the kept ones began.
void Journal::Earlier::drop_acknowledged() {
  std::uint64_t floor = UINT64_MAX;
  for (std::size_t i = 0; i < kMaxDurable; ++i) {
    if (durables[i].used == 1) floor = std::min(floor, acknowledged[i]);
  }
  if (floor != UINT64_MAX) std::erase_if(found.frames, [floor](const FoundFrame& f) { return f.ordinal + f.count - 1 <= floor; });
}

void Journal::Earlier::read_frames(const JournalMap& map, const std::string& boot_id) {
  const bool further = !standing || boot_id != standing->boot_id;
  if (standing && standing->size == size) {
    clean = walk(map, further);
    if (!clean) found = {};
  }
  if (!clean) salvage(map, further);
  if (standing) {
    JournalStanding& s = *standing;
    const std::uint32_t current = found.epoch(s.epoch);
    if (!found.frames.empty() && found.frames.back().epoch == current) s.next_sequence = std::max(s.next_sequence, found.frames.back().last() + 1);
    number_frames(found, current, s.base);
    return;
  }
  if (found.frames.empty()) return;
  const FoundFrame newest = found.frames.back();
  std::uint64_t base = 0;
  const bool known = origin && found.epochs[newest.epoch] == origin->epoch;
  if (known) base = origin->base;
  // As many as there can have been before.
  std::map<std::uint32_t, std::uint64_t> last;
  for (const FoundFrame& f : found.frames) last[f.epoch] = f.last();
  if (!known) {
    for (const auto& [epoch, sequence] : last) base += epoch == newest.epoch ? 0 : sequence;
    acknowledged = {};
  }
  number_frames(found, newest.epoch, base);
  if (known) drop_acknowledged();
  JournalStanding s{};
  std::memcpy(s.magic, kJournalMagic, sizeof s.magic);
  copy_text(found.epochs[newest.epoch], s.epoch);
  s.next_sequence = newest.last() + 1;
  s.base = base;
  standing = s;
}

Journal::Journal(const JournalOptions& options) {
  std::error_code ignored;  // a missing folder shows when the file is opened
  std::filesystem::create_directories(std::filesystem::path(options.path).parent_path(), ignored);
  if (options.boot_id.size() > 40) throw SetupError("the boot id " + options.boot_id + " is too long.");
  open_locked(options);
  struct stat info{};
  fstat(fd_.get(), &info);
  if (info.st_size == 0 || !take_over(options, static_cast<std::uint64_t>(info.st_size))) make(options);
  std::copy_n(now_.reported, mark_.reported.size(), mark_.reported.begin());
  mark_.cursor = now_.cursor;
}

Journal::~Journal() = default;

void Journal::open_locked(const JournalOptions& options) {
  fd_.reset(open(options.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd_) {
    const std::string sentence = "the journal " + options.path + " cannot be opened: " + reason(errno) + ".";
    if (errno == ENOSPC || errno == EDQUOT || errno == EIO) throw std::runtime_error(sentence);
    throw SetupError(sentence);
  }
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

void Journal::make(const JournalOptions& options) {
  const std::uint64_t size = rounded(std::max(options.size, kMinSize));
  if (const int error = allocate(fd_.get(), size); error != 0) {
    const int cleared = ftruncate(fd_.get(), 0);
    static_cast<void>(cleared);  // one that cannot be cut is taken for a journal that was never written to
    cannot_make(options.path, size, error);
  }
  map_ = JournalMap(fd_.get(), size);
  std::memcpy(now_.magic, kJournalMagic, sizeof now_.magic);
  now_.size = size;
  now_.next_sequence = std::max<std::uint64_t>(now_.next_sequence, 1);
  begin_epoch(options, false);
  write_header();
  sync_folder(options.path);
}

void Journal::remember(const Earlier& earlier) {
  durables_ = earlier.durables;
  acknowledged_ = earlier.acknowledged;
  if (earlier.unlogged) unlogged_ = *earlier.unlogged;
  durable_count_ = static_cast<std::size_t>(std::count_if(durables_.begin(), durables_.end(), [](const JournalDurable& d) { return d.used == 1; }));
  if (earlier.standing) now_ = *earlier.standing;
  else now_.previous_end = EpochEnd::damaged;
  now_.next_sequence = std::max<std::uint64_t>(now_.next_sequence, 1);
  std::memcpy(now_.magic, kJournalMagic, sizeof now_.magic);
  // Without the counter nothing is known of what it counted beyond what was told.
  if (!earlier.unlogged) unlogged_.records = now_.reported[static_cast<std::size_t>(LossPlace::journal)];
}

void Journal::index(const Earlier& earlier) {
  index_.clear();
  runs_.clear();
  epochs_ = earlier.found.epochs;
  for (const FoundFrame& f : earlier.found.frames) {
    index_.push_back({f.place, f.size, f.count, f.first, f.ordinal, f.epoch});
    if (!runs_.empty() && runs_.back().epoch == f.epoch && runs_.back().last + 1 == f.first) runs_.back().last = f.last();
    else runs_.push_back({f.epoch, f.first, f.last(), f.ordinal});
  }
  // What was acknowledged and is here still was not, whatever a damaged number says; and nobody has what never was.
  for (std::size_t i = 0; i < kMaxDurable; ++i) {
    std::uint64_t& a = acknowledged_[i];
    if (a >= next_ordinal() || durables_[i].used != 1) a = 0;
    if (durables_[i].used == 1) a = std::max(a, index_.empty() ? next_ordinal() - 1 : index_.front().ordinal - 1);
  }
}

bool Journal::take_over(const JournalOptions& options, std::uint64_t file_size) {
  const std::uint64_t wanted = rounded(std::max(options.size, kMinSize));
  Earlier earlier;
  earlier.size = file_size / kJournalHeader * kJournalHeader;
  JournalMap old;
  if (earlier.size >= 2 * kJournalHeader) {
    old = JournalMap(fd_.get(), earlier.size);
    earlier.read_header(old);
    earlier.read_frames(old, options.boot_id);
    // A file of zeros was made and never written to: the process ended in between.
    const JournalFile& f = old.file();
    if (!earlier.standing && earlier.names_lost == 0 && std::all_of(f.magic, f.magic + sizeof f.magic, [](char c) { return c == 0; })) return false;
  }
  const bool same_boot = earlier.standing && options.boot_id == earlier.standing->boot_id;
  remember(earlier);
  // So large that what goes on leaves room for what the capture itself has to say.
  const std::uint64_t needed = rounded(kJournalHeader + earlier.bytes() + 2 * kReserve);
  const std::string held = std::to_string(earlier.records()) + " records";
  if (!earlier.clean) {
    notice_ = "the journal " + options.path + " is damaged: " + held + " of it could be read and go on";
    if (earlier.names_lost > 0) notice_ += ", " + std::to_string(earlier.names_lost) + " names of durable subscribers could not be read";
    rebuild(options, earlier, old, std::max(wanted, needed));
  } else if (wanted != file_size) {
    // One that gets smaller has what it holds all the same.
    const std::uint64_t size = wanted > file_size ? std::max(wanted, needed) : std::min(std::max(wanted, needed), file_size);
    try {
      if (size != file_size) rebuild(options, earlier, old, size);
      if (size != wanted) notice_ = "the journal " + options.path + " holds " + held + " that nobody has acknowledged yet, more than --journal-size has room for: it has " + std::to_string(size) + " bytes until a start that finds less.";
    } catch (const std::runtime_error& e) {
      notice_ = "the journal keeps its " + std::to_string(file_size) + " bytes: " + e.what();
    }
  }
  if (map_.data() == nullptr) {
    map_ = std::move(old);
    index(earlier);
  }
  if (same_boot) {
    continued_ = true;
    epoch_ = now_.epoch;
  } else {
    begin_epoch(options, now_.boot_id[0] == 0);
  }
  write_header();
  return true;
}

/// A file of its own for what goes on, which gets the name when it is whole.
void Journal::rebuild(const JournalOptions& options, const Earlier& earlier, const JournalMap& old, std::uint64_t size) {
  const std::string next = options.path + ".next";
  unlink(next.c_str());  // of a start that was ended in the middle: it counts for nothing before it has the name
  UniqueFd fd(open(next.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd || flock(fd.get(), LOCK_EX | LOCK_NB) != 0) cannot_make(next, size, errno);
  if (const int error = allocate(fd.get(), size); error != 0) {
    unlink(next.c_str());
    cannot_make(next, size, error);
  }
  const JournalStanding before = now_;
  JournalMap map(fd.get(), size);
  std::swap(map_, map);
  Earlier moved = earlier;
  std::uint64_t at = 0;
  for (FoundFrame& f : moved.found.frames) {
    std::memcpy(map_.data() + at, old.data() + f.place % old.capacity(), f.size);
    f.place = at;
    at += f.size;
  }
  now_.size = size;
  now_.begin = 0;
  now_.end = at;
  index(moved);
  write_header();
  if (fsync(fd.get()) != 0) {
    const int error = errno;
    std::swap(map_, map);
    now_ = before;
    unlink(next.c_str());
    cannot_make(next, size, error);
  }
  if (!earlier.clean) put_aside(options);
  if (rename(next.c_str(), options.path.c_str()) != 0) throw SetupError("the journal " + options.path + " cannot be replaced: " + reason(errno) + ".");
  sync_folder(options.path);
  fd_ = std::move(fd);
}

/// Whatever cannot be read now may be of use to somebody who looks more closely: it is never removed by us.
void Journal::put_aside(const JournalOptions& options) {
  std::string aside = options.path + ".old";
  for (int n = 1; std::filesystem::exists(std::filesystem::symlink_status(aside)); ++n) aside = options.path + ".old." + std::to_string(n);
  // A second name, so that there is no moment without the first; where the file system has no such thing the first one goes.
  if (link(options.path.c_str(), aside.c_str()) != 0 && rename(options.path.c_str(), aside.c_str()) != 0) {
    throw SetupError("the journal " + options.path + " is damaged and cannot be put aside: " + reason(errno) + ".");
  }
  notice_ += "; as it was it is kept as " + aside + ".";
}

void Journal::begin_epoch(const JournalOptions& options, bool damaged) {
  // An epoch that nothing was written in is none.
  if (now_.next_sequence > 1) {
    now_.previous_end = damaged ? EpochEnd::damaged : now_.stopped == 1 ? EpochEnd::stopped : EpochEnd::cut;
    now_.previous_last = now_.next_sequence - 1;
    copy_text(now_.epoch, now_.previous_epoch);
    now_.base += now_.next_sequence - 1;
  } else if (now_.epoch[0] != 0 && !epochs_.empty() && epochs_.back() == now_.epoch) {
    epochs_.pop_back();
  }
  now_.next_sequence = 1;
  now_.cursor = 0;
  now_.stopped = 0;
  now_.overwritten = now_.overwritten_first_ns = now_.overwritten_last_ns = 0;
  // The source's counters begin anew; our own of what had no room goes on.
  const std::uint64_t told = now_.reported[static_cast<std::size_t>(LossPlace::journal)];
  std::memset(now_.reported, 0, sizeof now_.reported);
  now_.reported[static_cast<std::size_t>(LossPlace::journal)] = told;
  std::uint64_t ms = options.now_ms;
  do {
    epoch_ = compact(options.boot_id) + "-" + std::to_string(ms++);
  } while (epoch_ == now_.previous_epoch || std::find(epochs_.begin(), epochs_.end(), epoch_) != epochs_.end());
  copy_text(options.boot_id, now_.boot_id);
  copy_text(epoch_, now_.epoch);
  epochs_.push_back(epoch_);
}

/// All of it, in both halves.
void Journal::write_header() {
  JournalOrigin origin{};
  std::memcpy(origin.epoch, now_.epoch, sizeof origin.epoch);
  origin.base = now_.base;
  JournalFile& f = map_.file();
  for (JournalHalf* half : {&f.first, &f.second}) {
    half->origin.write(origin);
    half->unlogged.write(unlogged_);
    std::copy(acknowledged_.begin(), acknowledged_.end(), half->acknowledged);
    for (std::size_t i = 0; i < kMaxDurable; ++i) half->durables[i].write(durables_[i]);
  }
  flip();
  f.version = JournalFile::kVersion;
  std::memcpy(f.magic, kJournalMagic, sizeof f.magic);
}

}  // namespace vslog
