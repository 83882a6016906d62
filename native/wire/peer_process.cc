#include "wire/peer_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "event/text.h"
#include "wire/unique_fd.h"

// asm-generic/socket.h of Linux 6.5; older headers do not have it.
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

namespace vslog {
namespace {

/// A command line of unreadable bytes takes four times as much, and the mark of a cut. Fits a record's text.
constexpr std::size_t kLongestShown = 4 * kLongestCommand + kCutMark.size();
/// As far as PPid and Uid of /proc/PID/status, and the whole of /proc/PID/stat, bytes.
constexpr std::size_t kEnough = 2048;

/// A process of /proc. What is opened below this folder is of the process that had the pid when the folder was opened, or nothing: the kernel keeps the process and not the number.
class Process {
 public:
  explicit Process(pid_t pid) : folder_(pid <= 0 ? -1 : open(("/proc/" + std::to_string(pid)).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

  /// The first `most` bytes of a file at most: the rest is of the process's making, and may be long.
  std::string read(const char* name, std::size_t most) const {
    std::string text(most, '\0');
    const UniqueFd fd(folder_ ? openat(folder_.get(), name, O_RDONLY | O_CLOEXEC) : -1);
    std::size_t size = 0;
    while (fd && size < most) {
      const ssize_t n = ::read(fd.get(), text.data() + size, most - size);
      if (n <= 0) break;
      size += static_cast<std::size_t>(n);
    }
    text.resize(size);
    return text;
  }

 private:
  UniqueFd folder_;
};

/// The text after `name` in /proc/PID/status, up to the end of the line. The kernel escapes a line feed in the process's name.
std::string_view status_line(std::string_view status, std::string_view name) {
  const std::size_t at = status.find("\n" + std::string(name) + ":");
  if (at == std::string_view::npos) return {};
  const std::string_view rest = status.substr(at + name.size() + 2);
  return rest.substr(0, rest.find('\n'));
}

std::uint32_t parent_pid(const Process& process) {
  const std::string status = process.read("status", kEnough);
  return static_cast<std::uint32_t>(std::strtoul(std::string(status_line(status, "PPid")).c_str(), nullptr, 10));
}

/// proc(5), /proc/PID/stat: field 22, counted from behind the name, which may have blanks and parentheses.
std::uint64_t start_time(const Process& process) {
  constexpr int kFieldsBetween = 20;
  const std::string stat = process.read("stat", kEnough);
  std::size_t at = stat.rfind(')');
  for (int i = 0; i < kFieldsBetween && at != std::string::npos; ++i) at = stat.find(' ', at + 1);
  return at == std::string::npos ? 0 : std::strtoull(stat.c_str() + at, nullptr, 10);
}

bool is_of_user(const Process& process, uid_t uid) {
  const std::string status = process.read("status", kEnough);
  const std::string text(status_line(status, "Uid"));  // real, effective, saved, of files
  const char* at = text.c_str();
  for (int i = 0; i < 4; ++i) {
    char* end = nullptr;
    if (std::strtoul(at, &end, 10) == uid && end != at) return true;
    at = end;
  }
  return false;
}

/// Reads command lines and the parent into an author.
void describe(const Process& process, Author& author) {
  const std::string login = process.read("loginuid", kEnough);
  std::from_chars(login.data(), login.data() + login.size(), author.login_uid);
  std::string arguments = process.read("cmdline", kLongestCommand + 1);
  const bool cut = arguments.size() > kLongestCommand;
  if (cut) arguments.pop_back();
  author.command = command_line(arguments, cut, kLongestShown);

  const std::uint32_t parent = parent_pid(process);
  if (parent == 0) return;
  const Process of_parent(static_cast<pid_t>(parent));
  std::string name = of_parent.read("comm", kEnough);
  if (!name.empty() && name.back() == '\n') name.pop_back();
  // The parent's folder was opened while it was the parent, if it is so still: one that ends hands its children to an older process.
  if (parent_pid(process) != parent) return;
  author.parent_pid = parent;
  author.parent_command = plain_text(without_torn_end(name), kLongestShown);
}

/// A descriptor of the peer's process. Nothing, and errno: it has ended, or this kernel gives none.
UniqueFd peer_pidfd(int socket) {
  int fd = -1;
  socklen_t size = sizeof fd;
  return UniqueFd(getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) == 0 ? fd : -1);
}

/// It can be read once the process has ended.
bool is_alive(const UniqueFd& pidfd) {
  pollfd waiting{pidfd.get(), POLLIN, 0};
  return pidfd && poll(&waiting, 1, 0) == 0;
}

}  // namespace

bool has_peer_pidfd(int socket) {
  // Any other error is of this peer: it has ended.
  return peer_pidfd(socket) || errno != ENOPROTOOPT;
}

std::uint64_t start_time_of(const Peer& peer) {
  const Process process(peer.pid);
  return is_of_user(process, peer.uid) ? start_time(process) : 0;
}

Author author_of(const Peer& peer, int socket) {
  Author known;
  known.uid = peer.uid;
  known.pid = static_cast<std::uint32_t>(peer.pid);
  Author author = known;
  const UniqueFd pidfd = peer_pidfd(socket);
  const Process process(peer.pid);
  describe(process, author);
  // Read first, then compared: a process that lives still has had its pid all the time.
  const bool same = peer.start_time != 0 ? start_time(process) == peer.start_time : is_alive(pidfd);
  return same ? author : known;
}

}  // namespace vslog
