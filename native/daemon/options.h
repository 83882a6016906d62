// The command line.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "daemon/event_policy.h"
#include "source/registry.h"
#include "wire/journal_sync.h"

namespace vslog {

/// A value that cannot be used; what() is a sentence naming option, value and range.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What goes on when the journal is full. `automatic`: traffic where the connections go through us, else block.
enum class WhenFull : std::uint8_t { automatic, block, traffic };

struct DaemonOptions {
  SourceOptions source;
  std::string socket = "/run/vslog/capture.sock";
  std::string socket_group;
  std::string admin_group;   ///< whose members may set; empty: nobody's
  std::string collector_group;  ///< whose members may subscribe durably; empty: nobody's
  std::uint64_t max_memory = 64 << 20;
  std::uint64_t subscriber_timeout_ms = 86'400'000;  ///< 0: for ever
  WhenFull when_full = WhenFull::automatic;
  std::string journal = "/run/vslog/capture.journal";
  std::uint64_t journal_size = 64 << 20;
  JournalFsync journal_fsync = JournalFsync::automatic;
  std::uint32_t journal_fsync_interval_ms = 1000;
  std::string node;  ///< empty: the machine's name
  std::uint32_t linger_ms = 5;
  bool detach_on_exit = false;
  std::uint32_t stall_timeout_ms = 2000;  ///< at a stop: how long nobody may acknowledge anything before nobody is waited for any longer
  std::map<std::string, std::string, std::less<>> given;  ///< options by name, as they were written; a switch is "1"
  EventPolicyOptions events;
  std::vector<AddressBlock> own_blocks;  ///< source conntrack: what is ours beside this machine's own addresses
  std::vector<std::pair<std::string, uid_t>> given_subscribers;  ///< of root's durable subscribers, by name: whose they are from now on
  std::vector<std::pair<std::string, uid_t>> expected_subscribers;  ///< durable subscribers, by name and user, for whom everything is kept before they first come
  bool confined = true;  ///< gives up what it needs no longer once it has started
  bool with_parent = false;  ///< standard input is a pipe from whoever started us: its end is ours
};

enum class Action { run, check, detach, help, version };

struct CommandLine {
  Action action = Action::run;
  DaemonOptions options;
};

/// Takes what --config and --env name into account. The source may be "auto" still. Throws UsageError.
CommandLine parse_command_line(int argc, char** argv);

/// What depends on the source: to be called once it was chosen; parse_command_line has done it for a source that was named.
void settle(DaemonOptions& options);

const char* help_text();
const char* version();

}  // namespace vslog
