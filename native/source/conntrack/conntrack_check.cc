#include "source/conntrack/conntrack_check.h"

#include <linux/netfilter/nfnetlink.h>

#include <filesystem>
#include <fstream>

#include "source/conntrack/hooks.h"
#include "source/conntrack/netlink_socket.h"
#include "source/refusal.h"

namespace vslog {
namespace {

constexpr const char* kSwitches = "/proc/sys/net/netfilter/";
/// The value of a switch; empty when there is none of that name, or it cannot be read.
std::string read_switch(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
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
  if (!is_tracking()) throw SourceRefusal(kNoHooks);
}

std::vector<std::string> examine_conntrack() {
  must_be_possible();
  std::vector<std::string> out;
  if (!is_tracking()) out.emplace_back(kNoHooks);
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
