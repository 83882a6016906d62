#include "source/bpf/process_author.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "event/text.h"

namespace vslog {
namespace {

static_assert(static_cast<int>(Through::netlink) == VSLOG_THROUGH_NETLINK && static_cast<int>(Through::sockopt) == VSLOG_THROUGH_SOCKOPT &&
              static_cast<int>(Through::sysctl) == VSLOG_THROUGH_SYSCTL && static_cast<int>(Through::kernel) == VSLOG_THROUGH_KERNEL);

static_assert(sizeof(vslog_author::command) == kLongestCommand + 1);

/// An unreadable byte takes four characters.
constexpr std::size_t kLongestShown = 4 * kLongestCommand + kCutMark.size();

/// The kernel cuts a process's name at a byte, too.
std::string name(const char (&bytes)[16]) { return plain_text(without_torn_end({bytes, strnlen(bytes, sizeof bytes)}), kLongestShown); }

std::string command(const vslog_author& a) {
  const std::size_t size = std::min<std::size_t>(a.command_size, sizeof a.command);
  std::string line = command_line({a.command, size}, size >= sizeof a.command - 1, kLongestShown);
  return line.empty() ? name(a.comm) : line;
}

}  // namespace

Author author_of(const vslog_author& a) {
  Author author;
  author.through = static_cast<Through>(a.through);
  if (author.through == Through::kernel) return author;
  author.uid = a.uid;
  author.login_uid = a.login_uid;
  author.pid = a.pid;
  author.command = command(a);
  author.parent_pid = a.parent_pid;
  author.parent_command = name(a.parent_comm);
  return author;
}

}  // namespace vslog
