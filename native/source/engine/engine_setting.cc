#include "source/engine/engine_setting.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "event/clock.h"
#include "event/text.h"

namespace vslog {
namespace {

/// Inode number of our network namespace, as the kernel's records have it.
std::uint32_t own_netns() {
  struct stat info{};
  return stat("/proc/self/ns/net", &info) == 0 ? static_cast<std::uint32_t>(info.st_ino) : 0;
}

}  // namespace

engine::Author ourselves() {
  engine::Author author;
  author.uid = getuid();
  author.pid = static_cast<std::uint32_t>(getpid());
  // Stands in every record of the set-up: two thousand services as arguments would be a record of 100 KiB for each of them.
  std::array<char, kLongestCommand + 1> arguments;
  std::ifstream in("/proc/self/cmdline");
  in.read(arguments.data(), arguments.size());
  const auto size = static_cast<std::size_t>(in.gcount());
  author.command = command_line({arguments.data(), std::min(size, kLongestCommand)}, size > kLongestCommand, 4 * kLongestCommand + kCutMark.size());
  return author;
}

engine::EngineOptions engine_options(const EngineSourceOptions& options) {
  const std::uint64_t wall = clock_ns(CLOCK_REALTIME);
  engine::EngineOptions o;
  o.max_conns = options.max_conns;
  o.first_conn_id = wall / 64;  // later processes begin above: nobody makes a connection in 64 ns
  o.wall_offset_ns = static_cast<std::uint64_t>(wall_offset_ns());
  o.netns = own_netns();
  o.seed = wall;
  o.nodest_interval = options.nodest_interval_ms * engine::kMillisecond;
  return o;
}

}  // namespace vslog
