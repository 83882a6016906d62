#include "source/conntrack/conntrack_check.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_hook.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "source/conntrack/attributes.h"
#include "source/conntrack/netlink_socket.h"
#include "source/refusal.h"

namespace vslog {
namespace {

constexpr const char* kSwitches = "/proc/sys/net/netfilter/";
constexpr int kPatienceMs = 2000;

/// The value of a switch; empty when there is none of that name, or it cannot be read.
std::string read_switch(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

/// Whether the function of a hook belongs to connection tracking. `message` is one answer to NFNL_MSG_HOOK_GET.
bool is_conntrack_hook(Bytes message) {
  constexpr std::size_t kHead = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(nfgenmsg));
  if (message.size() < kHead) return false;
  Attributes attributes(message.subspan(kHead));
  for (Attribute a; attributes.next(a);) {
    if (a.type != NFNLA_HOOK_FUNCTION_NAME) continue;
    const std::string_view name(reinterpret_cast<const char*>(a.value.data()), a.value.size());
    if (name.find("conntrack") != std::string_view::npos) return true;
  }
  return false;
}

/// Asks which functions hang in a hook; nothing when the kernel cannot tell (CONFIG_NETFILTER_NETLINK_HOOK).
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
    std::array<std::byte, 32768> buffer;
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

/// Whether packets are tracked at all: something must have asked for it, a rule with `ct state` or NAT.
bool hooks_are_there() {
  bool known = false;
  for (const std::uint8_t family : {NFPROTO_IPV4, NFPROTO_IPV6}) {
    for (const std::uint32_t hook : {NF_INET_PRE_ROUTING, NF_INET_LOCAL_OUT}) {
      const std::optional<bool> tracks = hook_tracks(family, hook);
      known = known || tracks.has_value();
      if (tracks.value_or(false)) return true;
    }
  }
  // A kernel that does not list its hooks: tracked flows are the proof then, and to have none proves nothing.
  return !known || read_switch(std::string(kSwitches) + "nf_conntrack_count") != "0";
}

constexpr const char* kNoHooks =
    "nothing asks the kernel to track connections in this network namespace, so there is nothing to record: add a rule that needs it, such as "
    "nft 'add table inet vslog; add chain inet vslog track { type filter hook prerouting priority -200; }; add rule inet vslog track ct state new accept'.";

void must_be_possible() {
  if (!std::filesystem::exists(kSwitches + std::string("nf_conntrack_max"))) {
    throw SourceRefusal("this kernel tracks no connections: load the module nf_conntrack, or choose another --source.");
  }
  NetlinkSocket().join({NFNLGRP_CONNTRACK_NEW, NFNLGRP_CONNTRACK_DESTROY});
  const std::string events = read_switch(std::string(kSwitches) + "nf_conntrack_events");
  if (events.empty()) throw SourceRefusal("this kernel sends no events of connection tracking: it must be built with CONFIG_NF_CONNTRACK_EVENTS.");
  if (events == "0") throw SourceRefusal("net.netfilter.nf_conntrack_events is 0, so the kernel tells of no connection: set it to 1 (sysctl -w net.netfilter.nf_conntrack_events=1).");
}

}  // namespace

void check_conntrack() {
  must_be_possible();
  if (!hooks_are_there()) throw SourceRefusal(kNoHooks);
}

std::vector<std::string> examine_conntrack() {
  must_be_possible();
  std::vector<std::string> out;
  if (!hooks_are_there()) out.emplace_back(kNoHooks);
  if (read_switch(std::string(kSwitches) + "nf_conntrack_events") == "2") {
    out.emplace_back("net.netfilter.nf_conntrack_events is 2: of connections older than this capture the kernel will not tell the end, which is then found by comparing tables; 1 tells all.");
  }
  if (read_switch(std::string(kSwitches) + "nf_conntrack_acct") == "0") {
    out.emplace_back("net.netfilter.nf_conntrack_acct is 0: records have no packet and byte counts; 1 counts those of new connections.");
  }
  if (read_switch(std::string(kSwitches) + "nf_conntrack_timestamp") == "0") {
    out.emplace_back("net.netfilter.nf_conntrack_timestamp is 0: times are those at which an event was read, and of older connections the beginning is not known; 1 has the kernel keep them.");
  }
  if (read_switch("/proc/sys/net/ipv4/vs/conntrack") == "0") {
    out.emplace_back("net.ipv4.vs.conntrack is 0: connections that IPVS balances are not tracked; set it to 1, or use --source ipvs, which needs none of this.");
  }
  return out;
}

}  // namespace vslog
