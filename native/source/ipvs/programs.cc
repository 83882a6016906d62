#include "source/ipvs/programs.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <memory>
#include <system_error>
#include <vector>

#include "ipvs.skel.h"
#include "source/bpf/bpf_log.h"
#include "source/ipvs/ipvs_source.h"
#include "source/refusal.h"

namespace vslog {
namespace {

namespace fs = std::filesystem;

/// FNV-1a over the program image: another build's programs are not gone on with.
std::uint64_t build_hash() {
  std::size_t size = 0;
  const void* image = ipvs_bpf__elf_bytes(&size);
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (std::size_t i = 0; i < size; ++i) hash = (hash ^ static_cast<const unsigned char*>(image)[i]) * 0x100000001b3ULL;
  return hash;
}

struct SkeletonDestroy {
  void operator()(ipvs_bpf* s) const { ipvs_bpf__destroy(s); }
};
using Skeleton = std::unique_ptr<ipvs_bpf, SkeletonDestroy>;

struct BtfFree {
  void operator()(btf* b) const { btf__free(b); }
};

/// True when the running kernel's ip_vs has that function.
bool has_function(const char* name) {
  const std::unique_ptr<btf, BtfFree> base(btf__load_vmlinux_btf());
  const std::unique_ptr<btf, BtfFree> module(btf__load_module_btf("ip_vs", base.get()));
  return btf__find_by_name_kind(module ? module.get() : base.get(), name, BTF_KIND_FUNC) > 0;
}

BpfFd get_pinned(const std::string& path) { return BpfFd(bpf_obj_get(path.c_str())); }

vslog_run_args run(int program) {
  vslog_run_args args{};
  // The kernel writes the argument back where it came from (bpf_prog_test_run_syscall).
  LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &args, .ctx_size_in = sizeof args);
  const int error = bpf_prog_test_run_opts(program, &opts);
  if (error != 0) throw std::system_error(-error, std::generic_category(), "cannot run the kernel side's sweep");
  return args;
}

}  // namespace

BpfFd& BpfFd::operator=(BpfFd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

BpfFd::~BpfFd() {
  if (fd_ >= 0) close(fd_);
}

IpvsPrograms::IpvsPrograms(const IpvsOptions& options) {
  keep_bpf_log();
  if (!find(options)) load(options);
}

void IpvsPrograms::open_pinned(const std::string& dir) {
  ring_ = get_pinned(dir + "/map_ring");
  config_ = get_pinned(dir + "/map_config");
  conns_ = get_pinned(dir + "/map_conns");
  losses_ = get_pinned(dir + "/map_losses");
  sweep_ = get_pinned(dir + "/prog_sweep_drops");
  reconcile_ = get_pinned(dir + "/prog_reconcile");
  refresh_ = get_pinned(dir + "/prog_refresh");
}

bool IpvsPrograms::find(const IpvsOptions& options) {
  // `complete` is pinned last: a capture killed while it was loading leaves a set without it.
  if (!fs::exists(options.pin_dir + "/complete")) {
    detach(options.pin_dir);
    return false;
  }
  open_pinned(options.pin_dir);
  for (const BpfFd* fd : {&ring_, &config_, &conns_, &losses_, &sweep_, &reconcile_, &refresh_}) {
    if (fd->get() < 0) {
      detach(options.pin_dir);
      return false;
    }
  }
  bpf_map_info info{};
  std::uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(ring_.get(), &info, &size) != 0) throw std::system_error(errno, std::generic_category(), "cannot ask for the event ring's size");
  ring_bytes_ = info.max_entries;
  map_config();
  if (config().layout != VSLOG_BPF_LAYOUT) {
    std::fprintf(stderr, "the programs in %s are of another layout than this capture's: they are replaced, and connections are read anew\n", options.pin_dir.c_str());
    config_page_.reset();
    detach(options.pin_dir);
    return false;
  }
  // Replacing programs that work would leave a gap in the log, so that is not done unasked.
  if (config().build != build_hash() || ring_bytes_ != options.ring_bytes) {
    std::fprintf(stderr, "going on with the programs and the ring of %" PRIu64 " bytes that an earlier build or setting left in %s; run vslog-capture --detach to have them replaced\n",
                 ring_bytes_, options.pin_dir.c_str());
  }
  return true;
}

