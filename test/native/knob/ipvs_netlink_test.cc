// What goes to the kernel's IPVS and what is read of its answers. The six functions of libmnl that reach the kernel are replaced by a kernel in small; all others are libmnl's own.
#include "knob/ipvs_netlink.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "fake.h"
#include "wire/requests.h"

namespace vslog {
namespace {

constexpr std::uint16_t kFamily = 29;

using Attributes = std::map<std::uint16_t, std::string>;

/// A request as it came: its command, and attributes by number; those of the service and the real server apart.
struct Request {
  std::uint8_t command = 0;
  bool dump = false;
  Attributes top;
  Attributes service;
  Attributes real;
};

int remember(const nlattr* a, void* found) {
  (*static_cast<Attributes*>(found))[mnl_attr_get_type(a)] = std::string(static_cast<const char*>(mnl_attr_get_payload(a)), mnl_attr_get_payload_len(a));
  return MNL_CB_OK;
}

int take_attribute(const nlattr* a, void* request) {
  Request& r = *static_cast<Request*>(request);
  const std::uint16_t type = mnl_attr_get_type(a);
  if (type == IPVS_CMD_ATTR_SERVICE) mnl_attr_parse_nested(a, remember, &r.service);
  else if (type == IPVS_CMD_ATTR_DEST) mnl_attr_parse_nested(a, remember, &r.real);
  else remember(a, &r.top);
  return MNL_CB_OK;
}

using Write = std::function<void(nlmsghdr*)>;

struct Kernel {
  std::vector<Request> requests;
  std::vector<Write> services;  ///< the answer to GET_SERVICE, one message each
  std::vector<Write> reals;     ///< to GET_DEST
  Write config;                 ///< to GET_CONFIG
  int error = 0;                ///< what an order is answered with
  std::deque<std::string> answers;

  void take(const nlmsghdr* m) {
    const auto* const head = static_cast<const genlmsghdr*>(mnl_nlmsg_get_payload(m));
    if (m->nlmsg_type == GENL_ID_CTRL) {
      answer(*m, [](nlmsghdr* out) { mnl_attr_put_u16(out, CTRL_ATTR_FAMILY_ID, kFamily); });
      return end(*m, 0);
    }
    EXPECT_EQ(m->nlmsg_type, kFamily);
    Request& r = requests.emplace_back();
    r.command = head->cmd;
    r.dump = (m->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    mnl_attr_parse(m, sizeof(genlmsghdr), take_attribute, &r);
    if (r.command == IPVS_CMD_GET_SERVICE) {
      for (const Write& write : services) answer(*m, write);
    } else if (r.command == IPVS_CMD_GET_DEST) {
      for (const Write& write : reals) answer(*m, write);
    } else if (r.command == IPVS_CMD_GET_CONFIG && config) {
      answer(*m, config);
    }
    end(*m, error);
  }

 private:
  void answer(const nlmsghdr& to, const Write& write) {
    std::array<char, 4096> buffer{};
    nlmsghdr* const m = mnl_nlmsg_put_header(buffer.data());
    m->nlmsg_type = to.nlmsg_type;
    m->nlmsg_flags = NLM_F_MULTI;
    m->nlmsg_seq = to.nlmsg_seq;
    mnl_nlmsg_put_extra_header(m, sizeof(genlmsghdr));
    write(m);
    answers.emplace_back(buffer.data(), m->nlmsg_len);
  }
  void end(const nlmsghdr& to, int code) {
    std::array<char, 128> buffer{};
    nlmsghdr* const m = mnl_nlmsg_put_header(buffer.data());
    m->nlmsg_seq = to.nlmsg_seq;
    if ((to.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP && code == 0) {
      m->nlmsg_type = NLMSG_DONE;
      mnl_nlmsg_put_extra_header(m, sizeof(int));
    } else {
      m->nlmsg_type = NLMSG_ERROR;
      static_cast<nlmsgerr*>(mnl_nlmsg_put_extra_header(m, sizeof(nlmsgerr)))->error = -code;
    }
    answers.emplace_back(buffer.data(), m->nlmsg_len);
  }
};

Kernel* kernel = nullptr;

}  // namespace
}  // namespace vslog

extern "C" {

mnl_socket* mnl_socket_open2(int bus, int) {
  EXPECT_EQ(bus, NETLINK_GENERIC);
  return reinterpret_cast<mnl_socket*>(vslog::kernel);
}
int mnl_socket_bind(mnl_socket*, unsigned int, pid_t) { return 0; }
int mnl_socket_close(mnl_socket*) { return 0; }
unsigned int mnl_socket_get_portid(const mnl_socket*) { return 0; }
ssize_t mnl_socket_sendto(const mnl_socket*, const void* request, size_t size) {
  vslog::kernel->take(static_cast<const nlmsghdr*>(request));
  return static_cast<ssize_t>(size);
}
ssize_t mnl_socket_recvfrom(const mnl_socket*, void* buffer, size_t size) {
  if (vslog::kernel->answers.empty()) {
    ADD_FAILURE() << "more is read than was answered";
    errno = EIO;
    return -1;
  }
  const std::string bytes = vslog::kernel->answers.front();
  vslog::kernel->answers.pop_front();
  std::memcpy(buffer, bytes.data(), std::min(size, bytes.size()));
  return static_cast<ssize_t>(std::min(size, bytes.size()));
}

}  // extern "C"

namespace vslog {
namespace {

std::uint32_t u32(const Attributes& a, std::uint16_t type) {
  std::uint32_t value = 0;
  const auto at = a.find(type);
  if (at == a.end()) ADD_FAILURE() << "attribute " << type << " is missing";
  else std::memcpy(&value, at->second.data(), std::min(sizeof value, at->second.size()));
  return value;
}
std::string bytes(std::initializer_list<int> values, std::size_t size) {
  std::string out;
  for (const int v : values) out += static_cast<char>(v);
  out.resize(size, '\0');
  return out;
}

const Settings kService{{"service_scheduler", "wrr"}, {"service_flags", "flag-1"}, {"service_timeout", "60"}, {"service_netmask", "255.255.255.0"}, {"service_pe", "none"}};
const Settings kReal{{"real_weight", "5"}, {"real_forward", "tunnel"}, {"real_upper", "100"}, {"real_lower", "80"}, {"real_tunnel_type", "gue"}, {"real_tunnel_port", "6080"}, {"real_tunnel_flags", "csum"}};

class IpvsNetlinkTest : public testing::Test {
 protected:
  IpvsNetlinkTest() { kernel = &kernel_; }
  ~IpvsNetlinkTest() override { kernel = nullptr; }

