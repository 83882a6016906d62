#include "source/conntrack/hooks.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_hook.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "source/conntrack/flow_parser.h"
#include "source/conntrack/netlink_socket.h"
#include "wire/unique_fd.h"

namespace vslog {
namespace {

constexpr int kPatienceMs = 2000;
/// The event of a datagram over loopback is there before send() returns; this is for a machine under load.
constexpr int kProbeMs = 200;

/// Before a message's attributes.
constexpr std::size_t kMessageHead = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(nfgenmsg));

using Buffer = std::array<std::byte, 32768>;

/// Whether the function of a hook belongs to connection tracking. `message` is one answer to NFNL_MSG_HOOK_GET.
bool is_conntrack_hook(Bytes message) {
  if (message.size() < kMessageHead) return false;
  Attributes attributes(message.subspan(kMessageHead));
  for (Attribute a; attributes.next(a);) {
    if (a.type != NFNLA_HOOK_FUNCTION_NAME) continue;
    const std::string_view name(reinterpret_cast<const char*>(a.value.data()), a.value.size());
    if (name.find("conntrack") != std::string_view::npos) return true;
  }
  return false;
}

/// Asks which functions hang in a hook; nothing when the kernel cannot tell.
std::optional<bool> hook_tracks(std::uint8_t family, std::uint32_t hook) {
  const NetlinkSocket socket;
  std::array<char, 64> request{};
  nlmsghdr* const head = mnl_nlmsg_put_header(request.data());
  head->nlmsg_type = NFNL_SUBSYS_HOOK << 8 | NFNL_MSG_HOOK_GET;
  head->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  auto* const general = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(head, sizeof(nfgenmsg)));
  general->nfgen_family = family;
  general->version = NFNETLINK_V0;
  mnl_attr_put_u32(head, NFNLA_HOOK_HOOKNUM, htonl(hook));
  if (send(socket.fd(), head, head->nlmsg_len, 0) < 0) return std::nullopt;
  bool found = false;
  for (;;) {
    Buffer buffer;
    pollfd ready{socket.fd(), POLLIN, 0};
    if (poll(&ready, 1, kPatienceMs) <= 0) return std::nullopt;
    const ssize_t n = recv(socket.fd(), buffer.data(), buffer.size(), 0);
    if (n <= 0) return std::nullopt;
    Bytes rest = Bytes(buffer).first(static_cast<std::size_t>(n));
    while (rest.size() >= sizeof(nlmsghdr)) {
      nlmsghdr answer{};
      std::memcpy(&answer, rest.data(), sizeof answer);
      if (answer.nlmsg_len < sizeof answer || answer.nlmsg_len > rest.size()) return std::nullopt;
      if (answer.nlmsg_type == NLMSG_DONE) return found;
      if (answer.nlmsg_type == NLMSG_ERROR) return std::nullopt;
      found = found || is_conntrack_hook(rest.first(answer.nlmsg_len));
      rest = rest.subspan(std::min<std::size_t>(NLMSG_ALIGN(answer.nlmsg_len), rest.size()));
    }
  }
}

/// Takes the flow that `event` tells of out of the kernel's table.
void forget_flow(const NetlinkSocket& socket, Bytes event) {
  std::array<char, 512> request{};
  nlmsghdr* const head = mnl_nlmsg_put_header(request.data());
  head->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
  head->nlmsg_flags = NLM_F_REQUEST;
  auto* const general = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(head, sizeof(nfgenmsg)));
  general->nfgen_family = AF_INET;
  general->version = NFNETLINK_V0;
  Attributes attributes(event.subspan(kMessageHead));
  for (Attribute a; attributes.next(a);) {
    const bool names_it = a.type == CTA_TUPLE_ORIG || a.type == CTA_ID || a.type == CTA_ZONE;
    const std::uint16_t type = a.type == CTA_TUPLE_ORIG ? CTA_TUPLE_ORIG | NLA_F_NESTED : a.type;
    if (names_it && !mnl_attr_put_check(head, request.size(), type, a.value.size(), a.value.data())) return;
  }
  [[maybe_unused]] const ssize_t ignored = send(socket.fd(), head, head->nlmsg_len, 0);  // if it fails, the flow ends by itself
}

/// Sends a datagram to ourselves and waits for the word of its flow, which is then taken out of the table again.
bool datagram_is_tracked() {
  NetlinkSocket events;
  events.join({NFNLGRP_CONNTRACK_NEW});
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in self{};
  self.sin_family = AF_INET;
  self.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof self;
  auto* const address = reinterpret_cast<sockaddr*>(&self);
  if (!socket || bind(socket.get(), address, sizeof self) != 0 || getsockname(socket.get(), address, &size) != 0) return false;
  if (sendto(socket.get(), "", 0, 0, address, sizeof self) < 0) return false;
  bool tracked = false;
  for (;;) {
    Buffer buffer;
    pollfd ready{events.fd(), POLLIN, 0};
    if (poll(&ready, 1, kProbeMs) <= 0) return tracked;
    const ssize_t n = recv(events.fd(), buffer.data(), buffer.size(), 0);
    if (n < 0) continue;
    const Bytes event = Bytes(buffer).first(static_cast<std::size_t>(n));
    Flow flow;
    if (parse_flow(event, flow) != Parsed::flow) continue;
    tracked = true;  // whatever flow it is
    const std::uint16_t port = ntohs(self.sin_port);
    if (flow.protocol != IPPROTO_UDP || flow.original.source_port != port || flow.original.destination_port != port) continue;
    forget_flow(events, event);
    return true;
  }
}

bool has_flows() {
  std::ifstream in("/proc/sys/net/netfilter/nf_conntrack_count");
  std::uint64_t count = 0;
  in >> count;
  return count > 0;
}

}  // namespace

bool is_tracking() {
  bool listed = false;
  for (const std::uint8_t family : {NFPROTO_IPV4, NFPROTO_IPV6}) {
    for (const std::uint32_t hook : {NF_INET_PRE_ROUTING, NF_INET_LOCAL_OUT}) {
      const std::optional<bool> tracks = hook_tracks(family, hook);
      listed = listed || tracks.has_value();
      if (tracks.value_or(false)) return true;
    }
  }
  return !listed && (has_flows() || datagram_is_tracked());
}

}  // namespace vslog
