#include "source/conntrack/event_queue.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace vslog {
namespace {

/// A queue that was emptied begins again at its start once it has come so far, so that a reader that keeps up works in the processor's cache.
constexpr std::uint64_t kWarm = 1 << 20;

constexpr std::uint64_t aligned(std::uint64_t bytes) { return (bytes + 7) / 8 * 8; }

}  // namespace

EventQueue::EventQueue(std::uint64_t bytes) : ring_(std::make_unique_for_overwrite<std::byte[]>(bytes)), mask_(bytes - 1), wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (!wake_) throw std::system_error(errno, std::generic_category(), "cannot make an event descriptor");
}

bool EventQueue::put(Kind kind, std::uint64_t time_ns, Bytes bytes) {
  const std::uint64_t need = sizeof(Head) + aligned(bytes.size());
  const std::uint64_t at = written_ & mask_;
  const std::uint64_t to_end = size() - at;
  const std::uint64_t tail = tail_.load(std::memory_order_acquire);
  const std::uint64_t skip = need > to_end || (at >= kWarm && tail == written_) ? to_end : 0;
  if (written_ + skip + need - tail > size()) return false;
  if (skip > 0) {
    // Items are aligned to 8 bytes, a head has 16: the last 8 before the end may be too few for one, and are passed over without.
    if (skip >= sizeof(Head)) {
      const Head head{0, Kind::skip, 0};
      std::memcpy(ring_.get() + at, &head, sizeof head);
    }
    written_ += skip;
  }
  std::byte* to = ring_.get() + (written_ & mask_);
  const Head head{static_cast<std::uint32_t>(bytes.size()), kind, time_ns};
  std::memcpy(to, &head, sizeof head);
  if (!bytes.empty()) std::memcpy(to + sizeof head, bytes.data(), bytes.size());
  written_ += need;
  return true;
}

void EventQueue::publish() {
  head_.store(written_, std::memory_order_seq_cst);
  if (!waiting_.exchange(false, std::memory_order_seq_cst)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = write(wake_.get(), &one, sizeof one);  // a full counter is readable too
}

bool EventQueue::next(Item& out) {
  tail_.store(taken_, std::memory_order_release);
  for (;;) {
    if (taken_ == known_) {
      known_ = head_.load(std::memory_order_acquire);
      if (taken_ == known_) {
        waiting_.store(true, std::memory_order_seq_cst);
        known_ = head_.load(std::memory_order_seq_cst);
        if (taken_ == known_) return false;
        waiting_.store(false, std::memory_order_relaxed);
      }
    }
    const std::uint64_t at = taken_ & mask_;
    const std::uint64_t to_end = size() - at;
    Head head{0, Kind::skip, 0};
    if (to_end >= sizeof head) std::memcpy(&head, ring_.get() + at, sizeof head);
    if (head.kind == Kind::skip) {
      taken_ += to_end;
      continue;
    }
    out = {head.kind, head.time_ns, Bytes(ring_.get() + at + sizeof head, head.size)};
    taken_ += sizeof head + aligned(head.size);
    return true;
  }
}

}  // namespace vslog
