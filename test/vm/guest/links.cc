#include "links.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <vector>

#include "netns.h"
#include "wait.h"

namespace hand {
namespace {

/// Ms until TCP sends again what nobody has acknowledged, at least. By default it is 200, which a busy machine takes by itself: a FIN that comes twice then finds no socket,
/// and the reset that answers it ends the balancer's entry before the scenario goes on.
constexpr std::uint32_t kLeastRetransmission = 2000;

/// One request to the kernel: a head, a body, attributes.
class Request {
 public:
  Request(std::uint16_t type, std::uint16_t flags) {
    const nlmsghdr head{0, type, static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags), 1, 0};
    append(&head, sizeof head);
  }

  template <typename Body>
  void body(const Body& body) { append(&body, sizeof body); }

  void attribute(std::uint16_t type, const void* data, std::size_t size) {
    const rtattr head{static_cast<std::uint16_t>(RTA_LENGTH(size)), type};
    append(&head, sizeof head);
    append(data, size);
  }

  void attribute(std::uint16_t type, const std::string& text) { attribute(type, text.c_str(), text.size() + 1); }
  void attribute(std::uint16_t type, std::uint32_t number) { attribute(type, &number, sizeof number); }
  void attribute(std::uint16_t type, const std::vector<std::byte>& bytes) { attribute(type, bytes.data(), bytes.size()); }

  /// An attribute that holds what comes until end().
  std::size_t begin(std::uint16_t type) {
    attribute(type, nullptr, 0);
    return bytes_.size() - sizeof(rtattr);
  }

  void end(std::size_t at) {
    const auto size = static_cast<std::uint16_t>(bytes_.size() - at);
    std::memcpy(&bytes_.at(at), &size, sizeof size);
  }

  /// Sends it from the calling thread's namespace, and throws what the kernel says against it.
  void send(const std::string& what) {
    const auto size = static_cast<std::uint32_t>(bytes_.size());
    std::memcpy(bytes_.data(), &size, sizeof size);
    const Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (fd.get() < 0 || ::send(fd.get(), bytes_.data(), bytes_.size(), 0) < 0) fail(what);
    struct {
      nlmsghdr head;
      nlmsgerr error;
      char rest[4096];
    } answer{};
    if (recv(fd.get(), &answer, sizeof answer, 0) < 0) fail(what);
    if (answer.head.nlmsg_type != NLMSG_ERROR) throw std::runtime_error(what + ": the kernel answers another question");
    errno = -answer.error.error;
    if (errno != 0) fail(what);
  }

 private:
  /// Every part begins at a multiple of four bytes.
  void append(const void* data, std::size_t size) {
    const auto* from = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), from, from + size);
    bytes_.resize((bytes_.size() + 3) / 4 * 4);
  }

  std::vector<std::byte> bytes_;
};

struct Prefix {
  unsigned char family = AF_INET;
  std::vector<std::byte> address;
  unsigned char bits = 0;
};

/// "10.1.0.1/24", "fd01::1/64", "10.1.0.1".
Prefix prefix_of(const std::string& text) {
  const std::size_t slash = text.find('/');
  const std::string address = text.substr(0, slash);
  Prefix p;
  p.family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
  p.address.resize(p.family == AF_INET ? 4 : 16);
  if (inet_pton(p.family, address.c_str(), p.address.data()) != 1) throw std::runtime_error("no address: " + text);
  p.bits = static_cast<unsigned char>(slash == std::string::npos ? p.address.size() * 8 : std::stoul(text.substr(slash + 1)));
  return p;
}

unsigned index_of(const std::string& device) {
  const unsigned index = if_nametoindex(device.c_str());
  if (index == 0) fail("device " + device);
  return index;
}

bool is_running(const std::string& device) {
  const Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  device.copy(request.ifr_name, IFNAMSIZ - 1);
  if (fd.get() < 0 || ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0) fail("device " + device);
  return (request.ifr_flags & IFF_RUNNING) != 0;
}

/// Whether one of the device's IPv6 addresses is not in use yet. net/ipv6/addrconf.c, if6_seq_show(): address, index, bits, scope, flags in hexadecimal, device.
bool has_tentative(const std::string& device) {
  std::ifstream file("/proc/thread-self/net/if_inet6");
  std::string address, index, bits, scope, flags, name;
  while (file >> address >> index >> bits >> scope >> flags >> name) {
    // The address of the link alone, which the kernel gives, is not used.
    if (name == device && scope == "00" && (std::stoul(flags, nullptr, 16) & IFA_F_TENTATIVE) != 0) return true;
  }
  return false;
}

}  // namespace

void until_ready(const std::string& device) {
  until([&] { return is_running(device) && !has_tentative(device); });
}

void add_pair(int ns, const std::string& device, int peer_ns, const std::string& peer) {
  Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  request.body(ifinfomsg{});
  request.attribute(IFLA_IFNAME, device);
  request.attribute(IFLA_NET_NS_FD, static_cast<std::uint32_t>(ns));
  const std::size_t info = request.begin(IFLA_LINKINFO);
  request.attribute(IFLA_INFO_KIND, "veth");
  const std::size_t data = request.begin(IFLA_INFO_DATA);
  const std::size_t other = request.begin(VETH_INFO_PEER);
  request.body(ifinfomsg{});
  request.attribute(IFLA_IFNAME, peer);
  request.attribute(IFLA_NET_NS_FD, static_cast<std::uint32_t>(peer_ns));
  request.end(other);
  request.end(data);
  request.end(info);
  request.send("cannot add the pair of " + device + " and " + peer);
}

void add_address(const std::string& device, const std::string& address) {
  const Prefix p = prefix_of(address);
  Request request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
  ifaddrmsg body{};
  body.ifa_family = p.family;
  body.ifa_prefixlen = p.bits;
  body.ifa_flags = p.family == AF_INET6 ? IFA_F_NODAD : 0;  // it is used at once
  body.ifa_index = index_of(device);
  request.body(body);
  request.attribute(IFA_LOCAL, p.address);
  request.attribute(IFA_ADDRESS, p.address);
  request.send("cannot add " + address + " to " + device);
}

void add_route(const std::string& to, const std::string& gateway, const std::string& device) {
  const Prefix target = prefix_of(to);
  Request request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  rtmsg body{};
  body.rtm_family = target.family;
  body.rtm_dst_len = target.bits;
  body.rtm_table = RT_TABLE_MAIN;
  body.rtm_protocol = RTPROT_STATIC;
  body.rtm_scope = RT_SCOPE_UNIVERSE;
  body.rtm_type = RTN_UNICAST;
  request.body(body);
  if (target.bits > 0) request.attribute(RTA_DST, target.address);
  request.attribute(RTA_GATEWAY, prefix_of(gateway).address);
  if (!device.empty()) request.attribute(RTA_OIF, index_of(device));
  const std::size_t metrics = request.begin(RTA_METRICS);
  request.attribute(RTAX_RTO_MIN, kLeastRetransmission);
  request.end(metrics);
  request.send("cannot add the route to " + to);
}

void set_device(const std::string& device, bool up) {
  const Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  device.copy(request.ifr_name, IFNAMSIZ - 1);
  if (fd.get() < 0 || ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0) fail("device " + device);
  request.ifr_flags = static_cast<short>(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
  if (ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) fail("device " + device);
}

}  // namespace hand
