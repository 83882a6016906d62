#include "program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>

#include "netns.h"
#include "processors.h"
#include "wait.h"

namespace hand {
namespace {

/// A file in memory: nobody waits for the end of a pipe that something in the background still holds.
Fd memory_file() {
  Fd fd(memfd_create("hand", MFD_CLOEXEC));
  if (fd.get() < 0) fail("memfd");
  return fd;
}

std::string all_of(int fd) {
  std::string text;
  std::array<char, 4096> buffer;
  lseek(fd, 0, SEEK_SET);
  for (ssize_t n; (n = read(fd, buffer.data(), buffer.size())) > 0;) text.append(buffer.data(), static_cast<std::size_t>(n));
  return text;
}

std::string all_of(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return fd.get() < 0 ? "" : all_of(fd.get());
}

/// Starts a program with these as its input and both of its outputs. It may use every processor.
pid_t spawn(const std::vector<std::string>& words, int in, int out) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, out, 2);
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const OnProcessors all(0, processors());
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, argv.front(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  errno = error;
  if (error != 0) fail(words.front());
  return pid;
}

}  // namespace

Outcome run(const std::vector<std::string>& words, const std::string& input) {
  const Fd in = memory_file(), out = memory_file();
  if (write(in.get(), input.data(), input.size()) != static_cast<ssize_t>(input.size())) fail("memfd");
  lseek(in.get(), 0, SEEK_SET);
  const pid_t pid = spawn(words, in.get(), out.get());
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) fail("waitpid");
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), all_of(out.get())};
}

void start(const std::string& folder, const std::vector<std::string>& words) {
  mkdir(folder.c_str(), 0755);
  const Fd in(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Fd log(open((folder + "/log").c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  const Fd pid_file(open((folder + "/pid").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (in.get() < 0 || log.get() < 0 || pid_file.get() < 0) fail(folder);
  const std::size_t before = all_of(log.get()).size();
  const pid_t pid = spawn(words, in.get(), log.get());
  const std::string text = std::to_string(pid);
  if (write(pid_file.get(), text.data(), text.size()) < 0) fail(folder);
  try {
    for (;;) {
      const std::string said = all_of(log.get()).substr(before);
      if (said.starts_with("ready") || said.find("\nready") != std::string::npos) return;
      if (waitpid(pid, nullptr, WNOHANG) != 0) throw std::runtime_error(words.front() + " has ended:\n" + said);
      look_later();
    }
  } catch (const HungUp&) {
    // Another try must find its place free.
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    throw;
  }
}

void send_signal(const std::string& folder, int number, bool until_gone) {
  const std::string text = all_of(folder + "/pid");
  const pid_t pid = text.empty() ? 0 : std::stoi(text);
  if (pid <= 0 || kill(pid, number) != 0) fail("signal to the program of " + folder);
  // It is a child of whichever session has started it, or of nobody any more.
  while (until_gone && waitpid(pid, nullptr, WNOHANG) != pid && kill(pid, 0) == 0) {
    const std::string state = all_of("/proc/" + text + "/stat");
    if (state.find(") Z ") != std::string::npos) return;
    look_later();
  }
}

}  // namespace hand
