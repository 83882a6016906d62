#include "knob/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <string_view>
#include <system_error>
#include <thread>

#include "event/clock.h"
#include "wire/requests.h"

namespace vslog {
namespace {

constexpr long kNsfsMagic = 0x6e736673;  // NSFS_MAGIC of include/uapi/linux/magic.h

/// One part of a path, with nothing after it.
bool is_last(std::string_view part) { return !part.empty() && part.find('/') == std::string_view::npos && part != "." && part != ".."; }

/// We open it with all our rights, for whoever asks: nothing else may be named than /run/netns/NAME and /proc/PID/ns/net.
bool is_netns_path(std::string_view path) {
  for (const std::string_view folder : {"/run/netns/", "/var/run/netns/"}) {
    if (path.starts_with(folder)) return is_last(path.substr(folder.size()));
  }
  constexpr std::string_view kProc = "/proc/";
  constexpr std::string_view kNet = "/ns/net";
  if (path.size() <= kProc.size() + kNet.size() || !path.starts_with(kProc) || !path.ends_with(kNet)) return false;
  const std::string_view pid = path.substr(kProc.size(), path.size() - kProc.size() - kNet.size());
  return std::all_of(pid.begin(), pid.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string reason(int error) { return std::generic_category().message(error); }

RequestError refused(const std::string& name, int error) {
  const char* const why = error == EPERM ? ". Start the capture with capture.all_netns (--all-netns): without, it gives up the right to." : ".";
  return {error, "netns", "the network namespace " + name + " cannot be entered: " + reason(error) + why};
}

}  // namespace

Netns::Netns(const std::string& name) : name_(name) {
  struct stat info{};
  if (name.empty()) {
    if (stat("/proc/self/ns/net", &info) == 0) inode_ = static_cast<std::uint32_t>(info.st_ino);
    return;
  }
  const std::string path = name.front() == '/' ? name : "/run/netns/" + name;
  if (!is_netns_path(path)) {
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
  std::uint64_t worked = 0;
  // A thread of its own: what it entered ends with it.
  std::thread([&] {
    try {
      if (setns(fd_.get(), CLONE_NEWNET) != 0) throw refused(name_, errno);
      what();
    } catch (...) {
      failure = std::current_exception();
    }
    worked = work_ns();
  }).join();
  lent_work_ns() += worked;
  if (failure) std::rethrow_exception(failure);
}

}  // namespace vslog
