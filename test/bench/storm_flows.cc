// Opens UDP flows over loopback as fast as it can, each of its own destination address, and sees all of them end by their timer.
// Or gives another program's netlink sockets a buffer: --pid PID --buffer BYTES.
// Arguments: --flows N [--rate R]. Prints one JSON line: {flows, seconds, rounds}. Run it in a namespace whose table is its own and whose UDP timeout is short.
#include <algorithm>
#include <array>
#include <chrono>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kFirstAddress = 0x7f010000;       // 127.1.0.0
constexpr std::uint32_t kAddresses = 250U << 16;          // up to 127.250.255.255
constexpr std::uint16_t kPort = 20000;                    // of the destinations, and upwards
constexpr std::uint16_t kSourcePort = 20001;              // of all flows: how the reader of the results knows them
constexpr std::uint32_t kBatch = 256;                     // datagrams a system call
constexpr auto kPatience = std::chrono::seconds(60);      // for the table to become empty

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

/// A number of /proc/sys/net/netfilter, of the namespace that this process is in.
std::uint64_t setting(const char* name) {
  std::ifstream file(std::string("/proc/sys/net/netfilter/") + name);
  std::uint64_t value = 0;
  if (!(file >> value)) throw std::runtime_error(std::string(name) + " cannot be read");
  return value;
}

/// The kernel's table over netlink. Dumping it ends the flows whose time is over, which would else wait for a sweep of up to a minute.
class Table {
 public:
  Table() : socket_(mnl_socket_open(NETLINK_NETFILTER)) {
    if (socket_ == nullptr) fail("netlink socket");
    if (mnl_socket_bind(socket_, 0, MNL_SOCKET_AUTOPID) < 0) fail("bind of the netlink socket");
  }
  ~Table() { mnl_socket_close(socket_); }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  /// Waits until every flow has ended. Throws when they do not.
  void drain() {
    const auto until = Clock::now() + kPatience;
    // A timer of one second is over after at most this long.
    std::this_thread::sleep_for(std::chrono::milliseconds(1050));
    while (setting("nf_conntrack_count") > 0) {
      if (Clock::now() > until) throw std::runtime_error("the flows do not end: is the UDP timeout of this namespace short?");
      dump();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

 private:
  void dump() {
    std::array<char, 1 << 16> buffer{};
    auto* message = mnl_nlmsg_put_header(buffer.data());
    message->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    message->nlmsg_seq = ++sequence_;
    auto* family = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
    *family = {AF_UNSPEC, NFNETLINK_V0, 0};
    if (mnl_socket_sendto(socket_, message, message->nlmsg_len) < 0) fail("asking for the table");
    for (int more = MNL_CB_OK; more > MNL_CB_STOP;) {
      const ssize_t length = mnl_socket_recvfrom(socket_, buffer.data(), buffer.size());
      if (length < 0) fail("reading the table");
      more = mnl_cb_run(buffer.data(), static_cast<std::size_t>(length), sequence_, mnl_socket_get_portid(socket_), nullptr, nullptr);
      if (more < 0) fail("reading the table");
    }
  }

  mnl_socket* socket_;
  std::uint32_t sequence_ = 0;
};

/// One datagram a flow.
class Sender {
 public:
  Sender() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    if (socket_ < 0) fail("UDP socket");
    const sockaddr_in source{.sin_family = AF_INET, .sin_port = htons(kSourcePort), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    if (bind(socket_, reinterpret_cast<const sockaddr*>(&source), sizeof source) < 0) fail("bind of the UDP socket");
    for (std::uint32_t i = 0; i < kBatch; ++i) {
      data_.at(i) = {.iov_base = &byte_, .iov_len = 1};
      messages_.at(i).msg_hdr = {.msg_name = &to_.at(i), .msg_namelen = sizeof(sockaddr_in), .msg_iov = &data_.at(i), .msg_iovlen = 1, .msg_control = nullptr, .msg_controllen = 0, .msg_flags = 0};
    }
  }
  ~Sender() { close(socket_); }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  /// Opens the flows `first` to `first + count - 1`, at most a batch of them; returns how many it did open.
  std::uint32_t open(std::uint64_t first, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint64_t flow = first + i;
      to_.at(i) = {.sin_family = AF_INET,
                   .sin_port = htons(static_cast<std::uint16_t>(kPort + (flow / kAddresses))),
                   .sin_addr = {htonl(kFirstAddress + static_cast<std::uint32_t>(flow % kAddresses))},
                   .sin_zero = {}};
    }
    const int sent = sendmmsg(socket_, messages_.data(), count, 0);
    if (sent < 0) fail("sending");
    return static_cast<std::uint32_t>(sent);
  }

 private:
  int socket_;
  char byte_ = 0;
  std::array<sockaddr_in, kBatch> to_{};
  std::array<iovec, kBatch> data_{};
  std::array<mmsghdr, kBatch> messages_{};
};

void storm(std::uint64_t flows, std::uint64_t rate) {
  // A full table refuses flows: the ends are awaited before that.
  const std::uint64_t room = std::max<std::uint64_t>(1, setting("nf_conntrack_max") / 4 * 3);
  Sender sender;
  Table table;
  std::uint64_t rounds = 0;
  double seconds = 0;
  for (std::uint64_t done = 0; done < flows; ++rounds) {
    const std::uint64_t until = std::min(flows, done + room);
    const auto begin = Clock::now();
    for (const std::uint64_t first = done; done < until;) {
      done += sender.open(done, static_cast<std::uint32_t>(std::min<std::uint64_t>(kBatch, until - done)));
      if (rate > 0) std::this_thread::sleep_until(begin + std::chrono::nanoseconds((done - first) * 1'000'000'000 / rate));
    }
    seconds += std::chrono::duration<double>(Clock::now() - begin).count();
    table.drain();
  }
  std::printf("{\"flows\":%llu,\"seconds\":%.3f,\"rounds\":%llu}\n", static_cast<unsigned long long>(flows), seconds, static_cast<unsigned long long>(rounds));
}

/// Gives every netlink socket of a process a receive buffer of so many bytes (the kernel doubles them).
void set_buffers(pid_t pid, int bytes) {
  const auto process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (process < 0) fail("pidfd_open");
  for (int number = 0; number < 64; ++number) {
    const auto copy = static_cast<int>(syscall(SYS_pidfd_getfd, process, number, 0));
    if (copy < 0) continue;  // it has no such descriptor
    int domain = 0;
    socklen_t length = sizeof domain;
    const bool netlink = getsockopt(copy, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_NETLINK;
    if (netlink && setsockopt(copy, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0) fail("SO_RCVBUFFORCE");
    close(copy);
  }
  close(process);
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t flows = 0;
  std::uint64_t rate = 0;
  std::uint64_t pid = 0;
  std::uint64_t buffer = 0;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    auto& value = name == "--rate" ? rate : name == "--pid" ? pid : name == "--buffer" ? buffer : flows;
    value = std::strtoull(argv[i + 1], nullptr, 10);
  }
  try {
    if (pid > 0) {
      set_buffers(static_cast<pid_t>(pid), static_cast<int>(buffer));
    } else {
      storm(flows, rate);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "storm-flows: %s\n", error.what());
    return 1;
  }
  return 0;
}
