#include "source/bpf/kernel_ring.h"

#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>

namespace vslog {
namespace {

/// The positions and record heads are shared with the kernel: read and written whole, in order.
std::uint64_t load_acquire(const void* at) { return std::atomic_ref<std::uint64_t>(*static_cast<std::uint64_t*>(const_cast<void*>(at))).load(std::memory_order_acquire); }

std::uint32_t load_head(const std::byte* at) {
  return __atomic_load_n(reinterpret_cast<const std::uint32_t*>(at), __ATOMIC_ACQUIRE);
}

}  // namespace

KernelRing::KernelRing(int fd, std::uint64_t bytes) : mask_(bytes - 1), page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
  consumer_ = mmap(nullptr, page_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (consumer_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "cannot map the event ring's consumer page");
  // The data is mapped twice in a row, so a record never wraps.
  producer_ = mmap(nullptr, page_ + 2 * bytes, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(page_));
  if (producer_ == MAP_FAILED) {
    const int error = errno;
    munmap(consumer_, page_);
    throw std::system_error(error, std::generic_category(), "cannot map the event ring");
  }
  data_ = static_cast<const std::byte*>(producer_) + page_;
  position_ = released();
}

KernelRing::~KernelRing() {
  munmap(consumer_, page_);
  munmap(producer_, page_ + 2 * (mask_ + 1));
}

std::uint64_t KernelRing::released() const { return load_acquire(consumer_); }
std::uint64_t KernelRing::produced() const { return load_acquire(producer_); }

bool KernelRing::ready() const { return position_ < produced() && (load_head(data_ + (position_ & mask_)) & BPF_RINGBUF_BUSY_BIT) == 0; }

KernelRing::Record KernelRing::next() {
  if (position_ >= produced()) return {{}, false};
  const std::byte* at = data_ + (position_ & mask_);
  const std::uint32_t head = load_head(at);
  if ((head & BPF_RINGBUF_BUSY_BIT) != 0) return {{}, false};
  const std::uint32_t length = head & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
  position_ += (length + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
  if ((head & BPF_RINGBUF_DISCARD_BIT) != 0) return {{}, true};
  return {{at + BPF_RINGBUF_HDR_SZ, length}, true};
}

bool KernelRing::release(std::uint64_t position) {
  std::atomic_ref<std::uint64_t>(*static_cast<std::uint64_t*>(consumer_)).store(position, std::memory_order_release);
  // A producer wakes us only when it finds its record next to be consumed: look again after the store is seen.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return ready();
}

}  // namespace vslog
