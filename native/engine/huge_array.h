// Memory in pieces of whole huge pages: a table of gigabytes read at random spends more time on page tables than on itself otherwise.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace vslog::engine {

/// A vector that grows piece by piece and never moves what it holds. New elements are all zero bytes.
template <typename T, std::uint32_t kBits>
class HugeArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  HugeArray() = default;
  HugeArray(const HugeArray&) = delete;
  HugeArray& operator=(const HugeArray&) = delete;
  ~HugeArray() {
    for (T* piece : pieces_) munmap(static_cast<void*>(piece), kBytes);
  }

  T& operator[](std::uint32_t i) { return pieces_[i >> kBits][i & kMask]; }
  const T& operator[](std::uint32_t i) const { return pieces_[i >> kBits][i & kMask]; }
  std::uint64_t capacity() const { return static_cast<std::uint64_t>(pieces_.size()) << kBits; }
  std::uint64_t memory_bytes() const { return pieces_.size() * static_cast<std::uint64_t>(kBytes); }

  /// Makes room for element `i`. Throws std::bad_alloc.
  void reach(std::uint32_t i) {
    while (i >= capacity()) {
      void* const piece = aligned_piece();
      pieces_.push_back(static_cast<T*>(piece));
    }
  }

 private:
  static constexpr std::uint32_t kMask = (1U << kBits) - 1;
  static constexpr std::size_t kHugePage = 2 << 20;
  static constexpr std::size_t kBytes = ((sizeof(T) << kBits) + kHugePage - 1) / kHugePage * kHugePage;

  static void* aligned_piece() {
    const int protection = PROT_READ | PROT_WRITE;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void* const whole = mmap(nullptr, kBytes + kHugePage, protection, flags, -1, 0);
    if (whole == MAP_FAILED) throw std::bad_alloc();
    const auto begin = reinterpret_cast<std::uintptr_t>(whole);
    const std::uintptr_t aligned = (begin + kHugePage - 1) / kHugePage * kHugePage;
    if (aligned != begin) munmap(whole, aligned - begin);
    const std::uintptr_t end = begin + kBytes + kHugePage;
    char* const piece = static_cast<char*>(whole) + (aligned - begin);
    if (end != aligned + kBytes) munmap(piece + kBytes, end - aligned - kBytes);
    madvise(piece, kBytes, MADV_HUGEPAGE);  // where the kernel has none, small pages do
    return piece;
  }

  std::vector<T*> pieces_;
};

}  // namespace vslog::engine
