#include "source/conntrack/event_reader.h"

#include <linux/capability.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <system_error>

#include "confine/capabilities.h"
#include "event/clock.h"

namespace vslog {
namespace {

constexpr std::size_t kMessages = 64;
/// A message about a flow is 150 to 700 bytes; a longer one is cut, and is told as malformed then.
constexpr std::size_t kMessageBytes = 2048;
/// The least that a message takes of the receive buffer: its sk_buff, and data rounded up.
constexpr std::uint64_t kLeastFootprint = 512;
/// After a busy round the next begins so much later: then one system call brings many.
constexpr auto kGather = std::chrono::microseconds(500);
constexpr std::uint64_t kBusy = 16;
/// How often it is looked how full the receive buffer is, messages; twice what is used then is what it should hold.
constexpr std::uint64_t kLook = 1024;
constexpr auto kFullWait = std::chrono::milliseconds(1);

}  // namespace

/// Where messages are received: it fits a processor's second cache, as what goes through the queue does not.
struct EventReader::Batch {
  std::array<std::array<std::byte, kMessageBytes>, kMessages> bytes;
  std::array<sockaddr_nl, kMessages> from;
  std::array<iovec, kMessages> parts;
  std::array<mmsghdr, kMessages> heads;

  void arm() {
    for (std::size_t i = 0; i < kMessages; ++i) {
      parts[i] = {bytes[i].data(), kMessageBytes};
      heads[i] = {};
      heads[i].msg_hdr.msg_name = &from[i];
      heads[i].msg_hdr.msg_namelen = sizeof from[i];
      heads[i].msg_hdr.msg_iov = &parts[i];
      heads[i].msg_hdr.msg_iovlen = 1;
    }
  }
};

void EventReader::Horizon::set(std::uint64_t read, std::uint64_t used) {
  open_ = true;
  at_ = read + used / kLeastFootprint;
}

bool EventReader::Horizon::passed(std::uint64_t read, bool empty) {
  if (!open_ || (!empty && read < at_)) return false;
  open_ = false;
  return true;
}

EventReader::EventReader(NetlinkSocket& socket, EventQueue& queue, std::uint64_t max_buffer)
    : socket_(socket), queue_(queue), max_buffer_(max_buffer), stop_(eventfd(0, EFD_CLOEXEC)) {
  if (!stop_) throw std::system_error(errno, std::generic_category(), "cannot make an event descriptor");
  drops_ = socket_.memory().drops;
  // Signals are the main thread's.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] {
    give_up_rights();
    if (!refused_) run();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  // Before anybody filters system calls: then it could not any more.
  gave_up_.wait();
  if (refused_) {
    thread_.join();
    std::rethrow_exception(refused_);
  }
}

EventReader::~EventReader() {
  stopping_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = write(stop_.get(), &one, sizeof one);
  thread_.join();
}

void EventReader::require_barrier() {
  barrier_wanted_.store(true, std::memory_order_release);
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = write(stop_.get(), &one, sizeof one);
}

EventReader::Losses EventReader::losses() const {
  return {lost_.load(std::memory_order_acquire), first_ns_.load(std::memory_order_relaxed), last_ns_.load(std::memory_order_relaxed)};
}

void EventReader::give_up_rights() {
  try {
    // The buffer grows beyond the system's limit (SO_RCVBUFFORCE). What the main thread gives up later this one never has.
    keep_capabilities(capability(CAP_NET_ADMIN));
  } catch (...) {
    refused_ = std::current_exception();
  }
  gave_up_.count_down();
}

void EventReader::run() {
  try {
    const auto batch = std::make_unique<Batch>();
    batch_ = batch.get();
    while (!stopping_) {
      std::array<pollfd, 2> fds{{{socket_.fd(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
      if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "cannot wait for events");
      if (fds[1].revents != 0) {
        std::uint64_t count = 0;
        [[maybe_unused]] const ssize_t ignored = read(stop_.get(), &count, sizeof count);
      }
      while (!stopping_ && read_all() >= kBusy) std::this_thread::sleep_for(kGather);
    }
  } catch (...) {
    error_ = std::current_exception();
    failed_.store(true, std::memory_order_release);
    queue_.publish();
  }
}

std::uint64_t EventReader::read_all() {
  std::uint64_t came = 0;
  while (!stopping_) {
    if (barrier_wanted_.exchange(false, std::memory_order_acquire)) barrier_.set(read_, socket_.memory().used);
    batch_->arm();
    const int n = recvmmsg(socket_.fd(), batch_->heads.data(), kMessages, MSG_DONTWAIT, nullptr);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == ENOBUFS) {
        overrun();
        continue;
      }
      if (errno != EAGAIN && errno != EWOULDBLOCK) throw std::system_error(errno, std::generic_category(), "cannot read events");
      check_horizons(true);
      queue_.publish();
      return came;
    }
    const std::uint64_t now = clock_ns(CLOCK_REALTIME);
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
      if (batch_->from[i].nl_pid != 0) continue;  // not from the kernel
      put(EventQueue::Kind::message, now, Bytes(batch_->bytes[i]).first(batch_->heads[i].msg_len));
    }
    last_read_ns_ = now;
    read_ += static_cast<std::uint64_t>(n);
    came += static_cast<std::uint64_t>(n);
    check_horizons(false);
    queue_.publish();
    if (read_ >= look_at_) make_room();
  }
  return came;
}

void EventReader::make_room() {
  look_at_ = read_ + kLook;
  const std::uint64_t size = socket_.buffer();
  if (size < max_buffer_ && socket_.memory().used > size / 2) socket_.grow_buffer(std::min(max_buffer_, size * 2));
}

void EventReader::overrun() {
  overruns_.fetch_add(1, std::memory_order_release);
  const NetlinkSocket::Memory memory = socket_.memory();
  if (!gap_open_) {
    gap_open_ = true;
    drops_before_ = drops_;
    first_ns_.store(last_read_ns_, std::memory_order_relaxed);
  }
  // The kernel takes nothing more until the buffer was emptied: what it holds now was before the gap. net/netlink/af_netlink.c, netlink_overrun().
  gap_.set(read_, memory.used);
  if (socket_.buffer() < max_buffer_) socket_.grow_buffer(std::min(max_buffer_, socket_.buffer() * 2));
}

void EventReader::count_drops() {
  const std::uint32_t drops = socket_.memory().drops;
  lost_.fetch_add(drops - drops_, std::memory_order_release);
  drops_ = drops;
}

void EventReader::close_gap() {
  count_drops();
  // The kernel could not even make the message (no memory): nothing counted it, and it was one at least.
  if (drops_ == drops_before_) lost_.fetch_add(1, std::memory_order_release);
  last_ns_.store(clock_ns(CLOCK_REALTIME), std::memory_order_relaxed);
  gap_open_ = false;
  put(EventQueue::Kind::gap, clock_ns(CLOCK_REALTIME), {});
}

void EventReader::check_horizons(bool empty) {
  if (gap_.passed(read_, empty)) close_gap();
  if (barrier_.passed(read_, empty)) put(EventQueue::Kind::barrier, clock_ns(CLOCK_REALTIME), {});
}

void EventReader::put(EventQueue::Kind kind, std::uint64_t time_ns, Bytes bytes) {
  while (!queue_.put(kind, time_ns, bytes)) {
    // The kernel's buffer takes the load meanwhile.
    queue_.publish();
    if (stopping_) return;
    std::this_thread::sleep_for(kFullWait);
  }
}

}  // namespace vslog