void IpvsPrograms::load(const IpvsOptions& options) {
  fresh_ = true;
  const Skeleton skeleton(ipvs_bpf__open());
  if (!skeleton) refuse_bpf("cannot open the programs", errno);
  bpf_map__set_max_entries(skeleton->maps.ring, static_cast<std::uint32_t>(options.ring_bytes));
  bpf_map__set_max_entries(skeleton->maps.conns, options.max_conns);
  bpf_map__set_max_entries(skeleton->maps.drops, options.max_conns);
  if (!has_function("ip_vs_dest_update_overload")) {
    bpf_program__set_autoload(skeleton->progs.overload_enter, false);
    bpf_program__set_autoload(skeleton->progs.overload_exit, false);
  }
  int error = ipvs_bpf__load(skeleton.get());
  if (error != 0) refuse_bpf("the kernel does not take the programs", -error);

  std::error_code ignored;
  fs::create_directories(options.pin_dir, ignored);
  const auto pin = [&](int fd, const std::string& name) {
    const std::string path = options.pin_dir + "/" + name;
    if (bpf_obj_pin(fd, path.c_str()) != 0) refuse_bpf("cannot pin " + path, errno);
  };
  pin(bpf_map__fd(skeleton->maps.ring), "map_ring");
  pin(bpf_map__fd(skeleton->maps.config), "map_config");
  pin(bpf_map__fd(skeleton->maps.conns), "map_conns");
  pin(bpf_map__fd(skeleton->maps.losses), "map_losses");
  pin(bpf_program__fd(skeleton->progs.sweep_drops), "prog_sweep_drops");
  pin(bpf_program__fd(skeleton->progs.reconcile), "prog_reconcile");
  pin(bpf_program__fd(skeleton->progs.refresh), "prog_refresh");
  open_pinned(options.pin_dir);
  ring_bytes_ = options.ring_bytes;

  map_config();
  vslog_config& c = config();
  c.layout = VSLOG_BPF_LAYOUT;
  c.build = build_hash();
  c.netns = UINT32_MAX;  // nobody's, until start() has set the rest
  // Ids never repeat on a node: the seed moves by 2^30 a second, faster than connections can be made.
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  c.next_id = (static_cast<std::uint64_t>(now.tv_sec) << 30) | (static_cast<std::uint64_t>(now.tv_nsec) & 0x3fffffff);

  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton->obj) {
    if (bpf_program__type(program) != BPF_PROG_TYPE_TRACING || !bpf_program__autoload(program)) continue;
    const std::unique_ptr<bpf_link, int (*)(bpf_link*)> link(bpf_program__attach(program), bpf_link__destroy);
    if (!link) refuse_bpf(std::string("cannot attach ") + bpf_program__name(program), errno);
    pin(bpf_link__fd(link.get()), std::string("link_") + bpf_program__name(program));
  }
  pin(bpf_map__fd(skeleton->maps.config), "complete");
}

void IpvsPrograms::refresh_conns() const { run(refresh_.get()); }

bool IpvsPrograms::next_conns(Reading& reading, const std::function<void(const vslog_conn_state&)>& each) const {
  // More than any bucket of the kernel's hash holds; less would be refused by ENOSPC.
  constexpr std::uint32_t kAtOnce = 512;
  reading.keys.resize(kAtOnce);
  reading.states.resize(kAtOnce);
  std::uint32_t count = kAtOnce;
  // ENOENT: that was the end; what came with it counts.
  const int error = bpf_map_lookup_batch(conns_.get(), reading.begun ? &reading.batch : nullptr, &reading.batch, reading.keys.data(), reading.states.data(), &count, nullptr);
  if (error != 0 && error != -ENOENT) throw std::system_error(-error, std::generic_category(), "cannot read the remembered connections");
  reading.begun = true;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (reading.states[i].ended_at == 0) each(reading.states[i]);
  }
  return error == 0;
}

void IpvsPrograms::Unmap::operator()(vslog_config* page) const { munmap(page, sizeof *page); }

void IpvsPrograms::map_config() {
  void* page = mmap(nullptr, sizeof(vslog_config), PROT_READ | PROT_WRITE, MAP_SHARED, config_.get(), 0);
  if (page == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "cannot map the kernel side's configuration");
  config_page_.reset(static_cast<vslog_config*>(page));
}

vslog_loss IpvsPrograms::loss(std::uint32_t place) const {
  static const int cpus = libbpf_num_possible_cpus();
  std::vector<vslog_loss> values(static_cast<std::size_t>(cpus));
  vslog_loss sum{};
  if (bpf_map_lookup_elem(losses_.get(), &place, values.data()) != 0) return sum;
  for (const vslog_loss& v : values) {
    if (v.lost == 0) continue;
    sum.lost += v.lost;
    if (sum.first == 0 || v.first < sum.first) sum.first = v.first;
    if (v.last > sum.last) sum.last = v.last;
  }
  return sum;
}

vslog_run_args IpvsPrograms::run_sweep() const { return run(sweep_.get()); }
vslog_run_args IpvsPrograms::run_reconcile() const { return run(reconcile_.get()); }

bool IpvsPrograms::detach(const std::string& dir) {
  std::error_code error;
  if (!fs::exists(dir, error)) return false;
  bool any = false;
  // The mark first: what is left by a crash from here on counts as incomplete. Links next, so that nothing runs on maps that are gone.
  any |= fs::remove(dir + "/complete", error);
  for (const bool links : {true, false}) {
    std::vector<fs::path> paths;
    for (const fs::directory_entry& entry : fs::directory_iterator(dir, error)) {
      if (entry.path().filename().string().starts_with("link_") == links) paths.push_back(entry.path());
    }
    for (const fs::path& path : paths) any |= fs::remove(path, error);
  }
  fs::remove(dir, error);
  return any;
}

}  // namespace vslog
