#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "daemon/options.h"
#include "temp_dir.h"

namespace vslog {
namespace {

class ConfigFile : public testing::Test {
 protected:
  /// Parses `--config FILE` and what follows it; a refusal becomes its sentence, with FILE for the file's path.
  CommandLine read(const std::string& toml, std::vector<std::string> words = {}) {
    std::ofstream(path_) << toml;
    chmod(path_.c_str(), mode);
    words.insert(words.begin(), {"vslog-capture", "--config", path_});
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    return parse_command_line(static_cast<int>(words.size()), argv.data());
  }
  DaemonOptions options(const std::string& toml, std::vector<std::string> words = {}) { return read(toml, std::move(words)).options; }
  std::string refusal(const std::string& toml, std::vector<std::string> words = {}) {
    try {
      read(toml, std::move(words));
    } catch (const UsageError& e) {
      std::string said = e.what();
      for (std::size_t at = 0; (at = said.find(path_)) != std::string::npos;) said.replace(at, path_.size(), "FILE");
      return said;
    }
    return "taken";
  }

  mode_t mode = 0644;

 private:
  TempDir dir_;
  std::string path_ = dir_.file("vslog.toml");
};

TEST_F(ConfigFile, SaysWhatTheCommandLineWould) {
  const DaemonOptions o = options(R"(
[capture]
source = "conntrack"
journal_size = "1G"
linger = "20ms"
subscriber_timeout = "2h"
all_netns = true
max_conns = 5000
events = "create,expire"
on_exit = "detach"

[conntrack]
address = "10.0.0.0/8"

[collector]
drain = "3s"

[kafka]
brokers = "kafka:9092"
)");
  EXPECT_EQ(o.source.name, "conntrack");
  EXPECT_EQ(o.journal_size, 1U << 30);
  EXPECT_EQ(o.linger_ms, 20U);
  EXPECT_EQ(o.subscriber_timeout_ms, 7'200'000U);
  EXPECT_TRUE(o.source.ipvs.all_netns);
  EXPECT_EQ(o.source.ipvs.max_conns, 5000U);
  EXPECT_EQ(o.source.conntrack.addresses.size(), 1U);
  EXPECT_TRUE(o.detach_on_exit);
}

TEST_F(ConfigFile, HasServicesAndKnobs) {
  const DaemonOptions o = options(R"(
[engine.knobs]
expire_nodest_conn = true
timeout_tcp = 100

[[service]]
at = "tcp://192.0.2.1:80"
scheduler = "wrr"
persistent = 300
one_packet = false
real = [{ at = "10.0.0.1:80", weight = 2 }, { at = "10.0.0.2:80", upper = 9, lower = 3 }]

[[service]]
at = "udp://[2001:db8::1]:53"
one_packet = true
)");
  const EngineSourceOptions& engine = o.source.engine;
  ASSERT_EQ(engine.services.size(), 2U);
  EXPECT_EQ(engine.services[0].service.scheduler, "wrr");
  EXPECT_EQ(engine.services[0].service.persistent_s, 300U);
  ASSERT_EQ(engine.services[0].reals.size(), 2U);
  EXPECT_EQ(engine.services[0].reals[0].weight, 2);
  EXPECT_EQ(engine.services[1].service.flags & engine::kOnePacket, engine::kOnePacket);
  ASSERT_EQ(engine.knobs.size(), 2U);
  EXPECT_EQ(engine.knobs[0].name + " " + engine.knobs[0].value, "expire_nodest_conn 1");
  EXPECT_TRUE(engine.knobs[0].where.ends_with(":3")) << engine.knobs[0].where;
  EXPECT_EQ(engine.knobs[1].name + " " + engine.knobs[1].value, "timeout_tcp 100");
  EXPECT_TRUE(engine.knobs[1].where.ends_with(":4")) << engine.knobs[1].where;
}

TEST_F(ConfigFile, IsBehindTheCommandLine) {
  const std::string toml = "[capture]\nlinger = \"20ms\"\nnode = \"lb1\"\n[[service]]\nat = \"tcp://192.0.2.1:80\"\n";
  EXPECT_EQ(options(toml, {"--linger", "7"}).linger_ms, 7U);
  EXPECT_EQ(options(toml, {"--linger", "7"}).node, "lb1");
  EXPECT_EQ(options(toml).source.engine.services.size(), 1U);
  const DaemonOptions other = options(toml, {"--service", "udp://192.0.2.9:53"});
  ASSERT_EQ(other.source.engine.services.size(), 1U) << "with services of the command line the file's do not count";
}

TEST_F(ConfigFile, LeavesTheSourceToWhatThereIs) {
  EXPECT_EQ(options("").source.name, "auto");
  EXPECT_EQ(options("[capture]\nsource = \"scripted\"\n").source.name, "scripted");
}

TEST_F(ConfigFile, RefusalsNameFileLineAndOption) {
  EXPECT_EQ(refusal("[capture]\n\nlinger = 7\n"), "FILE:3: capture.linger is \"7\": it must be a time, such as 500ms, 2s or 1h.");
  EXPECT_EQ(refusal("[capture]\nlinger = \"20s\"\n"), "FILE:2: capture.linger: --linger 20000 must be a whole number from 0 to 10000.");
  EXPECT_EQ(refusal("[capture]\nlingr = \"20s\"\n"), "FILE:2: there is no option capture.lingr; `vslog config check` tells more.");
  EXPECT_EQ(refusal("[collector]\ndran = \"20s\"\n"), "FILE:2: there is no option collector.dran; `vslog config check` tells more.");
  EXPECT_EQ(refusal("nonsense = 1\n"), "FILE:1: there is no option nonsense.");
  EXPECT_EQ(refusal("[capture]\nnode = [1]\n"), "FILE:2: capture.node must be a string, a number or a boolean.");
  EXPECT_EQ(refusal("[capture\n"), "FILE:1: this is no TOML: Error while parsing table header: expected ']', saw '\\n'.");
  EXPECT_EQ(refusal("[[service]]\nscheduler = \"rr\"\n"), "FILE:1: this service has no address: say at = \"tcp://192.0.2.1:80\".");
  EXPECT_EQ(refusal("[[service]]\nat = \"tcp://192.0.2.1:80\"\nreals = []\n"), "FILE:3: there is no option service.reals.");
  EXPECT_EQ(refusal("[[service]]\nat = \"tcp://192.0.2.1:80\"\nreal = [{ at = \"x\" }]\n").substr(0, 8), "FILE:3: ");
  EXPECT_EQ(refusal("[[service]]\nat = \"tcp://192.0.2.1:80\"\nreal = [{ weight = 2 }]\n"), "FILE:3: this service.real has no address: say at = \"192.0.2.7:80\".");
  EXPECT_EQ(refusal("[service]\nat = \"tcp://192.0.2.1:80\"\n"), "FILE:1: service must be written as a list of tables: [[service]].");
}

TEST_F(ConfigFile, ThatOthersMayChangeIsRefused) {
  for (const mode_t open : {0666, 0664, 0646}) {
    mode = open;
    EXPECT_NE(refusal("").find("others than root may change it"), std::string::npos) << open;
  }
  if (getuid() == 0) {
    mode = 0644;
    read("");
    TempDir dir;
    const std::string path = dir.file("theirs.toml");
    std::ofstream(path) << "";
    ASSERT_EQ(chown(path.c_str(), 65534, 65534), 0);
    std::string word = path;
    std::string program = "vslog-capture";
    std::string option = "--config";
    char* argv[] = {program.data(), option.data(), word.data(), nullptr};
    EXPECT_THROW(parse_command_line(3, argv), UsageError);
  }
}

TEST_F(ConfigFile, ThatIsNotThereOrNoFileIsRefused) {
  for (const char* const path : {"/nonexistent/vslog.toml", "/dev/null", "/"}) {
    std::string program = "vslog-capture";
    std::string option = std::string("--config=") + path;
    char* argv[] = {program.data(), option.data(), nullptr};
    EXPECT_THROW(parse_command_line(2, argv), UsageError) << path;
  }
}

TEST_F(ConfigFile, IsBehindTheEnvironment) {
  setenv("VSLOG_CAPTURE_LINGER", "30ms", 1);
  setenv("VSLOG_CAPTURE_ALL_NETNS", "false", 1);
  const std::string toml = "[capture]\nlinger = \"20ms\"\nall_netns = true\n";
  EXPECT_EQ(options(toml).linger_ms, 20U) << "nobody asked for it";
  EXPECT_EQ(options(toml, {"--env"}).linger_ms, 30U);
  EXPECT_FALSE(options(toml, {"--env"}).source.ipvs.all_netns);
  setenv("VSLOG_CAPTURE_LINGER", "soon", 1);
  EXPECT_EQ(refusal(toml, {"--env"}), "environment, VSLOG_CAPTURE_LINGER: capture.linger is \"soon\": it must be a time, such as 500ms, 2s or 1h.");
  unsetenv("VSLOG_CAPTURE_LINGER");
  setenv("VSLOG_CAPTURE_LINGR", "1s", 1);
  EXPECT_EQ(refusal(toml, {"--env"}), "environment, VSLOG_CAPTURE_LINGR: there is no such option; `vslog config check` tells more.");
  unsetenv("VSLOG_CAPTURE_LINGR");
  unsetenv("VSLOG_CAPTURE_ALL_NETNS");
}

}  // namespace
}  // namespace vslog
