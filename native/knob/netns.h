// Doing something in a network namespace: knobs, virtual services and sockets are each namespace's own.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "wire/unique_fd.h"

namespace vslog {

class Netns {
 public:
  /// `name`: one below /run/netns, or a path to a namespace's file; empty: our own. Throws RequestError when there is none.
  explicit Netns(const std::string& name);

  /// Inode number, what records call it.
  std::uint32_t inode() const { return inode_; }
  bool own() const { return !fd_; }
  /// Calls it with the namespace entered, and returns when it is done. Throws what it throws, and RequestError when we may not enter.
  void run(const std::function<void()>& what) const;

 private:
  UniqueFd fd_;  // none: our own
  std::string name_;
  std::uint32_t inode_ = 0;
};

}  // namespace vslog
