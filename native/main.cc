// vslog-capture: the privileged half. Options and exit codes: --help.
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "confine/capabilities.h"
#include "daemon/daemon.h"
#include "daemon/options.h"
#include "wire/folder.h"

namespace {

enum ExitCode : int { kOk = 0, kFailed = 1, kUsage = 2, kInUse = 3, kRefused = 4, kBehind = 8 };

int fail(ExitCode code, const std::exception& e) {
  // One that has several things to say has a line for each.
  for (std::string_view rest = e.what(); !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    std::fprintf(stderr, "vslog-capture: %.*s\n", static_cast<int>(line.size()), line.data());
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  return code;
}

/// Members of a group have to come to the socket, which decides for itself; nobody else may, and nobody may list what is there.
void make_places(const vslog::DaemonOptions& options) {
  const mode_t mode = options.socket_group.empty() && options.collector_group.empty() && options.admin_group.empty() ? 0700 : 0711;
  vslog::make_folder_of(options.socket, "socket", mode);
  vslog::make_folder_of(options.journal, "journal", mode);
}

/// Settles on a source, and tells why it is not one that comes before it.
void choose(vslog::CommandLine& line) {
  vslog::SourceOptions& source = line.options.source;
  // What an earlier capture left in the kernel is ipvs's alone.
  if (line.action == vslog::Action::detach) {
    source.name = "ipvs";
  } else {
    for (const std::string& why : vslog::choose_source(source)) std::fprintf(stderr, "vslog-capture: %s\n", why.c_str());
  }
  vslog::settle(line.options);
}

int run(int argc, char** argv) {
  umask(077);
  vslog::no_new_rights();
  vslog::CommandLine line = vslog::parse_command_line(argc, argv);
  if (line.options.source.name == "auto" && line.action != vslog::Action::help && line.action != vslog::Action::version) choose(line);
  switch (line.action) {
    case vslog::Action::help: std::fputs(vslog::help_text(), stdout); return kOk;
    case vslog::Action::version: std::printf("vslog-capture %s\n", vslog::version()); return kOk;
    case vslog::Action::check: vslog::check_source(line.options.source); return kOk;
    case vslog::Action::detach: {
      const bool there = vslog::detach_source(line.options.source);
      std::puts(there ? "detached: the kernel side was taken out." : "nothing to detach.");
      return kOk;
    }
    case vslog::Action::run: break;
  }
  std::signal(SIGPIPE, SIG_IGN);
  make_places(line.options);
  vslog::Daemon daemon(line.options);
  return daemon.run() ? kOk : kBehind;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const vslog::UsageError& e) {
    return fail(kUsage, e);
  } catch (const vslog::SetupError& e) {
    return fail(kUsage, e);
  } catch (const vslog::InUse& e) {
    return fail(kInUse, e);
  } catch (const vslog::SourceRefusal& e) {
    return fail(kRefused, e);
  } catch (const std::exception& e) {
    return fail(kFailed, e);
  }
}
