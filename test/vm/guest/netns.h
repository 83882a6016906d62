// Network namespaces with names, and being inside one of them.
#pragma once

#include <string>

namespace hand {

/// A file descriptor that is closed with its owner.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();
  int get() const { return fd_; }
  int release();

 private:
  int fd_ = -1;
};

/// Throws std::runtime_error: what could not be done, and what errno says of it.
[[noreturn]] void fail(const std::string& what);

/// Makes a network namespace that is found at /run/netns under its name. Returns a descriptor of it. The calling thread stays where it is.
Fd make_namespace(const std::string& name);

/// Takes the name of a namespace away. The kernel removes it when nobody is inside and nobody has a descriptor of it.
void forget_namespace(const std::string& name);

/// While it lives the calling thread is inside that network namespace: its sockets, its programs and what it sees below /proc/sys/net belong there.
class Inside {
 public:
  explicit Inside(int ns);
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
  ~Inside();

 private:
  Fd outside_;
};

}  // namespace hand
