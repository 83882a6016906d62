#include "source/engine/engine_setting.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "event/clock.h"

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
  std::ifstream in("/proc/self/cmdline");
  author.command.assign(std::istreambuf_iterator<char>(in), {});
  while (!author.command.empty() && author.command.back() == '\0') author.command.pop_back();
  for (char& c : author.command) {
    if (c == '\0') c = ' ';
  }
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
