#include "knob/knob_events.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "knob.skel.h"
#include "source/bpf/bpf_log.h"
#include "source/bpf/kernel_pid.h"
#include "source/bpf/kernel_ring.h"
#include "source/bpf/process_author.h"

extern "C" {
#include "bpf/knob_record.h"
}

namespace vslog {
namespace {

struct Destroy {
  void operator()(knob_bpf* s) const { knob_bpf__destroy(s); }
  void operator()(btf* b) const { btf__free(b); }
};

/// True when the running kernel, or its module ip_vs, has that function.
bool has_function(const char* name, bool of_ipvs) {
  const std::unique_ptr<btf, Destroy> base(btf__load_vmlinux_btf());
  if (!base) return false;
  if (btf__find_by_name_kind(base.get(), name, BTF_KIND_FUNC) > 0) return true;
  if (!of_ipvs) return false;
  const std::unique_ptr<btf, Destroy> module(btf__load_module_btf("ip_vs", base.get()));
  return module && btf__find_by_name_kind(module.get(), name, BTF_KIND_FUNC) > 0;
}

std::string text(const char* bytes, std::size_t size) { return {bytes, strnlen(bytes, size)}; }

class BpfKnobEvents final : public KnobEvents {
 public:
  explicit BpfKnobEvents(std::unique_ptr<knob_bpf, Destroy> skeleton)
      : skeleton_(std::move(skeleton)), ring_(bpf_map__fd(skeleton_->maps.changes), bpf_map__max_entries(skeleton_->maps.changes)) {}

  int poll_fd() const override { return bpf_map__fd(skeleton_->maps.changes); }

  std::optional<KnobEvent> next() override {
    for (;;) {
      const KernelRing::Record record = ring_.next();
      if (!record.found) return std::nullopt;
      std::optional<KnobEvent> event = read(record.bytes);
      ring_.release(ring_.position());
      if (event) return event;
    }
  }

  std::uint32_t own_pid() const override { return kernel_pid(); }

  std::uint64_t lost() const override {
    const std::uint32_t zero = 0;
    std::uint64_t count = 0;
    bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.lost), &zero, &count);
    return count;
  }

 private:
  static std::optional<KnobEvent> read(std::span<const std::byte> bytes) {
    vslog_knob_record r{};
    if (bytes.size() < sizeof r) return std::nullopt;
    std::memcpy(&r, bytes.data(), sizeof r);
    if (r.size != sizeof r) return std::nullopt;
    KnobEvent event;
    event.time = r.time;
    event.netns = r.netns;
    event.author = author_of(r.author);
    std::memcpy(event.after, r.after, sizeof event.after);
    if (r.type == VSLOG_KNOB_TIMEOUTS) return event;
    const std::string folder = text(r.folder, sizeof r.folder);
    event.path = (folder == "vs" ? "net/ipv4/vs/" : "net/" + folder + "/") + text(r.name, sizeof r.name);
    event.length = r.length;
    std::memcpy(event.before, r.before, sizeof event.before);
    return event;
  }

  std::unique_ptr<knob_bpf, Destroy> skeleton_;
  KernelRing ring_;
};

}  // namespace

std::unique_ptr<KnobEvents> watch_knob_events(std::string& why) {
  keep_bpf_log();
  if (!has_function("proc_sys_call_handler", false)) {
    why = "this kernel's BTF has no proc_sys_call_handler.";
    return nullptr;
  }
  std::unique_ptr<knob_bpf, Destroy> skeleton(knob_bpf__open());
  if (!skeleton) {
    why = "the program for the kernel cannot be opened.";
    return nullptr;
  }
  bpf_program__set_autoload(skeleton->progs.timeouts_set, has_function("ip_vs_set_timeout", true));
  int error = knob_bpf__load(skeleton.get());
  if (error == 0) error = knob_bpf__attach(skeleton.get());
  if (error != 0) {
    why = error == -EPERM ? "this kernel lets nobody trace it, or it takes the capabilities CAP_BPF and CAP_PERFMON." : "the kernel does not take the program: " + std::generic_category().message(-error) + ".";
    return nullptr;
  }
  try {
    return std::make_unique<BpfKnobEvents>(std::move(skeleton));
  } catch (const std::system_error& e) {
    why = std::string(e.what()) + ".";
    return nullptr;
  }
}

}  // namespace vslog
