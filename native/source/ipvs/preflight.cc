#include "source/ipvs/preflight.h"

#include <bpf/btf.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "source/refusal.h"

namespace vslog {
namespace {

namespace fs = std::filesystem;

// include/uapi/linux/capability.h
constexpr unsigned kNetAdmin = 12;
constexpr unsigned kSysAdmin = 21;
constexpr unsigned kPerfmon = 38;
constexpr unsigned kBpf = 39;

std::string kernel_release() {
  utsname u{};
  uname(&u);
  return u.release;
}

std::string read_file(const char* path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

struct BtfFree {
  void operator()(btf* b) const { btf__free(b); }
};

void check_functions() {
  const std::unique_ptr<btf, BtfFree> base(btf__load_vmlinux_btf());
  if (!base) throw SourceRefusal("cannot read the kernel's type information: " + std::string(std::strerror(errno)));
  const std::unique_ptr<btf, BtfFree> module(btf__load_module_btf("ip_vs", base.get()));
  const btf* types = module ? module.get() : base.get();  // built in: its functions are the kernel's own
  for (const char* function : {"ip_vs_in_hook", "ip_vs_conn_put", "ip_vs_conn_expire", "ip_vs_conn_in_get_proto"}) {
    if (btf__find_by_name_kind(types, function, BTF_KIND_FUNC) < 0) {
      throw SourceRefusal("kernel " + kernel_release() + " is too old, or its ip_vs is not the usual one: it has no function " + function +
                          " to watch. Linux 6.1 and 6.12 are known to work; use one of them or newer.");
    }
  }
}

void check_bpffs(const std::string& pin_dir) {
  const std::string mount_point = "/sys/fs/bpf";
  struct statfs info{};
  const fs::path parent = fs::path(pin_dir).parent_path();
  if (statfs(parent.c_str(), &info) == 0 && info.f_type == BPF_FS_MAGIC) return;
  if (parent == mount_point && mount("bpffs", mount_point.c_str(), "bpf", 0, "mode=0700") == 0) return;
  throw SourceRefusal("no bpffs is mounted at " + parent.string() + ", so nothing could outlive the capture: mount it (mount -t bpf bpf " + parent.string() +
                      ") or name another place with --pin-dir.");
}

}  // namespace

std::uint64_t effective_capabilities(const std::string& status) {
  const std::string key = "CapEff:";
  const std::size_t at = status.find(key);
  if (at == std::string::npos) return 0;
  return std::strtoull(status.c_str() + at + key.size(), nullptr, 16);
}

std::string missing_capability(std::uint64_t effective) {
  const auto has = [effective](unsigned bit) { return (effective >> bit & 1) != 0; };
  if (!has(kBpf) && !has(kSysAdmin)) return "CAP_BPF";
  if (!has(kPerfmon) && !has(kSysAdmin)) return "CAP_PERFMON";
  if (!has(kNetAdmin)) return "CAP_NET_ADMIN";
  return "";
}

void check_ipvs(const std::string& pin_dir) {
  // Before the capabilities: to become root would not help.
  if (!fs::exists("/sys/module/ip_vs") && !fs::exists("/proc/net/ip_vs")) {
    const bool there = fs::exists("/lib/modules/" + kernel_release() + "/kernel/net/netfilter/ipvs");
    throw SourceRefusal(there ? "the kernel's balancer is not loaded: run modprobe ip_vs, then start again."
                              : "kernel " + kernel_release() + " has no ip_vs: install a kernel with IPVS (CONFIG_IP_VS), or choose another --source.");
  }
  const std::string missing = missing_capability(effective_capabilities(read_file("/proc/self/status")));
  if (!missing.empty()) {
    throw SourceRefusal("source ipvs needs " + missing + ": run the capture as root, or give it the capabilities CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN.");
  }
  if (!fs::exists("/sys/kernel/btf/vmlinux")) {
    throw SourceRefusal("kernel " + kernel_release() + " carries no type information (/sys/kernel/btf/vmlinux): it must be built with CONFIG_DEBUG_INFO_BTF.");
  }
  if (fs::exists("/sys/module/ip_vs/initstate") && !fs::exists("/sys/kernel/btf/ip_vs")) {
    throw SourceRefusal("module ip_vs carries no type information (/sys/kernel/btf/ip_vs): the kernel must be built with CONFIG_DEBUG_INFO_BTF_MODULES (5.11 or newer).");
  }
  check_functions();
  check_bpffs(pin_dir);
}

}  // namespace vslog
