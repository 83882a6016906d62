// From the reader thread to the rest: a ring of bytes for one writer and one reader.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "source/conntrack/attributes.h"
#include "wire/unique_fd.h"

namespace vslog {

class EventQueue {
 public:
  enum class Kind : std::uint32_t {
    skip,     ///< nothing until the ring's end
    message,  ///< a netlink message
    gap,      ///< events went missing before this
    barrier,  ///< everything that the socket held when require_barrier() was called stands before this
  };
  struct Item {
    Kind kind = Kind::message;
    std::uint64_t time_ns = 0;  ///< wall clock when it was read
    Bytes bytes;                ///< valid until the next call of next()
  };

  /// `bytes`: a power of two.
  explicit EventQueue(std::uint64_t bytes);

  /// The writer's: puts an item at the end. False: no room. The reader sees it after publish().
  bool put(Kind kind, std::uint64_t time_ns, Bytes bytes);
  void publish();

  /// The reader's: the next item. False: none; then fd() becomes readable with the next one.
  bool next(Item& out);
  /// Becomes readable when there is an item after next() said there is none.
  int fd() const { return wake_.get(); }

  std::uint64_t size() const { return mask_ + 1; }
  std::uint64_t used() const { return head_.load(std::memory_order_relaxed) - tail_.load(std::memory_order_relaxed); }

 private:
  struct Head {
    std::uint32_t size;
    Kind kind;
    std::uint64_t time_ns;
  };

  std::unique_ptr<std::byte[]> ring_;
  std::uint64_t mask_;
  UniqueFd wake_;
  std::uint64_t written_ = 0;  // the writer's
  std::uint64_t taken_ = 0;    // the reader's: after the item that it has
  std::uint64_t known_ = 0;    // the reader's: what it knows of head_
  alignas(64) std::atomic<std::uint64_t> head_{0};
  alignas(64) std::atomic<std::uint64_t> tail_{0};
  alignas(64) std::atomic<bool> waiting_{false};
};

}  // namespace vslog
