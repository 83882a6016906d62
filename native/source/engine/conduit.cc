#include "source/engine/conduit.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace vslog {
namespace {

constexpr std::size_t kMostIdle = 16;
constexpr std::size_t kAtOnce = 64 << 10;  // what a pipe holds

bool later() { return errno == EAGAIN || errno == EINTR; }

}  // namespace

void PipePool::GiveBack::operator()(Pipe* pipe) const noexcept {
  std::unique_ptr<Pipe> own(pipe);
  if (own->held == 0 && pool->idle_.size() < kMostIdle) pool->idle_.push_back(std::move(own));
  else --pool->made_;
}

PipePool::Loan PipePool::borrow() {
  std::unique_ptr<Pipe> pipe;
  if (!idle_.empty()) {
    pipe = std::move(idle_.back());
    idle_.pop_back();
  } else {
    std::array<int, 2> ends{};
    if (made_ >= most_ || pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) return {};
    pipe = std::make_unique<Pipe>(Pipe{UniqueFd(ends[1]), UniqueFd(ends[0]), 0});
    idle_.reserve(kMostIdle);  // so that giving back never allocates
    ++made_;
  }
  return Loan(pipe.release(), GiveBack{this});
}

ssize_t Conduit::take(int from, PipePool& pool) {
  pipe_ = pool.borrow();
  if (pipe_) {
    const ssize_t n = splice(from, nullptr, pipe_->in.get(), nullptr, kAtOnce, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    const int error = errno;
    if (n > 0) pipe_->held = static_cast<std::size_t>(n);
    else pipe_.reset();
    errno = error;
    return n;
  }
  memory_.resize(kAtOnce);
  const ssize_t n = recv(from, memory_.data(), memory_.size(), 0);
  memory_.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return n;
}

bool Conduit::give(int to) {
  while (pipe_) {
    const ssize_t n = splice(pipe_->out.get(), nullptr, to, nullptr, pipe_->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n <= 0) return n < 0 && later();
    pipe_->held -= static_cast<std::size_t>(n);
    if (pipe_->held == 0) pipe_.reset();
  }
  while (!memory_.empty()) {
    const ssize_t n = send(to, memory_.data(), memory_.size(), MSG_NOSIGNAL);
    if (n < 0) return later();
    memory_.erase(0, static_cast<std::size_t>(n));
  }
  if (memory_.capacity() != 0) memory_ = {};  // idle connections hold none
  return true;
}

void Conduit::discard() {
  std::array<char, 4096> nobody;
  while (pipe_ && pipe_->held != 0) {
    const ssize_t n = read(pipe_->out.get(), nobody.data(), nobody.size());
    if (n <= 0) break;
    pipe_->held -= static_cast<std::size_t>(n);
  }
  pipe_.reset();
  memory_ = {};
}

}  // namespace vslog
