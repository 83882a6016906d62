#include "source/bpf/kernel_pid.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <array>

namespace vslog {
namespace {

/// Asks by a program of three instructions, which runs once, in this process. 0: it cannot be run.
std::uint32_t ask() {
  constexpr std::array<bpf_insn, 3> kProgram{{
      {.code = BPF_JMP | BPF_CALL, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = BPF_FUNC_get_current_pid_tgid},
      {.code = BPF_ALU64 | BPF_RSH | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 32},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
  }};
  // Programs of this type run when they are asked to, and may sleep (kernel/bpf/syscall.c).
  bpf_prog_load_opts load{};
  load.sz = sizeof load;
  load.prog_flags = BPF_F_SLEEPABLE;
  const int program = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "vslog_pid", "Apache-2.0", kProgram.data(), kProgram.size(), &load);
  if (program < 0) return 0;
  bpf_test_run_opts run{};
  run.sz = sizeof run;
  const int error = bpf_prog_test_run_opts(program, &run);
  close(program);
  return error == 0 ? run.retval : 0;
}

}  // namespace

std::uint32_t kernel_pid() {
  static const std::uint32_t pid = [] {
    const std::uint32_t asked = ask();
    return asked != 0 ? asked : static_cast<std::uint32_t>(getpid());
  }();
  return pid;
}

}  // namespace vslog
