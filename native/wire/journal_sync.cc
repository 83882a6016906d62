#include "wire/journal_sync.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <exception>
#include <future>
#include <system_error>
#include <utility>

namespace vslog {
namespace {

/// Whether what is written there goes with the power, whatever is done for it.
bool in_memory(int fd) {
  struct statfs info{};
  return fstatfs(fd, &info) == 0 && (info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC);
}

JournalFsync settled(JournalFsync wanted, int fd) {
  if (wanted != JournalFsync::automatic) return wanted;
  return in_memory(fd) ? JournalFsync::none : JournalFsync::interval;
}

}  // namespace

JournalSync::JournalSync(int fd, JournalFsync wanted, std::uint32_t interval_ms, const std::function<void()>& give_up) : fd_(fcntl(fd, F_DUPFD_CLOEXEC, 0)), policy_(settled(wanted, fd)), interval_ms_(interval_ms) {
  if (!fd_) throw std::system_error(errno, std::generic_category(), "cannot make the journal durable");
  if (policy_ != JournalFsync::interval) return;
  // Signals are for the thread that watches for them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::promise<void> begun;
  std::future<void> ready = begun.get_future();
  thread_ = std::thread([this, give_up, begun = std::move(begun)]() mutable {
    try {
      give_up();
    } catch (...) {
      begun.set_exception(std::current_exception());
      return;
    }
    begun.set_value();
    work();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  try {
    // Before anybody filters system calls: then it could not any more.
    ready.get();
  } catch (...) {
    thread_.join();
    throw;
  }
}

JournalSync::~JournalSync() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void JournalSync::committed() {
  if (policy_ == JournalFsync::commit) return sync();
  if (policy_ != JournalFsync::interval || dirty_.exchange(true)) return;
  const std::lock_guard lock(mutex_);
  wake_.notify_one();
}

void JournalSync::finish() {
  if (policy_ != JournalFsync::none) sync();
}

std::string JournalSync::trouble() {
  const int error = error_;
  if (error == told_) return "";
  told_ = error;
  if (error == 0) return "the journal can be made durable again.";
  return "the journal cannot be made durable: " + std::generic_category().message(error) + ": see to its disk; what was committed lives as long as this machine does.";
}

void JournalSync::sync() {
  dirty_ = false;
  // Pages that were written through the mapping count, too.
  error_ = fdatasync(fd_.get()) == 0 ? 0 : errno;
  ++syncs_;
}

void JournalSync::work() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    wake_.wait(lock, [this] { return ending_ || dirty_; });
    wake_.wait_for(lock, std::chrono::milliseconds(interval_ms_), [this] { return ending_; });
    lock.unlock();
    if (dirty_) sync();
    lock.lock();
  }
}

}  // namespace vslog
