#include "daemon/options.h"

#include <getopt.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <climits>
#include <exception>
#include <iterator>
#include <span>
#include <system_error>
#include <utility>

#include "daemon/config_file.h"
#include "source/engine/service_options.h"
#include "wire/unique_fd.h"

namespace vslog {
namespace {

enum Option : int {
  kSource = 256, kSocket, kSocketGroup, kAdminGroup, kCollectorGroup, kMaxMemory, kSubscriberTimeout, kWhenFull, kEvents, kFloodRate, kClientAddress, kClientPrefix, kClientKey, kHiddenSides, kOwnAddress, kJournal, kJournalSize, kJournalFsync, kJournalFsyncInterval, kNode, kRingSize, kMaxConns, kPinDir, kAllNetns, kNodestInterval, kLinger, kOnExit, kStallTimeout, kDetach, kCheck, kWithParent, kConfig, kEnv, kOptionsFd, kConfine, kGiveSubscriber, kExpectSubscriber,
  kConntrackEvents, kConntrackProtocol, kConntrackAddress, kConntrackDelivery, kConntrackBuffer, kConntrackQueue, kConntrackResync, kConntrackReliable,
  kService, kScheduler, kPersistent, kNetmask, kOnePacket, kReal, kKnob, kEngineMaxConns, kLoad, kLoadRate, kLoadConnections, kLoadClients, kLoadConcurrent, kLoadUdpPercent, kLoadSeed, kPcap, kScriptedEvents, kScriptedRate, kScriptedSeed, kScriptedStart, kHelp, kVersion,
};

constexpr option kOptions[] = {
    {"source", required_argument, nullptr, kSource},
    {"socket", required_argument, nullptr, kSocket},
    {"socket-group", required_argument, nullptr, kSocketGroup},
    {"admin-group", required_argument, nullptr, kAdminGroup},
    {"collector-group", required_argument, nullptr, kCollectorGroup},
    {"max-memory", required_argument, nullptr, kMaxMemory},
    {"subscriber-timeout", required_argument, nullptr, kSubscriberTimeout},
    {"give-subscriber", required_argument, nullptr, kGiveSubscriber},
    {"expect-subscriber", required_argument, nullptr, kExpectSubscriber},
    {"when-full", required_argument, nullptr, kWhenFull},
    {"events", required_argument, nullptr, kEvents},
    {"flood-rate", required_argument, nullptr, kFloodRate},
    {"client-address", required_argument, nullptr, kClientAddress},
    {"client-prefix", required_argument, nullptr, kClientPrefix},
    {"client-key", required_argument, nullptr, kClientKey},
    {"hidden-sides", required_argument, nullptr, kHiddenSides},
    {"own-address", required_argument, nullptr, kOwnAddress},
    {"journal", required_argument, nullptr, kJournal},
    {"journal-size", required_argument, nullptr, kJournalSize},
    {"journal-fsync", required_argument, nullptr, kJournalFsync},
    {"journal-fsync-interval", required_argument, nullptr, kJournalFsyncInterval},
    {"node", required_argument, nullptr, kNode},
    {"ring-size", required_argument, nullptr, kRingSize},
    {"max-conns", required_argument, nullptr, kMaxConns},
    {"pin-dir", required_argument, nullptr, kPinDir},
    {"all-netns", no_argument, nullptr, kAllNetns},
    {"nodest-interval", required_argument, nullptr, kNodestInterval},
    {"linger", required_argument, nullptr, kLinger},
    {"on-exit", required_argument, nullptr, kOnExit},
    {"stall-timeout", required_argument, nullptr, kStallTimeout},
    {"detach", no_argument, nullptr, kDetach},
    {"check", no_argument, nullptr, kCheck},
    {"with-parent", no_argument, nullptr, kWithParent},
    {"config", required_argument, nullptr, kConfig},
    {"env", no_argument, nullptr, kEnv},
    {"options-fd", required_argument, nullptr, kOptionsFd},
    {"confine", required_argument, nullptr, kConfine},
    {"conntrack-events", required_argument, nullptr, kConntrackEvents},
    {"conntrack-protocol", required_argument, nullptr, kConntrackProtocol},
    {"conntrack-address", required_argument, nullptr, kConntrackAddress},
    {"conntrack-delivery", required_argument, nullptr, kConntrackDelivery},
    {"conntrack-buffer", required_argument, nullptr, kConntrackBuffer},
    {"conntrack-queue", required_argument, nullptr, kConntrackQueue},
    {"conntrack-resync", required_argument, nullptr, kConntrackResync},
    {"conntrack-reliable", no_argument, nullptr, kConntrackReliable},
    {"service", required_argument, nullptr, kService},
    {"scheduler", required_argument, nullptr, kScheduler},
    {"persistent", required_argument, nullptr, kPersistent},
    {"netmask", required_argument, nullptr, kNetmask},
    {"one-packet", no_argument, nullptr, kOnePacket},
    {"real", required_argument, nullptr, kReal},
    {"knob", required_argument, nullptr, kKnob},
    {"engine-max-conns", required_argument, nullptr, kEngineMaxConns},
    {"load", no_argument, nullptr, kLoad},
    {"load-rate", required_argument, nullptr, kLoadRate},
    {"load-connections", required_argument, nullptr, kLoadConnections},
    {"load-clients", required_argument, nullptr, kLoadClients},
    {"load-concurrent", required_argument, nullptr, kLoadConcurrent},
    {"load-udp-percent", required_argument, nullptr, kLoadUdpPercent},
    {"load-seed", required_argument, nullptr, kLoadSeed},
    {"pcap", required_argument, nullptr, kPcap},
    {"scripted-events", required_argument, nullptr, kScriptedEvents},
    {"scripted-rate", required_argument, nullptr, kScriptedRate},
    {"scripted-seed", required_argument, nullptr, kScriptedSeed},
    {"scripted-start", required_argument, nullptr, kScriptedStart},
    {"help", no_argument, nullptr, kHelp},
    {"version", no_argument, nullptr, kVersion},
    {nullptr, 0, nullptr, 0},
};

[[noreturn]] void bad(const char* name, const std::string& value, const std::string& wanted) { throw UsageError("--" + std::string(name) + " " + value + " must be " + wanted + "."); }

std::uint64_t number(const char* name, std::string_view text, std::uint64_t min, std::uint64_t max, bool size = false) {
  std::uint64_t value = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string_view rest(at, static_cast<std::size_t>(text.data() + text.size() - at));
  unsigned shift = 0;
  if (size && rest.size() == 1) {
    shift = rest == "K" ? 10 : rest == "M" ? 20 : rest == "G" ? 30 : 0;
    if (shift != 0) rest = {};
  }
  const bool fits = error == std::errc() && rest.empty() && value <= (UINT64_MAX >> shift);
  if (!fits || value << shift < min || value << shift > max) {
    bad(name, std::string(text), "a whole number from " + std::to_string(min) + " to " + std::to_string(max) + (size ? ", bytes or with K, M or G" : ""));
  }
  return value << shift;
}

std::string text(const char* name, const std::string& value, std::size_t max) {
  if (value.empty() || value.size() > max) bad(name, value, "1 to " + std::to_string(max) + " bytes long");
  return value;
}

/// NAME=UID.
std::pair<std::string, uid_t> subscriber(const char* name, const std::string& value) {
  const std::size_t equals = value.find('=');
  if (equals == std::string::npos || equals == 0) bad(name, value, "NAME=UID, such as collector=990");
  return {text(name, value.substr(0, equals), 63), static_cast<uid_t>(number(name, std::string_view(value).substr(equals + 1), 0, UINT32_MAX - 1))};
}

/// The service that an option belongs to: the last one.
ServiceSetup& last_service(DaemonOptions& options, const char* name) {
  if (options.source.engine.services.empty()) throw UsageError("--" + std::string(name) + " belongs to the --service before it, and there is none.");
  return options.source.engine.services.back();
}

/// Reads a list; what is wrong with it becomes a sentence with the option's name.
template <typename Read>
void list(const char* name, const Read& read) {
  try {
    read();
  } catch (const std::invalid_argument& e) {
    throw UsageError("--" + std::string(name) + ": " + e.what() + ".");
  }
}

/// Takes one option; `where` is its place in the configuration, empty: the command line. False: nothing after it counts.
bool take(int c, const char* name, const std::string& value, const std::string& where, CommandLine& line) {
  DaemonOptions& o = line.options;
  constexpr std::uint64_t k32 = UINT32_MAX;
  switch (c) {
    case kSource:
      if (value != "auto" && value != "ipvs" && value != "conntrack" && value != "engine" && value != "scripted") bad(name, value, "auto or one of " + std::string(source_names()));
      o.source.name = value;
      break;
    case kSocket: o.socket = text(name, value, 107); break;
    case kSocketGroup: o.socket_group = text(name, value, 255); break;
    case kAdminGroup: o.admin_group = text(name, value, 255); break;
    case kCollectorGroup: o.collector_group = text(name, value, 255); break;
    case kMaxMemory: o.max_memory = number(name, value, 4 << 20, 1ULL << 32, true); break;
    case kSubscriberTimeout: o.subscriber_timeout_ms = number(name, value, 0, 3650ULL * 86'400'000); break;
    case kGiveSubscriber: o.given_subscribers.push_back(subscriber(name, value)); break;
    case kExpectSubscriber: o.expected_subscribers.push_back(subscriber(name, value)); break;
    case kWhenFull:
      if (value != "auto" && value != "block" && value != "traffic") bad(name, value, "auto, block or traffic");
      o.when_full = value == "auto" ? WhenFull::automatic : value == "block" ? WhenFull::block : WhenFull::traffic;
      break;
    case kEvents:
      list(name, [&] { o.events.kinds = parse_event_kinds(value); });
      break;
    case kFloodRate: o.events.flood_rate = number(name, value, 0, 100'000'000); break;
    case kClientAddress:
      if (value != "whole" && value != "prefix" && value != "hash") bad(name, value, "whole, prefix or hash");
      o.events.client = value == "whole" ? ClientAddress::whole : value == "prefix" ? ClientAddress::prefix : ClientAddress::hash;
      break;
    case kClientPrefix: {
      const std::size_t blank = value.find(' ');
      if (blank == std::string::npos) bad(name, value, "two numbers, bits of an IPv4 and of an IPv6 address that are kept, such as \"24 56\"");
      o.events.prefix4 = static_cast<std::uint8_t>(number(name, std::string_view(value).substr(0, blank), 0, 32));
      o.events.prefix6 = static_cast<std::uint8_t>(number(name, std::string_view(value).substr(blank + 1), 0, 128));
      break;
    }
    case kClientKey:
      list(name, [&] { o.events.key = read_client_key(value); });
      o.events.key_path = value;
      break;
    case kHiddenSides:
      list(name, [&] {
        if (value != "auto") o.events.sides = parse_hidden_sides(value);
      });
      break;
    case kOwnAddress:
      list(name, [&] { o.own_blocks = parse_address_blocks(value); });
      break;
    case kJournal: o.journal = text(name, value, 4095); break;
    case kJournalSize: o.journal_size = number(name, value, 8 << 20, 1ULL << 40, true); break;
    case kJournalFsync:
      if (value != "auto" && value != "none" && value != "interval" && value != "commit") bad(name, value, "auto, none, interval or commit");
      o.journal_fsync = value == "auto" ? JournalFsync::automatic : value == "none" ? JournalFsync::none : value == "interval" ? JournalFsync::interval : JournalFsync::commit;
      break;
    case kJournalFsyncInterval: o.journal_fsync_interval_ms = static_cast<std::uint32_t>(number(name, value, 10, 60'000)); break;
    case kNode: o.node = text(name, value, 255); break;
    case kRingSize:
      o.source.ipvs.ring_bytes = number(name, value, 64 << 10, 1 << 30, true);
      if (!std::has_single_bit(o.source.ipvs.ring_bytes)) bad(name, value, "a power of two");
      break;
    case kMaxConns: o.source.ipvs.max_conns = o.source.conntrack.max_conns = static_cast<std::uint32_t>(number(name, value, 1024, 1 << 28)); break;
    case kPinDir: o.source.ipvs.pin_dir = text(name, value, 4095); break;
    case kAllNetns: o.source.ipvs.all_netns = true; break;
    case kNodestInterval: o.source.ipvs.nodest_interval_ms = o.source.engine.nodest_interval_ms = static_cast<std::uint32_t>(number(name, value, 10, 3'600'000)); break;
    case kLinger: o.linger_ms = static_cast<std::uint32_t>(number(name, value, 0, 10'000)); break;
    case kOnExit:
      if (value != "keep" && value != "detach") bad(name, value, "keep or detach");
      o.detach_on_exit = value == "detach";
      break;
    case kStallTimeout: o.stall_timeout_ms = static_cast<std::uint32_t>(number(name, value, 0, k32)); break;
    case kDetach: line.action = Action::detach; break;
    case kCheck: line.action = Action::check; break;
    case kWithParent: o.with_parent = true; break;
    case kConfine:
      if (value != "on" && value != "off") bad(name, value, "on or off");
      o.confined = value == "on";
      break;
    case kConfig:
    case kEnv:
    case kOptionsFd: break;  // read before, see configured()
    case kConntrackEvents:
      list(name, [&] { parse_conntrack_events(value, o.source.conntrack); });
      break;
    case kConntrackProtocol:
      list(name, [&] { o.source.conntrack.protocols = parse_conntrack_protocols(value); });
      break;
    case kConntrackAddress:
      list(name, [&] { o.source.conntrack.addresses = parse_address_blocks(value); });
      break;
    case kConntrackDelivery:
      list(name, [&] { o.source.conntrack.delivery = parse_conntrack_delivery(value); });
      break;
    case kConntrackBuffer: o.source.conntrack.buffer_bytes = number(name, value, 64 << 10, 2ULL << 30, true); break;
    case kConntrackQueue:
      o.source.conntrack.queue_bytes = number(name, value, 64 << 10, 2ULL << 30, true);
      if (!std::has_single_bit(o.source.conntrack.queue_bytes)) bad(name, value, "a power of two");
      break;
    case kConntrackResync: o.source.conntrack.resync_s = static_cast<std::uint32_t>(number(name, value, 0, 86'400)); break;
    case kConntrackReliable: o.source.conntrack.reliable = true; break;
    case kService: o.source.engine.services.push_back({{.key = parse_service_key(value)}, {}}); break;
    case kScheduler: last_service(o, name).service.scheduler = text(name, value, 15); break;
    case kPersistent: last_service(o, name).service.persistent_s = static_cast<std::uint32_t>(number(name, value, 0, 31 * 86'400)); break;
    case kNetmask: last_service(o, name).service.netmask = parse_netmask(value); break;
    case kOnePacket: last_service(o, name).service.flags |= engine::kOnePacket; break;
    case kReal: last_service(o, name).reals.push_back(parse_real(value)); break;
    case kKnob: {
      const std::size_t equals = value.find('=');
      if (equals == std::string::npos || equals == 0) bad(name, value, "NAME=VALUE, such as expire_nodest_conn=1");
      o.source.engine.knobs.push_back({value.substr(0, equals), value.substr(equals + 1), where});
      break;
    }
    case kEngineMaxConns: o.source.engine.max_conns = static_cast<std::uint32_t>(number(name, value, 1, k32)); break;
    case kLoad: o.source.engine.load = true; break;
    case kLoadRate: o.source.engine.load_options.rate = number(name, value, 0, 100'000'000); break;
    case kLoadConnections: o.source.engine.load_options.connections = number(name, value, 0, 1'000'000'000'000); break;
    case kLoadClients: o.source.engine.load_options.clients = static_cast<std::uint32_t>(number(name, value, 1, 1 << 24)); break;
    case kLoadConcurrent: o.source.engine.load_options.concurrent = static_cast<std::uint32_t>(number(name, value, 1, 1 << 24)); break;
    case kLoadUdpPercent: o.source.engine.load_options.udp_percent = static_cast<std::uint32_t>(number(name, value, 0, 100)); break;
    case kLoadSeed: o.source.engine.load_options.seed = number(name, value, 0, UINT32_MAX); break;
    case kPcap: o.source.engine.pcap = text(name, value, 4095); break;
    case kScriptedEvents: o.source.scripted.events = number(name, value, 0, UINT64_MAX); break;
    case kScriptedRate: o.source.scripted.rate = number(name, value, 0, 100'000'000); break;
    case kScriptedSeed: o.source.scripted.seed = number(name, value, 0, 0xfffff); break;
    case kScriptedStart: o.source.scripted.start_s = number(name, value, 0, k32); break;
    case kHelp: line.action = Action::help; return false;
    case kVersion: line.action = Action::version; return false;
    default: break;
  }
  return true;
}

/// A command line, and of each word the place in the configuration that it comes from; empty: the command line itself.
struct Words {
  std::vector<std::string> text;
  std::vector<std::string> where;
};

CommandLine parse(Words words) {
  CommandLine line;
  std::vector<char*> pointers;
  for (std::string& word : words.text) pointers.push_back(word.data());
  const int argc = static_cast<int>(pointers.size());
  pointers.push_back(nullptr);
  char** const argv = pointers.data();
  opterr = 0;
  optind = 1;
  for (;;) {
    int index = 0;
    const int at = optind;
    const int c = getopt_long(argc, argv, "+:", kOptions, &index);
    if (c == -1) break;
    if (c == ':') throw UsageError("option " + std::string(argv[at]) + " needs a value; see --help.");
    if (c < 256) throw UsageError("option " + std::string(argv[at]) + " is not known; see --help.");
    const std::string value = optarg != nullptr ? optarg : "";
    const char* const name = kOptions[index].name;
    line.options.given[name] = optarg != nullptr ? value : "1";
    const std::string& where = words.where[static_cast<std::size_t>(at)];
    const auto placed = [&where](const std::exception& e) { return UsageError((where.empty() ? "" : where + ": ") + e.what()); };
    try {
      if (!take(c, name, value, where, line)) return line;
    } catch (const UsageError& e) {
      throw placed(e);
    } catch (const engine::ConfigError& e) {
      throw placed(e);
    }
  }
  if (optind < argc) throw UsageError("argument " + std::string(argv[optind]) + " is not expected; see --help.");
  const DaemonOptions& o = line.options;
  if (o.events.client == ClientAddress::hash && !o.given.contains("client-key")) throw UsageError("--client-address hash needs --client-key FILE: without a key anybody could find out whom a hash means.");
  return line;
}

/// Arguments as --options-fd has them, each ended by NUL: a command line has room for some thousand services only (execve(2), E2BIG). Reads to the end, and closes it.
std::vector<std::string> read_options(std::string_view number_text) {
  constexpr std::size_t kLongest = 64 << 20;
  const UniqueFd fd(static_cast<int>(number("options-fd", number_text, 0, INT_MAX)));
  const auto fail = [number_text](const std::string& why) { return UsageError("--options-fd " + std::string(number_text) + ": " + why); };
  std::string text;
  std::array<char, 65536> piece;
  ssize_t n = 0;
  while ((n = read(fd.get(), piece.data(), piece.size())) != 0) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw fail("it cannot be read: " + std::generic_category().message(errno) + ".");
    text.append(piece.data(), static_cast<std::size_t>(n));
    if (text.size() > kLongest) throw fail("there is more than 64 MiB.");
  }
  std::vector<std::string> words;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = rest.find('\0');
    if (end == std::string_view::npos) throw fail("the last option does not end with a NUL: who wrote it did not come to the end.");
    words.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  return words;
}

/// The command line behind what the configuration says, where --config or --env asks for it: of an option that is in both the later one counts.
Words configured(int argc, char** argv) {
  Words words;
  const std::span<char* const> given(argv, static_cast<std::size_t>(argc));
  std::string file;
  std::vector<std::string> more;
  bool environment = false;
  bool services = false;
  const auto is_service = [](std::string_view word) { return word == "--service" || word.starts_with("--service="); };
  for (std::size_t i = 1; i < given.size(); ++i) {
    const std::string_view word = given[i];
    if (word == "--env") environment = true;
    if (is_service(word)) services = true;
    if (word.starts_with("--config=")) file = word.substr(std::string_view("--config=").size());
    if (word == "--config" && i + 1 < given.size()) file = given[++i];
    if (word.starts_with("--options-fd=")) more = read_options(word.substr(std::string_view("--options-fd=").size()));
    if (word == "--options-fd" && i + 1 < given.size()) more = read_options(given[++i]);
  }
  services = services || std::any_of(more.begin(), more.end(), is_service);
  words.text.emplace_back(given.empty() ? "vslog-capture" : given[0]);
  if (!file.empty() || environment) {
    Configuration configuration;
    if (!file.empty()) configuration.read_file(file);
    if (environment) configuration.read_environment(environ);
    // The configuration's own default.
    words.text.insert(words.text.end(), {"--source", "auto"});
    words.where.resize(words.text.size());
    for (ConfigArgument& argument : configuration.arguments(services)) {
      words.text.push_back(std::move(argument.text));
      words.where.push_back(std::move(argument.where));
    }
  }
  words.text.insert(words.text.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  for (std::size_t i = 1; i < given.size(); ++i) words.text.emplace_back(given[i]);
  words.where.resize(words.text.size());
  return words;
}

}  // namespace

CommandLine parse_command_line(int argc, char** argv) {
  CommandLine line = parse(configured(argc, argv));
  if (line.options.source.name != "auto") settle(line.options);
  return line;
}

void settle(DaemonOptions& options) {
  // Only connection tracking has flows of both directions: a person may be at the other end of any.
  const auto sides = options.given.find("hidden-sides");
  if (options.source.name == "conntrack" && options.events.client != ClientAddress::whole && (sides == options.given.end() || sides->second == "auto")) {
    options.events.sides = {HiddenSide::all, HiddenSide::foreign, HiddenSide::foreign};
    options.events.own = own_addresses(options.own_blocks);
  }
}

const char* version() { return VSLOG_VERSION; }

}  // namespace vslog
