// Bytes on their way from one socket to another: in a pipe, where they are moved and not copied, or when no pipe is to be had, in memory.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "wire/unique_fd.h"

namespace vslog {

/// Pipes to be lent. A connection has one only while something waits in it, so a few do for many.
class PipePool {
 public:
  /// The kernel lets a user's pipes have 16384 pages by default (fs.pipe-user-pages-soft), 16 a pipe.
  static constexpr std::size_t kMostPipes = 512;

  struct Pipe {
    UniqueFd in;
    UniqueFd out;
    std::size_t held = 0;  ///< bytes in it
  };
  struct GiveBack {
    PipePool* pool = nullptr;
    void operator()(Pipe* pipe) const noexcept;
  };
  using Loan = std::unique_ptr<Pipe, GiveBack>;

  explicit PipePool(std::size_t most = kMostPipes) : most_(most) {}

  /// None when all are lent, or the process may not open another. The pool must outlive the loan.
  Loan borrow();

 private:
  std::size_t most_;
  std::size_t made_ = 0;
  std::vector<std::unique_ptr<Pipe>> idle_;
};

class Conduit {
 public:
  /// Takes some of what waits at a socket; nothing may be waiting here. Returns the bytes; 0: its FIN; -1 with errno, which may be EAGAIN.
  ssize_t take(int from, PipePool& pool);

  /// Sends what it can. False with errno when the socket is broken.
  bool give(int to);

  void discard();

  std::size_t waiting() const { return pipe_ ? pipe_->held : memory_.size(); }

 private:
  PipePool::Loan pipe_;
  std::string memory_;
};

}  // namespace vslog