  const Request& last() { return kernel_.requests.back(); }

  Kernel kernel_;
};

TEST_F(IpvsNetlinkTest, AServiceIsAddedWithAllItsSettings) {
  IpvsNetlink ipvs(true);
  ipvs.add_service(fake::service(), kService);
  EXPECT_EQ(last().command, IPVS_CMD_NEW_SERVICE);
  const Attributes& s = last().service;
  EXPECT_EQ(u32(s, IPVS_SVC_ATTR_AF), static_cast<std::uint32_t>(AF_INET));
  EXPECT_EQ(u32(s, IPVS_SVC_ATTR_PROTOCOL), static_cast<std::uint32_t>(IPPROTO_TCP));
  EXPECT_EQ(s.at(IPVS_SVC_ATTR_ADDR), bytes({192, 0, 2, 1}, 16));
  EXPECT_EQ(u32(s, IPVS_SVC_ATTR_PORT), htons(80));
  EXPECT_STREQ(s.at(IPVS_SVC_ATTR_SCHED_NAME).c_str(), "wrr");
  EXPECT_EQ(u32(s, IPVS_SVC_ATTR_TIMEOUT), 60U);
  EXPECT_EQ(s.at(IPVS_SVC_ATTR_NETMASK), bytes({255, 255, 255, 0}, 4));
  ip_vs_flags flags{};
  std::memcpy(&flags, s.at(IPVS_SVC_ATTR_FLAGS).data(), sizeof flags);
  EXPECT_EQ(flags.flags, 8U | IP_VS_SVC_F_PERSISTENT);
  EXPECT_EQ(flags.mask, ~0U);
  EXPECT_FALSE(s.contains(IPVS_SVC_ATTR_FWMARK));
  EXPECT_FALSE(s.contains(IPVS_SVC_ATTR_PE_NAME));
}

TEST_F(IpvsNetlinkTest, WithoutATimeoutItIsNotPersistent) {
  IpvsNetlink ipvs(true);
  Settings settings = kService;
  settings["service_timeout"] = "0";
  settings["service_pe"] = "sip";
  ipvs.set_service(fake::service(), settings);
  EXPECT_EQ(last().command, IPVS_CMD_SET_SERVICE);
  ip_vs_flags flags{};
  std::memcpy(&flags, last().service.at(IPVS_SVC_ATTR_FLAGS).data(), sizeof flags);
  EXPECT_EQ(flags.flags, 8U);
  EXPECT_STREQ(last().service.at(IPVS_SVC_ATTR_PE_NAME).c_str(), "sip");
}

TEST_F(IpvsNetlinkTest, AServiceIsNamedByItsMarkOrItsAddress) {
  IpvsNetlink ipvs(true);
  engine::ServiceKey mark;
  mark.fwmark = 7;
  mark.family = 6;
  ipvs.remove_service(mark);
  EXPECT_EQ(last().command, IPVS_CMD_DEL_SERVICE);
  EXPECT_EQ(u32(last().service, IPVS_SVC_ATTR_AF), static_cast<std::uint32_t>(AF_INET6));
  EXPECT_EQ(u32(last().service, IPVS_SVC_ATTR_FWMARK), 7U);
  EXPECT_EQ(last().service.size(), 2U);
  engine::ServiceKey six;
  six.family = 6;
  six.protocol = engine::kUdp;
  six.at = {{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 53};
  ipvs.remove_service(six);
  EXPECT_EQ(last().service.at(IPVS_SVC_ATTR_ADDR), bytes({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 16));
}

TEST_F(IpvsNetlinkTest, ARealServerIsAddedWithAllItsSettings) {
  IpvsNetlink ipvs(true);
  ipvs.add_real(fake::service(), fake::endpoint(2, 8080), kReal);
  EXPECT_EQ(last().command, IPVS_CMD_NEW_DEST);
  EXPECT_EQ(u32(last().service, IPVS_SVC_ATTR_PORT), htons(80));
  const Attributes& d = last().real;
  EXPECT_EQ(d.at(IPVS_DEST_ATTR_ADDR), bytes({192, 0, 2, 2}, 16));
  EXPECT_EQ(u32(d, IPVS_DEST_ATTR_ADDR_FAMILY), static_cast<std::uint32_t>(AF_INET));
  EXPECT_EQ(u32(d, IPVS_DEST_ATTR_PORT), htons(8080));
  EXPECT_EQ(u32(d, IPVS_DEST_ATTR_FWD_METHOD), static_cast<std::uint32_t>(IP_VS_CONN_F_TUNNEL));
  EXPECT_EQ(u32(d, IPVS_DEST_ATTR_WEIGHT), 5U);
  EXPECT_EQ(u32(d, IPVS_DEST_ATTR_U_THRESH), 100U);
  EXPECT_EQ(u32(d, IPVS_DEST_ATTR_L_THRESH), 80U);
  EXPECT_EQ(u32(d, IPVS_DEST_ATTR_TUN_TYPE), static_cast<std::uint32_t>(IP_VS_CONN_F_TUNNEL_TYPE_GUE));
  EXPECT_EQ(u32(d, IPVS_DEST_ATTR_TUN_PORT), htons(6080));
  EXPECT_EQ(u32(d, IPVS_DEST_ATTR_TUN_FLAGS), 1U);
}

TEST_F(IpvsNetlinkTest, ToRemoveARealServerItsAddressIsEnough) {
  IpvsNetlink ipvs(true);
  ipvs.remove_real(fake::service(), fake::endpoint(2, 8080));
  EXPECT_EQ(last().command, IPVS_CMD_DEL_DEST);
  EXPECT_EQ(last().real.size(), 3U);
}

TEST_F(IpvsNetlinkTest, ReadsServicesWithTheirRealServers) {
  kernel_.services.push_back([](nlmsghdr* m) {
    nlattr* const service = mnl_attr_nest_start(m, IPVS_CMD_ATTR_SERVICE);
    mnl_attr_put_u16(m, IPVS_SVC_ATTR_AF, AF_INET);
    mnl_attr_put_u16(m, IPVS_SVC_ATTR_PROTOCOL, IPPROTO_TCP);
    mnl_attr_put(m, IPVS_SVC_ATTR_ADDR, 16, bytes({192, 0, 2, 1}, 16).data());
    mnl_attr_put_u16(m, IPVS_SVC_ATTR_PORT, htons(80));
    mnl_attr_put_strz(m, IPVS_SVC_ATTR_SCHED_NAME, "wlc");
    const ip_vs_flags flags{IP_VS_SVC_F_PERSISTENT | IP_VS_SVC_F_HASHED | 8U, ~0U};
    mnl_attr_put(m, IPVS_SVC_ATTR_FLAGS, sizeof flags, &flags);
    mnl_attr_put_u32(m, IPVS_SVC_ATTR_TIMEOUT, 300);
    mnl_attr_put(m, IPVS_SVC_ATTR_NETMASK, 4, bytes({255, 255, 0, 0}, 4).data());
    nlattr* const stats = mnl_attr_nest_start(m, IPVS_SVC_ATTR_STATS64);
    mnl_attr_put_u64(m, IPVS_STATS_ATTR_CONNS, 1);
    mnl_attr_put_u64(m, IPVS_STATS_ATTR_INPKTS, 2);
    mnl_attr_put_u64(m, IPVS_STATS_ATTR_OUTPKTS, 3);
    mnl_attr_put_u64(m, IPVS_STATS_ATTR_INBYTES, 1ULL << 40);
    mnl_attr_put_u64(m, IPVS_STATS_ATTR_OUTBYTES, 5);
    mnl_attr_put_u64(m, IPVS_STATS_ATTR_CPS, 6);
    mnl_attr_put_u64(m, IPVS_STATS_ATTR_INPPS, 7);
    mnl_attr_put_u64(m, IPVS_STATS_ATTR_OUTPPS, 8);
    mnl_attr_put_u64(m, IPVS_STATS_ATTR_INBPS, 9);
    mnl_attr_put_u64(m, IPVS_STATS_ATTR_OUTBPS, 10);
    mnl_attr_nest_end(m, stats);
    mnl_attr_nest_end(m, service);
  });
  kernel_.reals.push_back([](nlmsghdr* m) {
    nlattr* const real = mnl_attr_nest_start(m, IPVS_CMD_ATTR_DEST);
    mnl_attr_put(m, IPVS_DEST_ATTR_ADDR, 16, bytes({192, 0, 2, 2}, 16).data());
    mnl_attr_put_u16(m, IPVS_DEST_ATTR_ADDR_FAMILY, AF_INET);
    mnl_attr_put_u16(m, IPVS_DEST_ATTR_PORT, htons(8080));
    mnl_attr_put_u32(m, IPVS_DEST_ATTR_FWD_METHOD, IP_VS_CONN_F_DROUTE | IP_VS_CONN_F_INACTIVE);
    mnl_attr_put_u32(m, IPVS_DEST_ATTR_WEIGHT, 3);
    mnl_attr_put_u32(m, IPVS_DEST_ATTR_U_THRESH, 10);
    mnl_attr_put_u32(m, IPVS_DEST_ATTR_L_THRESH, 8);
    mnl_attr_put_u32(m, IPVS_DEST_ATTR_ACTIVE_CONNS, 7);
    mnl_attr_put_u32(m, IPVS_DEST_ATTR_INACT_CONNS, 3);
    mnl_attr_put_u32(m, IPVS_DEST_ATTR_PERSIST_CONNS, 1);
    mnl_attr_nest_end(m, real);
  });
  const std::vector<ServiceState> found = IpvsNetlink(true).services();
  ASSERT_EQ(found.size(), 1U);
  const ServiceState& s = found[0];
  EXPECT_EQ(engine::to_text(s.key), "tcp 192.0.2.1:80");
  EXPECT_EQ(s.settings, (Settings{{"service_scheduler", "wlc"}, {"service_flags", "flag-1"}, {"service_timeout", "300"}, {"service_netmask", "255.255.0.0"}, {"service_pe", "none"}}));
  ASSERT_TRUE(s.traffic);
  EXPECT_EQ(s.traffic->connections, 1U);
  EXPECT_EQ(s.traffic->packets_in, 2U);
  EXPECT_EQ(s.traffic->packets_out, 3U);
  EXPECT_EQ(s.traffic->bytes_in, 1ULL << 40);
  EXPECT_EQ(s.traffic->bytes_out, 5U);
  EXPECT_EQ(s.traffic->connections_per_s, 6U);
  EXPECT_EQ(s.traffic->packets_in_per_s, 7U);
  EXPECT_EQ(s.traffic->packets_out_per_s, 8U);
  EXPECT_EQ(s.traffic->bytes_in_per_s, 9U);
  EXPECT_EQ(s.traffic->bytes_out_per_s, 10U);
  EXPECT_TRUE(last().dump);
  EXPECT_EQ(u32(last().service, IPVS_SVC_ATTR_PORT), htons(80)) << "whose real servers are asked for";
  ASSERT_EQ(s.reals.size(), 1U);
  const RealState& r = s.reals[0];
  EXPECT_EQ(engine::to_text(r.at), "192.0.2.2:8080");
  EXPECT_EQ(r.settings, (Settings{{"real_weight", "3"}, {"real_forward", "direct"}, {"real_upper", "10"}, {"real_lower", "8"}}));
  EXPECT_EQ(r.active, 7U);
  EXPECT_EQ(r.inactive, 3U);
  EXPECT_EQ(r.persistent, 1U);
  EXPECT_TRUE(r.overloaded) << "as many connections as it may have";
  EXPECT_FALSE(r.traffic);
}

TEST_F(IpvsNetlinkTest, OfAnAnswerWithoutAttributesItMakesDefaults) {
  kernel_.services.emplace_back([](nlmsghdr*) {});
  kernel_.reals.emplace_back([](nlmsghdr*) {});
  const std::vector<ServiceState> found = IpvsNetlink(true).services();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].key.at.port, 0);
  EXPECT_EQ(found[0].settings.at("service_timeout"), "0");
  ASSERT_EQ(found[0].reals.size(), 1U);
  EXPECT_FALSE(found[0].reals[0].overloaded);
}

TEST_F(IpvsNetlinkTest, TimeoutsThatAreZeroStay) {
  IpvsNetlink ipvs(true);
  kernel_.config = [](nlmsghdr* m) {
    mnl_attr_put_u32(m, IPVS_CMD_ATTR_TIMEOUT_TCP, 900);
    mnl_attr_put_u32(m, IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, 120);
    mnl_attr_put_u32(m, IPVS_CMD_ATTR_TIMEOUT_UDP, 300);
  };
  const IpvsNetlink::Timeouts now = ipvs.timeouts();
  EXPECT_EQ(now.tcp, 900U);
  EXPECT_EQ(now.tcp_fin, 120U);
  EXPECT_EQ(now.udp, 300U);
  ipvs.set_timeouts({0, 60, 0});
  EXPECT_EQ(last().command, IPVS_CMD_SET_CONFIG);
  EXPECT_EQ(last().top.size(), 1U);
  EXPECT_EQ(u32(last().top, IPVS_CMD_ATTR_TIMEOUT_TCP_FIN), 60U);
}

TEST_F(IpvsNetlinkTest, SaysWhyTheKernelDidNot) {
  IpvsNetlink ipvs(true);
  const auto said = [&](int error) {
    kernel_.error = error;
    try {
      ipvs.add_real(fake::service(), fake::endpoint(2, 8080), kReal);
    } catch (const RequestError& e) {
      return std::to_string(e.code()) + " " + e.what();
    }
    return std::string("it did");
  };
  const std::string did_not = " the kernel did not add real server 192.0.2.2:8080 to tcp 192.0.2.1:80: ";
  EXPECT_EQ(said(EEXIST), std::to_string(EEXIST) + did_not + "it is there already.");
  EXPECT_EQ(said(ESRCH), std::to_string(ENOENT) + did_not + "there is no such virtual service.");
  EXPECT_EQ(said(ENOENT), std::to_string(ENOENT) + did_not + "there is no such real server, or a scheduler or engine that is not in this kernel.");
  EXPECT_EQ(said(EPERM), std::to_string(EPERM) + did_not + "it needs CAP_NET_ADMIN.");
  EXPECT_EQ(said(ENOMEM), std::to_string(ENOMEM) + did_not + "Cannot allocate memory.");
  EXPECT_EQ(said(0), "it did");
}

}  // namespace
}  // namespace vslog
