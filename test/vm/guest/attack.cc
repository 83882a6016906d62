#include "attack.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "netns.h"

namespace hand {
namespace {

constexpr std::uint16_t kHello = 0x0010;
constexpr std::array<std::uint16_t, 4> kRequests = {0x0201, 0x0301, 0x0501, 0x0401};
constexpr std::uint16_t kKnobSet = 0x0203;
constexpr std::uint32_t kLong = 16 << 20;
constexpr std::size_t kHalf = 1 << 20;

/// The header of docs/wire.md.
void append(std::string& out, std::uint16_t type, std::uint32_t length, std::string_view payload) {
  struct {
    std::uint32_t length;
    std::uint16_t type;
    std::uint16_t flags;
    std::uint32_t sequence;
    std::uint32_t port;
  } const header{length, type, 1, 1, 0};
  out.append(reinterpret_cast<const char*>(&header), sizeof header).append(payload);
}

std::string message(const Attack& how) {
  constexpr std::string_view hello("\x08\x01\x10\x01", 4);  // version_min and version_max are 1
  std::string all;
  append(all, kHello, 16 + hello.size(), hello);
  if (how.half) {
    append(all, kKnobSet, kLong, std::string(kHalf, 'x'));
  } else {
    for (int i = 0; i < how.frames; ++i) append(all, kRequests[static_cast<std::size_t>(i) % kRequests.size()], 16, {});
  }
  return all;
}

Fd connected(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("connect to the capture");
  return fd;
}

}  // namespace

void attack(const Attack& how) {
  const gid_t group = how.uid;
  if (setgroups(1, &group) != 0 || setgid(group) != 0 || setuid(how.uid) != 0) fail("become another user");
  const std::string all = message(how);
  for (int round = 0; round <= how.rounds; ++round) {
    std::vector<Fd> sessions;
    for (int i = 0; i < how.sessions; ++i) {
      sessions.push_back(connected(how.socket));
      // What the kernel takes at once; the capture reads no more when answers wait.
      [[maybe_unused]] const ssize_t taken = send(sessions.back().get(), all.data(), all.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (how.rounds == 0) {
      std::puts("under way");
      std::fflush(stdout);
      sigset_t none;
      sigemptyset(&none);
      sigsuspend(&none);
    }
  }
  std::puts("over");
}

}  // namespace hand
