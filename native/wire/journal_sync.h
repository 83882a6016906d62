// Makes a journal on a disk durable: what a commit wrote outlives the process at once, and a power cut only when it was synced.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "wire/unique_fd.h"

namespace vslog {

/// When. `automatic`: interval on a disk, none in memory.
enum class JournalFsync : std::uint8_t { automatic, none, interval, commit };

class JournalSync {
 public:
  /// `fd`: of the journal. `interval_ms`: how long what was committed may be in memory alone, with `interval`; a thread of its own then waits for the disk, so nobody else does.
  /// `give_up`: done in that thread before anything else, and before this returns: it needs no rights but the descriptor. Throws what that throws, and std::system_error.
  JournalSync(int fd, JournalFsync wanted, std::uint32_t interval_ms, const std::function<void()>& give_up);
  ~JournalSync();
  JournalSync(const JournalSync&) = delete;
  JournalSync& operator=(const JournalSync&) = delete;

  /// What it came to: not automatic.
  JournalFsync policy() const { return policy_; }
  /// The journal was written to. With `commit` it returns when that is durable.
  void committed();
  /// Returns when everything is durable, whatever the interval is; with `none` at once.
  void finish();
  /// Why the last time failed, a sentence, once for each change; empty: it did not, or that was told.
  std::string trouble();
  /// How often it has been done.
  std::uint64_t syncs() const { return syncs_; }

 private:
  void sync();
  void work();

  UniqueFd fd_;
  JournalFsync policy_;
  std::uint32_t interval_ms_;
  std::atomic<int> error_ = 0;
  int told_ = 0;
  std::atomic<std::uint64_t> syncs_ = 0;
  std::atomic<bool> dirty_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace vslog
