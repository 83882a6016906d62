#include "knob/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <exception>
#include <regex>
#include <system_error>
#include <thread>

#include "wire/requests.h"

namespace vslog {
namespace {

constexpr long kNsfsMagic = 0x6e736673;  // NSFS_MAGIC of include/uapi/linux/magic.h

std::string reason(int error) { return std::generic_category().message(error); }

}  // namespace

Netns::Netns(const std::string& name) : name_(name) {
  struct stat info{};
  if (name.empty()) {
    if (stat("/proc/self/ns/net", &info) == 0) inode_ = static_cast<std::uint32_t>(info.st_ino);
    return;
  }
  // We open it with all our rights, for whoever asks: nothing else may be named.
  static const std::regex kPlaces("/(var/)?run/netns/[^/]+|/proc/[0-9]+(/task/[0-9]+)?/ns/net");
  const std::string path = name.front() == '/' ? name : "/run/netns/" + name;
  if (name == "." || name == ".." || !std::regex_match(path, kPlaces)) {
    throw RequestError(EINVAL, "netns", "netns " + name + " must be a name of `ip netns list`, or a file such as /proc/PID/ns/net.");
  }
  fd_ = UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd_) throw RequestError(ENOENT, "netns", "there is no network namespace " + path + ": " + reason(errno) + ". `ip netns list` shows those with a name.");
  struct statfs system{};
  if (fstatfs(fd_.get(), &system) != 0 || system.f_type != kNsfsMagic || fstat(fd_.get(), &info) != 0) {
    throw RequestError(EINVAL, "netns", path + " is no network namespace: name one of `ip netns list`, or a file such as /proc/PID/ns/net.");
  }
  inode_ = static_cast<std::uint32_t>(info.st_ino);
}

void Netns::run(const std::function<void()>& what) const {
  if (!fd_) return what();
  std::exception_ptr failure;
  // A thread of its own: what it entered ends with it.
  std::thread([&] {
    try {
      if (setns(fd_.get(), CLONE_NEWNET) != 0) throw RequestError(errno, "netns", "the network namespace " + name_ + " cannot be entered: " + reason(errno) + ".");
      what();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace vslog
