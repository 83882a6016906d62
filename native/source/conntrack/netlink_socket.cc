#include "source/conntrack/netlink_socket.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "source/refusal.h"

namespace vslog {
namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

constexpr const char* kNotPermitted =
    "source conntrack needs CAP_NET_ADMIN in the user namespace that owns this network namespace: run the capture as root, or give it the capability CAP_NET_ADMIN.";

}  // namespace

void NetlinkSocket::Close::operator()(mnl_socket* socket) const { mnl_socket_close(socket); }

NetlinkSocket::NetlinkSocket() : socket_(mnl_socket_open2(NETLINK_NETFILTER, SOCK_NONBLOCK | SOCK_CLOEXEC)) {
  if (!socket_) {
    if (errno == EPROTONOSUPPORT) throw SourceRefusal("this kernel has no nfnetlink, so connection tracking cannot be watched: it must be built with CONFIG_NF_CT_NETLINK.");
    fail("cannot open a netlink socket");
  }
  if (mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) != 0) fail("cannot bind a netlink socket");
}

void NetlinkSocket::join(const std::vector<unsigned>& groups) {
  for (unsigned group : groups) {
    if (mnl_socket_setsockopt(socket_.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0) continue;
    if (errno == EPERM) throw SourceRefusal(kNotPermitted);
    fail("cannot subscribe to the events of connection tracking");
  }
}

int NetlinkSocket::fd() const { return mnl_socket_get_fd(socket_.get()); }

void NetlinkSocket::attach(std::vector<sock_filter> program) {
  if (program.empty()) return;
  const sock_fprog code{static_cast<unsigned short>(program.size()), program.data()};
  if (setsockopt(fd(), SOL_SOCKET, SO_ATTACH_FILTER, &code, sizeof code) != 0) fail("cannot attach the filter of events");
}

void NetlinkSocket::attach_program(int program) {
  if (setsockopt(fd(), SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof program) != 0) fail("cannot attach the program that copies events");
}

void NetlinkSocket::require_delivery() {
  int on = 1;
  if (mnl_socket_setsockopt(socket_.get(), NETLINK_BROADCAST_ERROR, &on, sizeof on) != 0) fail("cannot ask for reliable events");
}

std::uint64_t NetlinkSocket::grow_buffer(std::uint64_t bytes) {
  // The kernel doubles what it is given, for its own overhead.
  const int half = static_cast<int>(std::min<std::uint64_t>(bytes / 2, 1 << 30));
  if (setsockopt(fd(), SOL_SOCKET, SO_RCVBUFFORCE, &half, sizeof half) != 0) setsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &half, sizeof half);
  return buffer();
}

std::uint64_t NetlinkSocket::buffer() const {
  int bytes = 0;
  socklen_t size = sizeof bytes;
  if (getsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &bytes, &size) != 0) fail("cannot read the size of the receive buffer");
  return static_cast<std::uint64_t>(bytes);
}

NetlinkSocket::Memory NetlinkSocket::memory() const {
  std::array<std::uint32_t, SK_MEMINFO_VARS> figures{};
  socklen_t size = sizeof figures;
  if (getsockopt(fd(), SOL_SOCKET, SO_MEMINFO, figures.data(), &size) != 0) fail("cannot read the state of the receive buffer");
  return {figures[SK_MEMINFO_RMEM_ALLOC], figures[SK_MEMINFO_DROPS]};
}

void NetlinkSocket::ask_for_table() { ask(IPCTNL_MSG_CT_GET); }
void NetlinkSocket::ask_for_undelivered() { ask(IPCTNL_MSG_CT_GET_DYING); }

void NetlinkSocket::ask(unsigned message) {
  std::array<char, 64> request{};
  nlmsghdr* const head = mnl_nlmsg_put_header(request.data());
  head->nlmsg_type = static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | message);
  head->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  head->nlmsg_seq = 1;
  auto* const general = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(head, sizeof(nfgenmsg)));
  general->nfgen_family = AF_UNSPEC;
  general->version = NFNETLINK_V0;
  if (mnl_socket_sendto(socket_.get(), head, head->nlmsg_len) < 0) {
    if (errno == EPERM) throw SourceRefusal(kNotPermitted);
    fail("cannot ask for the table of connection tracking");
  }
}

void NetlinkSocket::ask_for_flow(const FlowKey& key, std::uint16_t zone, std::uint32_t sequence) {
  std::array<char, 256> request{};
  nlmsghdr* const head = mnl_nlmsg_put_header(request.data());
  head->nlmsg_type = static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET);
  head->nlmsg_flags = NLM_F_REQUEST;
  head->nlmsg_seq = sequence;
  auto* const general = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(head, sizeof(nfgenmsg)));
  general->nfgen_family = key.family == 4 ? AF_INET : AF_INET6;
  general->version = NFNETLINK_V0;
  nlattr* const tuple = mnl_attr_nest_start(head, CTA_TUPLE_ORIG);
  nlattr* const addresses = mnl_attr_nest_start(head, CTA_TUPLE_IP);
  const bool four = key.family == 4;
  const std::size_t skip = four ? 12 : 0;  // ::ffff:a.b.c.d
  mnl_attr_put(head, four ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, key.source.size() - skip, key.source.data() + skip);
  mnl_attr_put(head, four ? CTA_IP_V4_DST : CTA_IP_V6_DST, key.destination.size() - skip, key.destination.data() + skip);
  mnl_attr_nest_end(head, addresses);
  nlattr* const protocol = mnl_attr_nest_start(head, CTA_TUPLE_PROTO);
  mnl_attr_put_u8(head, CTA_PROTO_NUM, key.protocol);
  const auto type = static_cast<std::uint8_t>(key.destination_port >> 8);
  const auto code = static_cast<std::uint8_t>(key.destination_port);
  if (key.protocol == IPPROTO_ICMP) {
    mnl_attr_put_u16(head, CTA_PROTO_ICMP_ID, htons(key.source_port));
    mnl_attr_put_u8(head, CTA_PROTO_ICMP_TYPE, type);
    mnl_attr_put_u8(head, CTA_PROTO_ICMP_CODE, code);
  } else if (key.protocol == IPPROTO_ICMPV6) {
    mnl_attr_put_u16(head, CTA_PROTO_ICMPV6_ID, htons(key.source_port));
    mnl_attr_put_u8(head, CTA_PROTO_ICMPV6_TYPE, type);
    mnl_attr_put_u8(head, CTA_PROTO_ICMPV6_CODE, code);
  } else {
    // Protocols without ports do not read them.
    mnl_attr_put_u16(head, CTA_PROTO_SRC_PORT, htons(key.source_port));
    mnl_attr_put_u16(head, CTA_PROTO_DST_PORT, htons(key.destination_port));
  }
  mnl_attr_nest_end(head, protocol);
  mnl_attr_nest_end(head, tuple);
  if (zone != 0) mnl_attr_put_u16(head, CTA_ZONE, htons(zone));
  if (mnl_socket_sendto(socket_.get(), head, head->nlmsg_len) < 0) fail("cannot ask for a flow");
}

std::vector<unsigned> event_groups(const ConntrackOptions& options) {
  std::vector<unsigned> groups;
  if (options.creates) groups.push_back(NFNLGRP_CONNTRACK_NEW);
  if (options.states) groups.push_back(NFNLGRP_CONNTRACK_UPDATE);
  if (options.expires) groups.push_back(NFNLGRP_CONNTRACK_DESTROY);
  return groups;
}

}  // namespace vslog
