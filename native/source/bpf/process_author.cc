#include "source/bpf/process_author.h"

#include <algorithm>
#include <cstring>

namespace vslog {
namespace {

static_assert(static_cast<int>(Through::netlink) == VSLOG_THROUGH_NETLINK && static_cast<int>(Through::sockopt) == VSLOG_THROUGH_SOCKOPT &&
              static_cast<int>(Through::sysctl) == VSLOG_THROUGH_SYSCTL && static_cast<int>(Through::kernel) == VSLOG_THROUGH_KERNEL);

/// argv holds NULs between the arguments; a process may also have changed it, so anything below a blank becomes one.
std::string command_line(const vslog_author& a) {
  const std::size_t size = std::min<std::size_t>(a.command_size, sizeof a.command);
  std::string s(a.command, size);
  for (char& ch : s) {
    if (static_cast<unsigned char>(ch) < ' ') ch = ' ';
  }
  while (!s.empty() && s.back() == ' ') s.pop_back();
  if (s.empty()) s.assign(a.comm, strnlen(a.comm, sizeof a.comm));
  return s;
}

}  // namespace

Author author_of(const vslog_author& a) {
  Author author;
  author.through = static_cast<Through>(a.through);
  if (author.through == Through::kernel) return author;
  author.uid = a.uid;
  author.login_uid = a.login_uid;
  author.pid = a.pid;
  author.command = command_line(a);
  author.parent_pid = a.parent_pid;
  author.parent_command.assign(a.parent_comm, strnlen(a.parent_comm, sizeof a.parent_comm));
  return author;
}

}  // namespace vslog
