#include "wire/peer.h"

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "wire/journal.h"

namespace vslog {
namespace {

/// As much of a command line as the kernel side writes down.
constexpr std::size_t kLongestCommand = 255;

}  // namespace

Peer read_peer(int fd) {
  ucred who{};
  socklen_t size = sizeof who;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return {};
  Peer peer{who.uid, {who.gid}, who.pid};
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> text(16 << 10);
  if (getpwuid_r(who.uid, &entry, text.data(), text.size(), &found) == 0 && found != nullptr) {
    int count = 256;
    std::vector<gid_t> groups(static_cast<std::size_t>(count));
    if (getgrouplist(entry.pw_name, who.gid, groups.data(), &count) < 0) {
      groups.resize(static_cast<std::size_t>(count));
      getgrouplist(entry.pw_name, who.gid, groups.data(), &count);
    }
    groups.resize(static_cast<std::size_t>(std::max(count, 0)));
    peer.groups.insert(peer.groups.end(), groups.begin(), groups.end());
  }
  return peer;
}

bool may_subscribe(const Peer& peer, uid_t own, gid_t socket_group) {
  return peer.uid == 0 || peer.uid == own || std::find(peer.groups.begin(), peer.groups.end(), socket_group) != peer.groups.end();
}

bool may_set(const Peer& peer, uid_t own, std::optional<gid_t> admin_group) {
  return peer.uid == 0 || peer.uid == own || (admin_group && std::find(peer.groups.begin(), peer.groups.end(), *admin_group) != peer.groups.end());
}

Author author_of(const Peer& peer) {
  Author author;
  author.uid = peer.uid;
  author.pid = static_cast<std::uint32_t>(peer.pid);
  const std::string process = "/proc/" + std::to_string(peer.pid);
  std::ifstream(process + "/loginuid") >> author.login_uid;
  std::ifstream command(process + "/cmdline", std::ios::binary);
  author.command.assign(std::istreambuf_iterator<char>(command), {});
  if (author.command.size() > kLongestCommand) author.command.resize(kLongestCommand);
  for (char& c : author.command) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  while (!author.command.empty() && author.command.back() == ' ') author.command.pop_back();
  std::ifstream status(process + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("PPid:")) author.parent_pid = static_cast<std::uint32_t>(std::strtoul(line.c_str() + 5, nullptr, 10));
  }
  if (author.parent_pid != 0) {
    std::ifstream parent("/proc/" + std::to_string(author.parent_pid) + "/comm");
    std::getline(parent, author.parent_command);
  }
  return author;
}

gid_t find_group(const std::string& name_or_gid, const char* option) {
  gid_t gid = 0;
  const char* const end = name_or_gid.data() + name_or_gid.size();
  if (const auto [at, error] = std::from_chars(name_or_gid.data(), end, gid); error == std::errc() && at == end) return gid;
  group entry{};
  group* found = nullptr;
  std::vector<char> text(64 << 10);
  if (getgrnam_r(name_or_gid.c_str(), &entry, text.data(), text.size(), &found) != 0 || found == nullptr) {
    throw SetupError("--" + std::string(option) + " " + name_or_gid + " is no group of this machine: name one that exists, or its number.");
  }
  return entry.gr_gid;
}

}  // namespace vslog
