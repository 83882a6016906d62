#include "netns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace hand {
namespace {

constexpr const char* kHere = "/proc/thread-self/ns/net";

Fd here() {
  Fd fd(open(kHere, O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) fail(kHere);
  return fd;
}

std::string path_of(const std::string& name) { return "/run/netns/" + name; }

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) close(fd_);
    fd_ = other.release();
  }
  return *this;
}

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}

int Fd::release() { return std::exchange(fd_, -1); }

void fail(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

Fd make_namespace(const std::string& name) {
  const Fd outside = here();
  if (unshare(CLONE_NEWNET) != 0) fail("cannot make a network namespace");
  Fd made = here();
  const std::string path = path_of(name);
  const Fd place(open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0));
  const bool named = place.get() >= 0 && mount(kHere, path.c_str(), "none", MS_BIND, nullptr) == 0;
  const int error = errno;
  if (setns(outside.get(), CLONE_NEWNET) != 0) fail("cannot leave " + path);
  errno = error;
  if (!named) fail(path);
  return made;
}

void forget_namespace(const std::string& name) {
  const std::string path = path_of(name);
  umount2(path.c_str(), MNT_DETACH);
  unlink(path.c_str());
}

Inside::Inside(int ns) : outside_(here()) {
  if (setns(ns, CLONE_NEWNET) != 0) fail("cannot enter a network namespace");
}

Inside::~Inside() {
  // Without the way back every later command would be done in the wrong place.
  if (setns(outside_.get(), CLONE_NEWNET) != 0) std::abort();
}

}  // namespace hand
