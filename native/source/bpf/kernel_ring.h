// Reader of a BPF ring buffer that lets go of records only when told to, so that what it has read but nobody has kept is read again after a crash.
// Layout and protocol: kernel/bpf/ringbuf.c, tools/lib/bpf/ringbuf.c.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace vslog {

class KernelRing {
 public:
  /// Maps the ring behind `fd` (a BPF_MAP_TYPE_RINGBUF of `bytes`). Throws std::system_error.
  KernelRing(int fd, std::uint64_t bytes);
  ~KernelRing();
  KernelRing(const KernelRing&) = delete;
  KernelRing& operator=(const KernelRing&) = delete;

  /// The next record, or nothing when the producers have finished none. Valid until release() passes it.
  struct Record {
    std::span<const std::byte> bytes;  ///< empty: none, or one that its producer discarded
    bool found;
  };
  Record next();

  /// next() would find one.
  bool ready() const;

  /// Position after the last record that next() gave, counted from the ring's making.
  std::uint64_t position() const { return position_; }

  /// Starts reading there. It must be a record's begin that the producers cannot have overwritten.
  void seek(std::uint64_t position) { position_ = position; }

  /// What the kernel believes was consumed.
  std::uint64_t released() const;
  std::uint64_t produced() const;

  /// Gives the room before `position` back to the producers. Returns true when there is more to read than they know we know: no wake-up will come for it.
  bool release(std::uint64_t position);

  std::uint64_t size() const { return mask_ + 1; }

 private:
  std::uint64_t mask_;
  std::size_t page_;
  void* consumer_ = nullptr;
  void* producer_ = nullptr;
  const std::byte* data_ = nullptr;
  std::uint64_t position_ = 0;
};

}  // namespace vslog
