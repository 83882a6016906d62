#include "source/conntrack/ring_events.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>
#include <system_error>

#include "conntrack.skel.h"
#include "event/clock.h"
#include "source/bpf/bpf_log.h"
#include "source/bpf/kernel_ring.h"
#include "source/conntrack/flow_filter.h"
#include "source/conntrack/netlink_socket.h"
#include "source/refusal.h"
#include "wire/unique_fd.h"

extern "C" {
#include "bpf/flow_record.h"
}

namespace vslog {
namespace {

/// Room is given back to the kernel after so many messages, and whenever the ring was emptied.
constexpr std::size_t kRelease = 256;
/// After a round that brought so many, the next begins kGatherNs later, without being woken: then a wake-up brings many.
constexpr std::size_t kBusy = 8;
constexpr long kGatherNs = 4'000'000;
/// A message is being written at this moment.
constexpr long kSoonNs = 100'000;

UniqueFd checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return UniqueFd(fd);
}

/// The program and its maps, loaded.
class Program {
 public:
  explicit Program(const ConntrackOptions& options) {
    keep_bpf_log();
    skeleton_.reset(conntrack_bpf__open());
    if (!skeleton_) refuse_bpf("the program for the kernel cannot be opened", errno);
    if (options.queue_bytes < static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))) refuse_bpf("the ring is smaller than a page", EINVAL);
    bpf_map__set_max_entries(skeleton_->maps.flows, static_cast<std::uint32_t>(options.queue_bytes));
    skeleton_->rodata->by_protocol = options.protocols.empty() ? 0 : 1;
    for (const std::uint8_t protocol : options.protocols) skeleton_->rodata->protocols[protocol / 32] |= 1U << (protocol % 32);
    skeleton_->rodata->by_address = options.addresses.empty() ? 0 : 1;
    if (!options.addresses.empty()) bpf_map__set_max_entries(skeleton_->maps.blocks, static_cast<std::uint32_t>(options.addresses.size()));
    const int error = conntrack_bpf__load(skeleton_.get());
    if (error == -EPERM) throw SourceRefusal("a program for the kernel may not be loaded here, which takes the capability CAP_BPF.");
    if (error != 0) refuse_bpf("the kernel does not take the program", -error);
    for (const AddressBlock& block : options.addresses) {
      vslog_block key{.prefix = 8U + block.prefix, .family = static_cast<__u8>(is_ipv4(block) ? 4 : 6), .address = {}, .reserved = {}};
      std::memcpy(key.address, block.address.data(), sizeof key.address);
      const std::uint8_t wanted = 1;
      if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.blocks), &key, &wanted, BPF_ANY) != 0) refuse_bpf("the kernel does not take the wanted addresses", errno);
    }
    void* page = mmap(nullptr, sizeof(vslog_flow_page), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(skeleton_->maps.page), 0);
    if (page == MAP_FAILED) refuse_bpf("the page that is shared with the program cannot be mapped", errno);
    page_.reset(static_cast<vslog_flow_page*>(page));
  }

  int program() const { return bpf_program__fd(skeleton_->progs.copy_flow); }
  int ring() const { return bpf_map__fd(skeleton_->maps.flows); }
  vslog_flow_page& page() const { return *page_; }

 private:
  struct Destroy {
    void operator()(conntrack_bpf* s) const { conntrack_bpf__destroy(s); }
  };
  struct Unmap {
    void operator()(vslog_flow_page* page) const { munmap(page, sizeof *page); }
  };
  std::unique_ptr<conntrack_bpf, Destroy> skeleton_;
  std::unique_ptr<vslog_flow_page, Unmap> page_;
};

class RingEvents final : public FlowEvents {
 public:
  explicit RingEvents(const ConntrackOptions& options)
      : program_(options),
        ring_(program_.ring(), options.queue_bytes),
        poll_(checked(epoll_create1(EPOLL_CLOEXEC), "cannot make an epoll descriptor")),
        timer_(checked(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "cannot make a timer")) {
    // Edge-triggered: the ring is readable whenever it holds something, but only its wake-ups are asked for.
    watch(program_.ring(), EPOLLIN | EPOLLET);
    watch(timer_.get(), EPOLLIN);
    read_clocks();
    socket_.attach_program(program_.program());
    socket_.join(event_groups(options));
    drops_ = socket_.memory().drops;
    sleep_for(kSoonNs);
  }

  int poll_fd() const override { return poll_.get(); }

