#include "daemon/options.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "key_file.h"
#include "temp_dir.h"

namespace vslog {
namespace {

CommandLine parsed(std::vector<std::string> words) {
  words.insert(words.begin(), "vslog-capture");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return parse_command_line(static_cast<int>(words.size()), argv.data());
}
DaemonOptions options(std::vector<std::string> words) { return parsed(std::move(words)).options; }

std::string refusal(std::vector<std::string> words) {
  try {
    parsed(std::move(words));
  } catch (const UsageError& e) {
    return e.what();
  }
  return "taken";
}

/// A whole number is taken from `min` to `max` and refused beyond, and is what `read` then finds.
void expect_range(const std::string& option, std::uint64_t min, std::uint64_t max, std::uint64_t (*read)(const DaemonOptions&)) {
  for (const std::uint64_t good : {min, max}) EXPECT_EQ(read(options({option, std::to_string(good)})), good) << option << " " << good;
  std::vector<std::string> bad{"", "x", "1x", "-1", " 1", "1 ", "0x10", "1e3", "99999999999999999999"};
  if (min > 0) bad.push_back(std::to_string(min - 1));
  if (max < UINT64_MAX) bad.push_back(std::to_string(max + 1));
  for (const std::string& value : bad) {
    const std::string said = refusal({option, value});
    EXPECT_NE(said.find(option + " " + value + " must be a whole number from " + std::to_string(min) + " to " + std::to_string(max)), std::string::npos) << said;
  }
}

/// The descriptor of a file that says this.
int fed(const std::string& text) {
  const int fd = memfd_create("options", MFD_CLOEXEC);
  EXPECT_EQ(write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  lseek(fd, 0, SEEK_SET);
  return fd;
}

TEST(Options, AreTakenFromADescriptorToo) {
  std::string text;
  constexpr int kMany = 20'000;
  for (int i = 0; i < kMany; ++i) {
    const std::string host = std::to_string(i / 250) + "." + std::to_string(i % 250);
    for (const std::string& word : {std::string("--service"), "tcp://10.1." + host + ":80", std::string("--scheduler"), std::string("rr"), std::string("--real"), "10.2." + host + ":80,weight=3"}) text += word + '\0';
  }
  const int fd = fed(text);
  const DaemonOptions o = options({"--source", "engine", "--options-fd", std::to_string(fd), "--linger", "7"});
  EXPECT_EQ(fcntl(fd, F_GETFD), -1) << "it is closed";
  ASSERT_EQ(o.source.engine.services.size(), static_cast<std::size_t>(kMany));
  EXPECT_EQ(o.source.engine.services.back().service.scheduler, "rr");
  EXPECT_EQ(o.source.engine.services.back().reals.at(0).weight, 3);
  EXPECT_EQ(o.linger_ms, 7U);
  // Those of the command line come later, and count.
  EXPECT_EQ(options({"--options-fd=" + std::to_string(fed(std::string("--linger\0008\0", 11))), "--linger", "9"}).linger_ms, 9U);
}

TEST(Options, OfADescriptorAreWhole) {
  EXPECT_NE(refusal({"--options-fd", std::to_string(fed(std::string("--linger\0008", 10)))}).find("does not end with a NUL"), std::string::npos);
  EXPECT_NE(refusal({"--options-fd", "999"}).find("--options-fd 999: it cannot be read: "), std::string::npos);
  EXPECT_NE(refusal({"--options-fd", "x"}).find("--options-fd x must be a whole number"), std::string::npos);
  EXPECT_NE(refusal({"--options-fd"}).find("needs a value"), std::string::npos);
  EXPECT_NE(refusal({"--options-fd", std::to_string(fed(std::string("--linger\000x\0", 11)))}).find("--linger x must be"), std::string::npos);
}

TEST(Options, DefaultsAreThoseOfTheHelp) {
  const DaemonOptions o = options({});
  EXPECT_EQ(parsed({}).action, Action::run);
  EXPECT_EQ(o.source.name, "ipvs");
  EXPECT_EQ(o.socket, "/run/vslog/capture.sock");
  EXPECT_EQ(o.journal, "/run/vslog/capture.journal");
  EXPECT_EQ(o.journal_size, 64U << 20);
  EXPECT_EQ(o.linger_ms, 5U);
  EXPECT_EQ(o.stall_timeout_ms, 2000U);
  EXPECT_FALSE(o.detach_on_exit);
  EXPECT_FALSE(o.with_parent);
  EXPECT_EQ(o.admin_group, "");
  EXPECT_EQ(o.source.ipvs.ring_bytes, 16U << 20);
  EXPECT_EQ(o.source.ipvs.max_conns, 4194304U);
  EXPECT_EQ(o.source.engine.max_conns, 16777216U);
  EXPECT_EQ(o.source.scripted.rate, 1000U);
  EXPECT_TRUE(o.given.empty());
}

TEST(Options, NumbersHaveTheirRanges) {
  using O = DaemonOptions;
  expect_range("--flood-rate", 0, 100'000'000, [](const O& o) { return o.events.flood_rate; });
  expect_range("--linger", 0, 10'000, [](const O& o) -> std::uint64_t { return o.linger_ms; });
  expect_range("--stall-timeout", 0, UINT32_MAX, [](const O& o) -> std::uint64_t { return o.stall_timeout_ms; });
  expect_range("--max-conns", 1024, 1 << 28, [](const O& o) -> std::uint64_t { return o.source.ipvs.max_conns; });
  expect_range("--max-conns", 1024, 1 << 28, [](const O& o) -> std::uint64_t { return o.source.conntrack.max_conns; });
  expect_range("--nodest-interval", 10, 3'600'000, [](const O& o) -> std::uint64_t { return o.source.ipvs.nodest_interval_ms; });
  expect_range("--nodest-interval", 10, 3'600'000, [](const O& o) -> std::uint64_t { return o.source.engine.nodest_interval_ms; });
  expect_range("--conntrack-resync", 0, 86'400, [](const O& o) -> std::uint64_t { return o.source.conntrack.resync_s; });
  expect_range("--engine-max-conns", 1, UINT32_MAX, [](const O& o) -> std::uint64_t { return o.source.engine.max_conns; });
  expect_range("--load-rate", 0, 100'000'000, [](const O& o) { return o.source.engine.load_options.rate; });
  expect_range("--load-connections", 0, 1'000'000'000'000, [](const O& o) { return o.source.engine.load_options.connections; });
  expect_range("--load-clients", 1, 1 << 24, [](const O& o) -> std::uint64_t { return o.source.engine.load_options.clients; });
  expect_range("--load-concurrent", 1, 1 << 24, [](const O& o) -> std::uint64_t { return o.source.engine.load_options.concurrent; });
  expect_range("--load-udp-percent", 0, 100, [](const O& o) -> std::uint64_t { return o.source.engine.load_options.udp_percent; });
  expect_range("--load-seed", 0, UINT32_MAX, [](const O& o) { return o.source.engine.load_options.seed; });
  expect_range("--scripted-events", 0, UINT64_MAX, [](const O& o) { return o.source.scripted.events; });
  expect_range("--scripted-rate", 0, 100'000'000, [](const O& o) { return o.source.scripted.rate; });
  expect_range("--scripted-seed", 0, 0xfffff, [](const O& o) { return o.source.scripted.seed; });
  expect_range("--scripted-start", 0, UINT32_MAX, [](const O& o) { return o.source.scripted.start_s; });
}

TEST(Options, SizesTakeASuffix) {
  EXPECT_EQ(options({"--journal-size", "8388608"}).journal_size, 8U << 20);
  EXPECT_EQ(options({"--journal-size", "8192K"}).journal_size, 8U << 20);
  EXPECT_EQ(options({"--journal-size", "8M"}).journal_size, 8U << 20);
  EXPECT_EQ(options({"--journal-size", "1024G"}).journal_size, 1ULL << 40);
  for (const char* bad : {"8388607", "1025G", "8m", "8MB", "M", "8 M", "18446744073709551615G"}) {
    EXPECT_EQ(refusal({"--journal-size", bad}), "--journal-size " + std::string(bad) + " must be a whole number from 8388608 to 1099511627776, bytes or with K, M or G.");
  }
  EXPECT_EQ(options({"--conntrack-buffer", "2G"}).source.conntrack.buffer_bytes, 2ULL << 30);
}

TEST(Options, RingsArePowersOfTwo) {
  EXPECT_EQ(options({"--ring-size", "64K"}).source.ipvs.ring_bytes, 64U << 10);
  EXPECT_EQ(refusal({"--ring-size", "65537"}), "--ring-size 65537 must be a power of two.");
  EXPECT_EQ(options({"--conntrack-queue", "2G"}).source.conntrack.queue_bytes, 2ULL << 30);
  EXPECT_EQ(refusal({"--conntrack-queue", "3M"}), "--conntrack-queue 3M must be a power of two.");
}

TEST(Options, TextsHaveALength) {
  using O = DaemonOptions;
  const struct {
    const char* option;
    std::size_t longest;
    const std::string& (*read)(const O&);
  } texts[] = {
      {"--socket", 107, [](const O& o) -> const std::string& { return o.socket; }},
      {"--socket-group", 255, [](const O& o) -> const std::string& { return o.socket_group; }},
      {"--admin-group", 255, [](const O& o) -> const std::string& { return o.admin_group; }},
      {"--journal", 4095, [](const O& o) -> const std::string& { return o.journal; }},
      {"--node", 255, [](const O& o) -> const std::string& { return o.node; }},
      {"--pin-dir", 4095, [](const O& o) -> const std::string& { return o.source.ipvs.pin_dir; }},
      {"--pcap", 4095, [](const O& o) -> const std::string& { return o.source.engine.pcap; }},
  };
  for (const auto& text : texts) {
    const std::string longest(text.longest, 'a');
    const O o = options({text.option, longest});
    EXPECT_EQ(text.read(o), longest) << text.option;
    EXPECT_NE(refusal({text.option, longest + "a"}).find("bytes long."), std::string::npos) << text.option;
    EXPECT_NE(refusal({text.option, ""}).find("must be 1 to " + std::to_string(text.longest)), std::string::npos) << text.option;
  }
}

TEST(Options, SwitchesAreOffUntilGiven) {
  EXPECT_TRUE(options({"--all-netns"}).source.ipvs.all_netns);
  EXPECT_TRUE(options({"--with-parent"}).with_parent);
  EXPECT_TRUE(options({"--conntrack-reliable"}).source.conntrack.reliable);
  EXPECT_TRUE(options({"--load"}).source.engine.load);
  EXPECT_TRUE(options({"--on-exit", "detach"}).detach_on_exit);
  EXPECT_FALSE(options({"--on-exit", "keep"}).detach_on_exit);
  EXPECT_EQ(refusal({"--on-exit", "stay"}), "--on-exit stay must be keep or detach.");
}

TEST(Options, ActionsAreWhatTheySay) {
  EXPECT_EQ(parsed({"--detach"}).action, Action::detach);
  EXPECT_EQ(parsed({"--check"}).action, Action::check);
  EXPECT_EQ(parsed({"--version"}).action, Action::version);
  EXPECT_EQ(parsed({"--help", "--no-such-option"}).action, Action::help) << "whoever asks for help gets it";
}

TEST(Options, TheSourceIsOneOfThoseThatThereAre) {
  for (const char* name : {"ipvs", "conntrack", "engine", "scripted"}) EXPECT_EQ(options({"--source", name}).source.name, name);
  EXPECT_EQ(refusal({"--source", "ebpf"}), "--source ebpf must be auto or one of " + std::string(source_names()) + ".");
}

TEST(Options, ClientAddressesAreHiddenAsAsked) {
  EXPECT_EQ(options({"--client-address", "prefix"}).events.client, ClientAddress::prefix);
  const DaemonOptions o = options({"--client-prefix", "20 44"});
  EXPECT_EQ(o.events.prefix4, 20);
  EXPECT_EQ(o.events.prefix6, 44);
  for (const char* bad : {"24", "33 56", "24 129", "24 ", " 56", "24  56"}) EXPECT_NE(refusal({"--client-prefix", bad}), "taken") << bad;
  EXPECT_NE(refusal({"--client-address", "none"}), "taken");
  EXPECT_NE(refusal({"--client-address", "hash"}).find("needs --client-key"), std::string::npos);
  const TempDir dir;
  write_key(dir.file("key"), "000102030405060708090a0b0c0d0e0f");
  EXPECT_EQ(options({"--client-address", "hash", "--client-key", dir.file("key")}).events.key.bytes[15], 0x0f);
  EXPECT_NE(refusal({"--client-key", dir.file("none")}).find("--client-key: "), std::string::npos);
}

TEST(Options, WhereBothEndsMayBePeopleBothAreHidden) {
  const auto sides = [](std::vector<std::string> words) {
    words.insert(words.begin(), {"--client-address", "prefix"});
    const HiddenSides s = options(std::move(words)).events.sides;
    return std::vector<HiddenSide>{s.client, s.virtual_side, s.real};
  };
  const std::vector<HiddenSide> client{HiddenSide::all, HiddenSide::none, HiddenSide::none};
  const std::vector<HiddenSide> foreign{HiddenSide::all, HiddenSide::foreign, HiddenSide::foreign};
  EXPECT_EQ(sides({}), client);
  EXPECT_EQ(sides({"--source", "engine"}), client);
  EXPECT_EQ(sides({"--source", "conntrack"}), foreign);
  EXPECT_EQ(sides({"--source", "conntrack", "--hidden-sides", "auto"}), foreign);
  EXPECT_EQ(sides({"--source", "conntrack", "--hidden-sides", "client"}), client);
  EXPECT_EQ(sides({"--hidden-sides", "real,client"}), (std::vector<HiddenSide>{HiddenSide::all, HiddenSide::none, HiddenSide::all}));
  EXPECT_EQ(refusal({"--hidden-sides", "left"}), "--hidden-sides: \"left\" must be client, virtual or real; or all of it auto.");
  const DaemonOptions o = options({"--source", "conntrack", "--client-address", "prefix", "--own-address", "10.1.0.0/16"});
  const std::uint8_t ours[4] = {10, 1, 2, 3};
  const std::uint8_t theirs[4] = {10, 2, 2, 3};
  EXPECT_TRUE(o.events.own.contain(map_ipv4(ours)));
  EXPECT_FALSE(o.events.own.contain(map_ipv4(theirs)));
  EXPECT_EQ(refusal({"--own-address", "10.1.0.1/16"}).find("--own-address: "), 0U);
}

TEST(Options, ListsNameTheirOption) {
  EXPECT_EQ(options({"--events", "create"}).events.kinds, parse_event_kinds("create"));
  EXPECT_EQ(refusal({"--events", "born"}).find("--events: "), 0U);
  EXPECT_EQ(refusal({"--conntrack-events", "born"}).find("--conntrack-events: "), 0U);
  EXPECT_EQ(refusal({"--conntrack-protocol", "carrier-pigeon"}).find("--conntrack-protocol: "), 0U);
  EXPECT_EQ(refusal({"--conntrack-address", "10.0.0.0/33"}).find("--conntrack-address: "), 0U);
  EXPECT_EQ(refusal({"--conntrack-delivery", "pigeon"}).find("--conntrack-delivery: "), 0U);
  EXPECT_EQ(options({"--conntrack-protocol", "tcp,udp"}).source.conntrack.protocols.size(), 2U);
}

TEST(Options, WhatFollowsAServiceBelongsToIt) {
  const DaemonOptions o = options({"--service", "tcp://192.0.2.1:80", "--scheduler", "rr", "--persistent", "60", "--netmask", "255.255.255.0", "--real", "10.0.0.1:8080,weight=2", "--real",
                                   "10.0.0.2:8080", "--service", "udp://[2001:db8::1]:53", "--one-packet"});
  ASSERT_EQ(o.source.engine.services.size(), 2U);
  const ServiceSetup& web = o.source.engine.services[0];
  EXPECT_EQ(engine::to_text(web.service.key), "tcp 192.0.2.1:80");
  EXPECT_EQ(web.service.scheduler, "rr");
  EXPECT_EQ(web.service.persistent_s, 60U);
  EXPECT_EQ(web.service.netmask[14], 255);
  EXPECT_EQ(web.service.netmask[15], 0);
  ASSERT_EQ(web.reals.size(), 2U);
  EXPECT_EQ(web.reals[0].weight, 2);
  EXPECT_EQ(web.service.flags, 0U);
  const ServiceSetup& dns = o.source.engine.services[1];
  EXPECT_EQ(dns.service.scheduler, "wlc");
  EXPECT_EQ(dns.service.flags, engine::kOnePacket);
  EXPECT_TRUE(dns.reals.empty());
  for (const char* alone : {"--scheduler", "--persistent", "--netmask", "--real"}) {
    EXPECT_EQ(refusal({alone, "1"}), std::string(alone) + " belongs to the --service before it, and there is none.");
  }
  EXPECT_NE(refusal({"--one-packet"}), "taken");
  EXPECT_NE(refusal({"--service", "web"}).find("--service web must be"), std::string::npos);
}

TEST(Options, KnobsAreNameAndValue) {
  const DaemonOptions o = options({"--knob", "expire_nodest_conn=1", "--knob", "x=a=b"});
  ASSERT_EQ(o.source.engine.knobs.size(), 2U);
  EXPECT_EQ(o.source.engine.knobs[0].name + " " + o.source.engine.knobs[0].value, "expire_nodest_conn 1");
  EXPECT_EQ(o.source.engine.knobs[1].name + " " + o.source.engine.knobs[1].value, "x a=b");
  EXPECT_EQ(o.source.engine.knobs[1].where, "");
  for (const char* bad : {"expire_nodest_conn", "=1", ""}) EXPECT_NE(refusal({"--knob", bad}).find("NAME=VALUE"), std::string::npos) << bad;
}

TEST(Options, RemembersWhatWasWritten) {
  const DaemonOptions o = options({"--journal-size", "8M", "--load"});
  EXPECT_EQ(o.given.at("journal-size"), "8M");
  EXPECT_EQ(o.given.at("load"), "1");
  EXPECT_EQ(o.given.size(), 2U);
}

TEST(Options, TheLastOfTwoHolds) { EXPECT_EQ(options({"--node", "a", "--node", "b"}).node, "b"); }

TEST(Options, SaysWhatItCannotUse) {
  EXPECT_EQ(refusal({"--no-such-option"}), "option --no-such-option is not known; see --help.");
  EXPECT_EQ(refusal({"--node"}), "option --node needs a value; see --help.");
  EXPECT_EQ(refusal({"eth0"}), "argument eth0 is not expected; see --help.");
  EXPECT_EQ(refusal({"--load", "eth0", "--node", "a"}), "argument eth0 is not expected; see --help.");
}

TEST(Options, EveryOptionOfTheHelpIsKnown) {
  const std::string help = help_text();
  std::set<std::string> names;
  for (std::size_t at = help.find("\n  --"); at != std::string::npos; at = help.find("\n  --", at + 1)) names.insert(help.substr(at + 3, help.find_first_of(" ,\n", at + 3) - at - 3));
  EXPECT_GT(names.size(), 40U);
  for (const std::string& name : names) EXPECT_EQ(refusal({name}).find("is not known"), std::string::npos) << name;
  for (const char* named : {"--source", "--client-key", "--conntrack-reliable", "--load-seed", "--scripted-start", "--with-parent"}) EXPECT_TRUE(names.contains(named)) << named;
}

TEST(Options, TheVersionIsThePackages) { 
  int major = -1;
  int minor = -1;
  int patch = -1;
  EXPECT_EQ(std::sscanf(version(), "%d.%d.%d", &major, &minor, &patch), 3) << version();
 }

}  // namespace
}  // namespace vslog
