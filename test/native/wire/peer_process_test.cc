#include "wire/peer_process.h"

#include <gtest/gtest.h>
#include <linux/sched.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "event/clock.h"
#include "patience.h"
#include "wire/unique_fd.h"

namespace vslog {
namespace {

using test::eventually;

/// A unix socket that listens at an address that the kernel chose.
class Listener {
 public:
  Listener() : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_.sun_family = AF_UNIX;
    EXPECT_EQ(bind(fd_.get(), where(), sizeof(sa_family_t)), 0);
    EXPECT_EQ(getsockname(fd_.get(), where(), &size_), 0);
    EXPECT_EQ(listen(fd_.get(), 8), 0);
  }

  /// -1: it cannot.
  int connect() {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return ::connect(fd, where(), size_) == 0 ? fd : -1;
  }
  UniqueFd accept() { return UniqueFd(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)); }

 private:
  sockaddr* where() { return reinterpret_cast<sockaddr*>(&address_); }

  UniqueFd fd_;
  sockaddr_un address_{};
  socklen_t size_ = sizeof address_;
};

/// A process that does something and then waits until it is let go.
class Child {
 public:
  explicit Child(const std::function<void()>& action, pid_t wanted = 0) {
    std::array<int, 2> ready{};
    std::array<int, 2> go{};
    EXPECT_EQ(pipe2(ready.data(), O_CLOEXEC) | pipe2(go.data(), 0), 0);
    UniqueFd told(ready[0]);
    UniqueFd tell(ready[1]);
    UniqueFd waits(go[0]);
    go_ = UniqueFd(go[1]);
    pid_ = start(wanted);
    if (pid_ == 0) {
      told.reset();
      go_.reset();
      dup2(waits.get(), STDIN_FILENO);
      action();
      char c = 0;
      if (write(tell.get(), &c, 1) != 1) _exit(1);
      while (read(waits.get(), &c, 1) < 0) {}
      _exit(0);
    }
    tell.reset();
    char c = 0;
    EXPECT_GE(read(told.get(), &c, 1), 0);  // a byte: it has done it; the end: it is another program now
  }
  ~Child() { end(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  void end() {
    if (pid_ <= 0) return;
    go_.reset();
    EXPECT_EQ(waitpid(std::exchange(pid_, 0), nullptr, 0) > 0, true);
  }

 private:
  /// fork(), with a pid that is free; 0: any. clone3(2), set_tid.
  static pid_t start(pid_t wanted) {
    if (wanted == 0) return fork();
    clone_args args{};
    args.exit_signal = SIGCHLD;
    args.set_tid = reinterpret_cast<std::uint64_t>(&wanted);
    args.set_tid_size = 1;
    return static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
  }

  pid_t pid_ = 0;
  UniqueFd go_;
};

/// Plays in a pid namespace of its own, as its first process, where it may choose pids. Whatever it returns is what went wrong.
std::string in_pid_namespace(const std::function<std::string()>& play) {
  std::array<int, 2> pipe{};
  if (pipe2(pipe.data(), O_CLOEXEC) != 0) return "no pipe";
  const UniqueFd from(pipe[0]);
  UniqueFd to(pipe[1]);
  const pid_t outer = fork();
  if (outer == 0) {
    std::string said;
    if (unshare((geteuid() == 0 ? 0 : CLONE_NEWUSER) | CLONE_NEWPID | CLONE_NEWNS) != 0) {
      said = std::string("no namespaces: ") + std::strerror(errno);
    } else if (const pid_t first = fork(); first != 0) {
      waitpid(first, nullptr, 0);
      _exit(0);
    } else if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 || mount("proc", "/proc", "proc", 0, nullptr) != 0) {
      said = std::string("no /proc: ") + std::strerror(errno);
    } else {
      said = play();
      if (testing::Test::HasFailure()) said += " a check failed";
    }
    if (write(to.get(), said.data(), said.size()) != static_cast<ssize_t>(said.size())) _exit(1);
    _exit(0);
  }
  to.reset();
  std::string all;
  std::array<char, 4096> text{};
  for (ssize_t n = 0; (n = read(from.get(), text.data(), text.size())) > 0;) all.append(text.data(), static_cast<std::size_t>(n));
  int status = 0;
  waitpid(outer, &status, 0);
  return all + (status == 0 ? "" : " status " + std::to_string(status));
}

std::string said_of(const Author& author) { return "pid " + std::to_string(author.pid) + " \"" + author.command + "\" parent " + std::to_string(author.parent_pid) + " \"" + author.parent_command + "\""; }

/// A process connects, gives the socket to its child and ends; another one gets its pid. What the record then says.
std::string after_reuse(bool accepted_before, bool by_start_time) {
  Listener listener;
  std::array<int, 2> hold{};
  if (pipe2(hold.data(), O_CLOEXEC) != 0) return "no pipe";
  UniqueFd held(hold[0]);
  UniqueFd holder(hold[1]);
  Child first([&] {
    listener.connect();
    if (fork() != 0) return;
    holder.reset();
    char c = 0;
    while (read(held.get(), &c, 1) < 0) {}  // has the socket until the end of the play
    _exit(0);
  });
  const pid_t pid = first.pid();
  UniqueFd socket;
  Peer peer;
  const auto take = [&] {
    socket = listener.accept();
    peer = read_peer(socket.get());
    if (by_start_time) peer.start_time = start_time_of(peer);
  };
  if (accepted_before) {
    take();
    if (author_of(peer, socket.get()).command.find("wire-tests") == std::string::npos) return "the first process is not known while it lives";
  }
  first.end();
  if (const Author gone = author_of(accepted_before ? peer : Peer{0, {}, pid}, socket.get()); !gone.command.empty()) return "ended, but: " + said_of(gone);
  // Start times are in ticks of a hundredth of a second: not within the same one.
  const auto tick = [] { return clock_ns(CLOCK_BOOTTIME) / 10'000'000; };
  if (const auto now = tick(); !eventually([&] { return tick() > now + 1; })) return "time stands still";
  const Child other([] { prctl(PR_SET_NAME, "innocent"); }, pid);
  if (other.pid() != pid) return "the pid was not given again: " + std::string(std::strerror(errno));
  if (!accepted_before) take();
  if (peer.pid != pid) return "the socket is of pid " + std::to_string(peer.pid);
  const Author author = author_of(peer, socket.get());
  if (author.pid != static_cast<std::uint32_t>(pid) || author.uid != peer.uid) return "what the kernel kept is gone: " + said_of(author);
  if (!author.command.empty() || author.parent_pid != 0 || author.login_uid != kNoUid) return "another program: " + said_of(author);
  return "";
}

class PeerProcess : public testing::Test {
 protected:
  Listener listener_;
};

TEST_F(PeerProcess, IsWhatProcTells) {
  const UniqueFd there(listener_.connect());
  const UniqueFd here = listener_.accept();
  const Author author = author_of(read_peer(here.get()), here.get());
  EXPECT_EQ(author.uid, getuid());
  EXPECT_EQ(author.pid, static_cast<std::uint32_t>(getpid()));
  EXPECT_NE(author.command.find("wire-tests"), std::string::npos) << author.command;
  EXPECT_EQ(author.parent_pid, static_cast<std::uint32_t>(getppid()));
  EXPECT_NE(author.parent_command, "");
  EXPECT_EQ(author.through, Through::vslog);
}

TEST_F(PeerProcess, IsKnownByItsStartTimeWhereTheKernelGivesNoDescriptor) {
  const UniqueFd there(listener_.connect());
  const UniqueFd here = listener_.accept();
  Peer peer = read_peer(here.get());
  peer.start_time = start_time_of(peer);
  EXPECT_GT(peer.start_time, 0U);
  EXPECT_NE(author_of(peer, here.get()).command, "");
  peer.start_time -= 1;
  EXPECT_EQ(author_of(peer, here.get()).command, "") << "an older process had the pid";
  peer.uid += 1;
  EXPECT_EQ(start_time_of(peer), 0U) << "another user's process has it now";
}

TEST_F(PeerProcess, ThatIsNotThereIsItsUserAlone) {
  const Author author = author_of(Peer{1000, {}, 0}, -1);
  EXPECT_EQ(author.uid, 1000U);
  EXPECT_EQ(author.command, "");
  EXPECT_EQ(author.parent_pid, 0U);
}

TEST_F(PeerProcess, ThatHasEndedIsItsUserAndPidAlone) {
  Child child([this] { listener_.connect(); });
  const pid_t pid = child.pid();
  const UniqueFd here = listener_.accept();
  const Peer peer = read_peer(here.get());
  child.end();
  const Author author = author_of(peer, here.get());
  EXPECT_EQ(author.uid, getuid());
  EXPECT_EQ(author.pid, static_cast<std::uint32_t>(pid));
  EXPECT_EQ(author.command, "");
  EXPECT_EQ(author.parent_pid, 0U);
}

TEST_F(PeerProcess, IsNeverAnotherOneThatHasItsPid) {
  EXPECT_EQ(in_pid_namespace([] { return after_reuse(true, false); }), "");
  EXPECT_EQ(in_pid_namespace([] { return after_reuse(true, true); }), "") << "by start time";
  const UniqueFd there(listener_.connect());
  if (!has_peer_pidfd(listener_.accept().get())) return;  // then nothing tells
  EXPECT_EQ(in_pid_namespace([] { return after_reuse(false, false); }), "") << "between connect and accept";
}

TEST_F(PeerProcess, WhoseParentEndedHasAnotherOne) {
  const auto play = []() -> std::string {
    Listener listener;
    std::array<int, 2> hold{};
    if (pipe2(hold.data(), O_CLOEXEC) != 0) return "no pipe";
    const UniqueFd held(hold[0]);
    UniqueFd holder(hold[1]);
    Child parent([&] {
      if (fork() != 0) return;
      listener.connect();
      holder.reset();
      char c = 0;
      while (read(held.get(), &c, 1) < 0) {}
      _exit(0);
    });
    const UniqueFd here = listener.accept();
    const Peer peer = read_peer(here.get());
    const pid_t before = parent.pid();
    if (const Author author = author_of(peer, here.get()); author.parent_pid != static_cast<std::uint32_t>(before)) return "at first: " + said_of(author);
    parent.end();
    const Child other([] { prctl(PR_SET_NAME, "innocent"); }, before);
    const Author author = author_of(peer, here.get());
    return author.parent_pid == 1 && author.parent_command != "innocent" ? "" : said_of(author);
  };
  EXPECT_EQ(in_pid_namespace(play), "");
}

TEST_F(PeerProcess, WhatItMadeOfItsCommandLineIsPlainAndNoLongerThanKept) {
  const std::string longest(100'000, 'x');
  Child child([&] {
    listener_.connect();
    execl("/bin/sh", "\x1b]0;owned\x07\u202e", "-c", "read x", "\xff", longest.c_str(), nullptr);
  });
  const UniqueFd here = listener_.accept();
  const Author author = author_of(read_peer(here.get()), here.get());
  EXPECT_TRUE(author.command.starts_with("\\x1b]0;owned\\x07\\u202e -c read x \\xff xxx")) << author.command;
  EXPECT_TRUE(author.command.ends_with("xxx…")) << author.command;
  EXPECT_LE(author.command.size(), 300U);
}

}  // namespace
}  // namespace vslog