  void woken() override {
    std::array<epoll_event, 2> events;
    const int n = epoll_wait(poll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < n; ++i) {
      if (events[static_cast<std::size_t>(i)].data.fd != timer_.get()) continue;
      std::uint64_t count = 0;
      [[maybe_unused]] const ssize_t ignored = read(timer_.get(), &count, sizeof count);
    }
    read_clocks();
  }

  bool next(Item& out) override {
    if (++taken_ % kRelease == 0) ring_.release(ring_.position());
    for (;;) {
      if (barrier_ && ring_.position() >= *barrier_) {
        barrier_.reset();
        out = {Kind::barrier, wall(clock_ns(CLOCK_MONOTONIC)), {}};
        return true;
      }
      const KernelRing::Record record = ring_.next();
      if (record.found) {
        out = item_of(record.bytes);
        return true;
      }
      if (losses().lost != seen_lost_) {
        seen_lost_ = losses().lost;
        out = {Kind::gap, wall(clock_ns(CLOCK_MONOTONIC)), {}};
        return true;
      }
      if (!sleeps()) continue;
      taken_ = 0;
      return false;
    }
  }

  void require_barrier() override {
    barrier_ = ring_.produced();
    sleep_for(kSoonNs);
  }

  Losses losses() const override {
    const vslog_flow_page& page = program_.page();
    const std::uint64_t lost = std::atomic_ref(program_.page().lost).load(std::memory_order_acquire);
    if (lost == 0) return {socket_lost_, 0, 0};
    return {lost + socket_lost_, wall(static_cast<std::int64_t>(page.first_ns)), wall(static_cast<std::int64_t>(page.last_ns))};
  }

  std::uint64_t gaps() const override { return losses().lost; }

  const char* remedy() const override { return "Give the capture a bigger --conntrack-queue, or wish for fewer events (--conntrack-protocol, --conntrack-address)"; }

  std::uint64_t size() const override { return ring_.size(); }
  std::uint64_t used() const override { return ring_.produced() - ring_.released(); }

  void tick() override {
    // The kernel could not make a message, or not hand it over: no memory.
    const std::uint32_t drops = socket_.memory().drops;
    if (drops == drops_) return;
    socket_lost_ += drops - drops_;
    drops_ = drops;
    sleep_for(kSoonNs);
  }

 private:
  void watch(int fd, std::uint32_t events) const {
    epoll_event event{.events = events, .data = {.fd = fd}};
    if (epoll_ctl(poll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) throw std::system_error(errno, std::generic_category(), "cannot watch the ring of events");
  }

  void read_clocks() { offset_ns_ = wall_offset_ns(); }
  std::uint64_t wall(std::uint64_t monotonic_ns) const { return monotonic_ns + static_cast<std::uint64_t>(offset_ns_); }

  Item item_of(Bytes record) const {
    vslog_flow_head head{};
    if (record.size() < sizeof head) return {Kind::message, wall(clock_ns(CLOCK_MONOTONIC)), {}};
    std::memcpy(&head, record.data(), sizeof head);
    const Bytes room = record.subspan(sizeof head);
    return {Kind::message, wall(head.time_ns), room.first(std::min<std::size_t>(head.size, room.size()))};
  }

  /// Called when the ring gave nothing. True: poll_fd() becomes readable in time; false: there is something after all.
  bool sleeps() {
    ring_.release(ring_.position());
    if (taken_ > kBusy) {
      sleep_for(kGatherNs);
      return true;
    }
    // Who writes reserves, then looks at `waiting`; we set it, then look at what is reserved: one of the two sees the other.
    std::atomic_ref(program_.page().waiting).store(1, std::memory_order_seq_cst);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (ring_.produced() == ring_.position()) return true;
    std::atomic_ref(program_.page().waiting).store(0, std::memory_order_relaxed);
    if (ring_.ready()) return false;
    sleep_for(kSoonNs);
    return true;
  }

  void sleep_for(long ns) const {
    const itimerspec once{{0, 0}, {0, ns}};
    timerfd_settime(timer_.get(), 0, &once, nullptr);
  }

  Program program_;
  KernelRing ring_;
  UniqueFd poll_;
  UniqueFd timer_;
  NetlinkSocket socket_;  // after the program: it lets go of it first
  std::optional<std::uint64_t> barrier_;
  std::int64_t offset_ns_ = 0;
  std::size_t taken_ = 0;
  std::uint64_t seen_lost_ = 0;
  std::uint64_t socket_lost_ = 0;
  std::uint32_t drops_ = 0;
};

}  // namespace

std::unique_ptr<FlowEvents> make_ring_events(const ConntrackOptions& options) { return std::make_unique<RingEvents>(options); }

}  // namespace vslog
