#include "knob/ipvs_netlink.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>

#include "knob/catalogue.h"
#include "wire/requests.h"

namespace vslog {
namespace {

constexpr std::uint32_t kPersistent = IP_VS_SVC_F_PERSISTENT;
// Attributes of the newest kernels that we read; a longer list of theirs is passed over.
constexpr std::uint16_t kMostAttributes = 32;

using Attributes = std::array<const nlattr*, kMostAttributes>;

std::string reason(int error) { return std::generic_category().message(error); }

int remember(const nlattr* attribute, void* data) {
  const std::uint16_t type = mnl_attr_get_type(attribute);
  if (type < kMostAttributes) (*static_cast<Attributes*>(data))[type] = attribute;
  return MNL_CB_OK;
}

Attributes nested(const nlattr* attribute) {
  Attributes found{};
  if (attribute != nullptr) mnl_attr_parse_nested(attribute, remember, &found);
  return found;
}

Attributes of_message(const nlmsghdr* message) {
  Attributes found{};
  mnl_attr_parse(message, sizeof(genlmsghdr), remember, &found);
  return found;
}

std::uint16_t get16(const nlattr* a) { return a != nullptr && mnl_attr_get_payload_len(a) >= 2 ? mnl_attr_get_u16(a) : 0; }
std::uint32_t get32(const nlattr* a) { return a != nullptr && mnl_attr_get_payload_len(a) >= 4 ? mnl_attr_get_u32(a) : 0; }
std::uint64_t get64(const nlattr* a) { return a == nullptr ? 0 : mnl_attr_get_payload_len(a) >= 8 ? mnl_attr_get_u64(a) : get32(a); }
std::uint8_t get8(const nlattr* a) { return a != nullptr && mnl_attr_get_payload_len(a) >= 1 ? mnl_attr_get_u8(a) : 0; }
std::string get_text(const nlattr* a) {
  if (a == nullptr) return "";
  const auto* const text = static_cast<const char*>(mnl_attr_get_payload(a));
  return {text, strnlen(text, mnl_attr_get_payload_len(a))};
}

Address get_address(const nlattr* a, bool v4) {
  Address address{};
  if (a == nullptr || mnl_attr_get_payload_len(a) < (v4 ? 4U : 16U)) return address;
  if (v4) {
    std::uint8_t bytes[4];
    std::memcpy(bytes, mnl_attr_get_payload(a), sizeof bytes);
    return map_ipv4(bytes);
  }
  std::memcpy(address.data(), mnl_attr_get_payload(a), address.size());
  return address;
}

void put_address(nlmsghdr* message, std::uint16_t type, const Address& address) {
  // union nf_inet_addr: 16 bytes whatever the family
  std::array<std::uint8_t, 16> bytes{};
  if (is_mapped_ipv4(address)) std::memcpy(bytes.data(), address.data() + 12, 4);
  else std::memcpy(bytes.data(), address.data(), 16);
  mnl_attr_put(message, type, bytes.size(), bytes.data());
}

std::uint32_t number(const Settings& settings, std::string_view name) {
  const auto at = settings.find(name);
  std::uint32_t value = 0;
  if (at != settings.end()) std::from_chars(at->second.data(), at->second.data() + at->second.size(), value);
  return value;
}

const std::string& text(const Settings& settings, std::string_view name) {
  static const std::string none;
  const auto at = settings.find(name);
  return at == settings.end() ? none : at->second;
}

Traffic traffic(const nlattr* attribute) {
  const Attributes a = nested(attribute);
  return {get64(a[IPVS_STATS_ATTR_CONNS]),  get64(a[IPVS_STATS_ATTR_INPKTS]), get64(a[IPVS_STATS_ATTR_OUTPKTS]), get64(a[IPVS_STATS_ATTR_INBYTES]), get64(a[IPVS_STATS_ATTR_OUTBYTES]),
          get64(a[IPVS_STATS_ATTR_CPS]),    get64(a[IPVS_STATS_ATTR_INPPS]),  get64(a[IPVS_STATS_ATTR_OUTPPS]),  get64(a[IPVS_STATS_ATTR_INBPS]),   get64(a[IPVS_STATS_ATTR_OUTBPS])};
}

std::string netmask_text(std::uint32_t netmask, int family) {
  if (family == AF_INET6) return std::to_string(netmask);
  std::array<char, INET_ADDRSTRLEN> out{};
  inet_ntop(AF_INET, &netmask, out.data(), out.size());
  return out.data();
}

ServiceState service_of(const nlmsghdr* message) {
  const Attributes a = nested(of_message(message)[IPVS_CMD_ATTR_SERVICE]);
  ServiceState service;
  const int family = get16(a[IPVS_SVC_ATTR_AF]);
  service.key.family = family == AF_INET6 ? 6 : 4;
  service.key.fwmark = get32(a[IPVS_SVC_ATTR_FWMARK]);
  if (service.key.fwmark == 0) {
    service.key.protocol = static_cast<std::uint8_t>(get16(a[IPVS_SVC_ATTR_PROTOCOL]));
    service.key.at.address = get_address(a[IPVS_SVC_ATTR_ADDR], family != AF_INET6);
    service.key.at.port = ntohs(get16(a[IPVS_SVC_ATTR_PORT]));
  }
  ip_vs_flags flags{};
  if (const nlattr* f = a[IPVS_SVC_ATTR_FLAGS]; f != nullptr && mnl_attr_get_payload_len(f) >= sizeof flags) std::memcpy(&flags, mnl_attr_get_payload(f), sizeof flags);
  service.settings["service_scheduler"] = get_text(a[IPVS_SVC_ATTR_SCHED_NAME]);
  service.settings["service_flags"] = flag_words(need_knob("service_flags"), flags.flags);
  service.settings["service_timeout"] = std::to_string((flags.flags & kPersistent) != 0 ? get32(a[IPVS_SVC_ATTR_TIMEOUT]) : 0);
  service.settings["service_netmask"] = netmask_text(get32(a[IPVS_SVC_ATTR_NETMASK]), family);
  const std::string pe = get_text(a[IPVS_SVC_ATTR_PE_NAME]);
  service.settings["service_pe"] = pe.empty() ? "none" : pe;
  if (a[IPVS_SVC_ATTR_STATS64] != nullptr || a[IPVS_SVC_ATTR_STATS] != nullptr) {
    service.traffic = traffic(a[IPVS_SVC_ATTR_STATS64] != nullptr ? a[IPVS_SVC_ATTR_STATS64] : a[IPVS_SVC_ATTR_STATS]);
  }
  return service;
}

RealState real_of(const nlmsghdr* message, bool v4_service) {
  const Attributes a = nested(of_message(message)[IPVS_CMD_ATTR_DEST]);
  RealState real;
  const nlattr* const family = a[IPVS_DEST_ATTR_ADDR_FAMILY];
  real.at.address = get_address(a[IPVS_DEST_ATTR_ADDR], family != nullptr ? get16(family) != AF_INET6 : v4_service);
  real.at.port = ntohs(get16(a[IPVS_DEST_ATTR_PORT]));
  const std::uint32_t upper = get32(a[IPVS_DEST_ATTR_U_THRESH]);
  real.settings["real_weight"] = std::to_string(static_cast<std::int32_t>(get32(a[IPVS_DEST_ATTR_WEIGHT])));
  real.settings["real_forward"] = std::string(number_word(need_knob("real_forward"), get32(a[IPVS_DEST_ATTR_FWD_METHOD]) & IP_VS_CONN_F_FWD_MASK));
  real.settings["real_upper"] = std::to_string(upper);
  real.settings["real_lower"] = std::to_string(get32(a[IPVS_DEST_ATTR_L_THRESH]));
  if (real.settings["real_forward"].empty()) real.settings["real_forward"] = "local";
  if (a[IPVS_DEST_ATTR_TUN_TYPE] != nullptr) {
    real.settings["real_tunnel_type"] = std::string(number_word(need_knob("real_tunnel_type"), get8(a[IPVS_DEST_ATTR_TUN_TYPE])));
    real.settings["real_tunnel_port"] = std::to_string(ntohs(get16(a[IPVS_DEST_ATTR_TUN_PORT])));
    real.settings["real_tunnel_flags"] = flag_words(need_knob("real_tunnel_flags"), get16(a[IPVS_DEST_ATTR_TUN_FLAGS]));
  }
  real.active = get32(a[IPVS_DEST_ATTR_ACTIVE_CONNS]);
  real.inactive = get32(a[IPVS_DEST_ATTR_INACT_CONNS]);
  real.persistent = get32(a[IPVS_DEST_ATTR_PERSIST_CONNS]);
  // The flag itself is told to nobody; ip_vs_dest_totalconns() is compared with the threshold.
  real.overloaded = upper != 0 && real.active + real.inactive >= upper;
  if (a[IPVS_DEST_ATTR_STATS64] != nullptr || a[IPVS_DEST_ATTR_STATS] != nullptr) {
    real.traffic = traffic(a[IPVS_DEST_ATTR_STATS64] != nullptr ? a[IPVS_DEST_ATTR_STATS64] : a[IPVS_DEST_ATTR_STATS]);
  }
  return real;
}

void put_key(nlmsghdr* message, const engine::ServiceKey& key) {
  mnl_attr_put_u16(message, IPVS_SVC_ATTR_AF, key.family == 6 ? AF_INET6 : AF_INET);
  if (key.fwmark != 0) {
    mnl_attr_put_u32(message, IPVS_SVC_ATTR_FWMARK, key.fwmark);
    return;
  }
  mnl_attr_put_u16(message, IPVS_SVC_ATTR_PROTOCOL, key.protocol);
  put_address(message, IPVS_SVC_ATTR_ADDR, key.at.address);
  mnl_attr_put_u16(message, IPVS_SVC_ATTR_PORT, htons(key.at.port));
}

void put_service_key(nlmsghdr* message, const engine::ServiceKey& key) {
  nlattr* const nest = mnl_attr_nest_start(message, IPVS_CMD_ATTR_SERVICE);
  put_key(message, key);
  mnl_attr_nest_end(message, nest);
}

void put_service(nlmsghdr* message, const engine::ServiceKey& key, const Settings& s) {
  nlattr* const nest = mnl_attr_nest_start(message, IPVS_CMD_ATTR_SERVICE);
  put_key(message, key);
  mnl_attr_put_strz(message, IPVS_SVC_ATTR_SCHED_NAME, text(s, "service_scheduler").c_str());
  const std::string& pe = text(s, "service_pe");
  if (!pe.empty() && pe != "none") mnl_attr_put_strz(message, IPVS_SVC_ATTR_PE_NAME, pe.c_str());
  const std::uint32_t timeout = number(s, "service_timeout");
  const ip_vs_flags flags{flag_bits(need_knob("service_flags"), text(s, "service_flags")) | (timeout != 0 ? kPersistent : 0U), ~0U};
  mnl_attr_put(message, IPVS_SVC_ATTR_FLAGS, sizeof flags, &flags);
  mnl_attr_put_u32(message, IPVS_SVC_ATTR_TIMEOUT, timeout);
  const std::string& mask = text(s, "service_netmask");
  std::uint32_t netmask = 0;
  if (inet_pton(AF_INET, mask.c_str(), &netmask) != 1) std::from_chars(mask.data(), mask.data() + mask.size(), netmask);
  mnl_attr_put_u32(message, IPVS_SVC_ATTR_NETMASK, netmask);
  mnl_attr_nest_end(message, nest);
}

void put_real(nlmsghdr* message, const engine::ServiceKey& key, const engine::Endpoint& at, const Settings* s) {
  put_service_key(message, key);
  nlattr* const nest = mnl_attr_nest_start(message, IPVS_CMD_ATTR_DEST);
  put_address(message, IPVS_DEST_ATTR_ADDR, at.address);
  mnl_attr_put_u16(message, IPVS_DEST_ATTR_PORT, htons(at.port));
  mnl_attr_put_u16(message, IPVS_DEST_ATTR_ADDR_FAMILY, is_mapped_ipv4(at.address) ? AF_INET : AF_INET6);
  if (s != nullptr) {
    mnl_attr_put_u32(message, IPVS_DEST_ATTR_FWD_METHOD, word_number(need_knob("real_forward"), text(*s, "real_forward")));
    mnl_attr_put_u32(message, IPVS_DEST_ATTR_WEIGHT, number(*s, "real_weight"));
    mnl_attr_put_u32(message, IPVS_DEST_ATTR_U_THRESH, number(*s, "real_upper"));
    mnl_attr_put_u32(message, IPVS_DEST_ATTR_L_THRESH, number(*s, "real_lower"));
    if (const std::string& type = text(*s, "real_tunnel_type"); !type.empty()) {
      mnl_attr_put_u8(message, IPVS_DEST_ATTR_TUN_TYPE, static_cast<std::uint8_t>(word_number(need_knob("real_tunnel_type"), type)));
      mnl_attr_put_u16(message, IPVS_DEST_ATTR_TUN_PORT, htons(static_cast<std::uint16_t>(number(*s, "real_tunnel_port"))));
      mnl_attr_put_u16(message, IPVS_DEST_ATTR_TUN_FLAGS, static_cast<std::uint16_t>(flag_bits(need_knob("real_tunnel_flags"), text(*s, "real_tunnel_flags"))));
    }
  }
  mnl_attr_nest_end(message, nest);
}

}  // namespace

void IpvsNetlink::Close::operator()(mnl_socket* socket) const { mnl_socket_close(socket); }

IpvsNetlink::IpvsNetlink(bool load) : socket_(mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC)) {
  // Asking for the family would load the module.
  if (!load && access("/proc/thread-self/net/ip_vs", F_OK) != 0) throw RequestError(EOPNOTSUPP, "", "there is no IPVS in this network namespace: module ip_vs is not loaded.");
  if (!socket_ || mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) != 0) throw RequestError(errno, "", "no netlink socket can be made: " + reason(errno) + ".");
  const int error = exchange(
      GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK, [](nlmsghdr* m) { mnl_attr_put_strz(m, CTRL_ATTR_FAMILY_NAME, IPVS_GENL_NAME); },
      [this](const nlmsghdr* m) { family_ = get16(of_message(m)[CTRL_ATTR_FAMILY_ID]); });
  if (error != 0 || family_ == 0) throw RequestError(EOPNOTSUPP, "", "this kernel has no IPVS: module ip_vs cannot be loaded.");
}

int IpvsNetlink::exchange(std::uint16_t type, std::uint8_t command, std::uint16_t flags, const Fill& fill, const Take& take) {
  std::array<char, 32 << 10> buffer;
  nlmsghdr* const message = mnl_nlmsg_put_header(buffer.data());
  message->nlmsg_type = type;
  message->nlmsg_flags = NLM_F_REQUEST | flags;
  message->nlmsg_seq = ++sequence_;
  auto* const head = static_cast<genlmsghdr*>(mnl_nlmsg_put_extra_header(message, sizeof(genlmsghdr)));
  head->cmd = command;
  head->version = IPVS_GENL_VERSION;  // 1, as the controller's
  if (fill) fill(message);
  if (mnl_socket_sendto(socket_.get(), message, message->nlmsg_len) < 0) return errno;
  const auto each = [](const nlmsghdr* m, void* data) {
    if (const Take& t = *static_cast<const Take*>(data)) t(m);
    return MNL_CB_OK;
  };
  const unsigned port = mnl_socket_get_portid(socket_.get());
  for (;;) {
    const ssize_t size = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
    if (size < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    const int more = mnl_cb_run(buffer.data(), static_cast<std::size_t>(size), sequence_, port, each, const_cast<Take*>(&take));
    if (more < 0) return errno;
    if (more == 0) return 0;
  }
}

void IpvsNetlink::order(std::uint8_t command, const Fill& fill, const std::string& what) {
  const int error = exchange(family_, command, NLM_F_ACK, fill, {});
  if (error == 0) return;
  const std::string why = error == EEXIST   ? "it is there already"
                          : error == ESRCH  ? "there is no such virtual service"
                          : error == ENOENT ? "there is no such real server, or a scheduler or engine that is not in this kernel"
                          : error == EPERM  ? "it needs CAP_NET_ADMIN"
                                            : reason(error);
  throw RequestError(error == ESRCH ? ENOENT : error, "", "the kernel did not " + what + ": " + why + ".");
}

IpvsNetlink::Timeouts IpvsNetlink::timeouts() {
  Timeouts t;
  const int error = exchange(family_, IPVS_CMD_GET_CONFIG, NLM_F_ACK, {}, [&t](const nlmsghdr* m) {
    const Attributes a = of_message(m);
    t = {get32(a[IPVS_CMD_ATTR_TIMEOUT_TCP]), get32(a[IPVS_CMD_ATTR_TIMEOUT_TCP_FIN]), get32(a[IPVS_CMD_ATTR_TIMEOUT_UDP])};
  });
  if (error != 0) throw RequestError(error, "", "the timeouts cannot be read: " + reason(error) + ".");
  return t;
}

void IpvsNetlink::set_timeouts(const Timeouts& t) {
  order(
      IPVS_CMD_SET_CONFIG,
      [&t](nlmsghdr* m) {
        if (t.tcp != 0) mnl_attr_put_u32(m, IPVS_CMD_ATTR_TIMEOUT_TCP, t.tcp);
        if (t.tcp_fin != 0) mnl_attr_put_u32(m, IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, t.tcp_fin);
        if (t.udp != 0) mnl_attr_put_u32(m, IPVS_CMD_ATTR_TIMEOUT_UDP, t.udp);
      },
      "set the timeouts");
}

std::vector<ServiceState> IpvsNetlink::services() {
  std::vector<ServiceState> found = services_alone();
  for (ServiceState& service : found) service.reals = reals(service.key);
  return found;
}

std::vector<ServiceState> IpvsNetlink::services_alone() {
  std::vector<ServiceState> found;
  const int error = exchange(family_, IPVS_CMD_GET_SERVICE, NLM_F_DUMP, {}, [&found](const nlmsghdr* m) { found.push_back(service_of(m)); });
  if (error != 0) throw RequestError(error, "", "the virtual services cannot be read: " + reason(error) + ".");
  return found;
}

std::vector<RealState> IpvsNetlink::reals(const engine::ServiceKey& service) {
  std::vector<RealState> found;
  const int error = exchange(
      family_, IPVS_CMD_GET_DEST, NLM_F_DUMP, [&service](nlmsghdr* m) { put_service_key(m, service); },
      [&](const nlmsghdr* m) { found.push_back(real_of(m, service.family != 6)); });
  if (error != 0) throw RequestError(error, "", "the real servers cannot be read: " + reason(error) + ".");
  return found;
}

void IpvsNetlink::add_service(const engine::ServiceKey& key, const Settings& settings) {
  order(IPVS_CMD_NEW_SERVICE, [&](nlmsghdr* m) { put_service(m, key, settings); }, "add virtual service " + engine::to_text(key));
}

void IpvsNetlink::set_service(const engine::ServiceKey& key, const Settings& settings) {
  order(IPVS_CMD_SET_SERVICE, [&](nlmsghdr* m) { put_service(m, key, settings); }, "change virtual service " + engine::to_text(key));
}

void IpvsNetlink::remove_service(const engine::ServiceKey& key) {
  order(IPVS_CMD_DEL_SERVICE, [&](nlmsghdr* m) { put_service_key(m, key); }, "remove virtual service " + engine::to_text(key));
}

void IpvsNetlink::add_real(const engine::ServiceKey& key, const engine::Endpoint& at, const Settings& settings) {
  order(IPVS_CMD_NEW_DEST, [&](nlmsghdr* m) { put_real(m, key, at, &settings); }, "add real server " + engine::to_text(at) + " to " + engine::to_text(key));
}

void IpvsNetlink::set_real(const engine::ServiceKey& key, const engine::Endpoint& at, const Settings& settings) {
  order(IPVS_CMD_SET_DEST, [&](nlmsghdr* m) { put_real(m, key, at, &settings); }, "change real server " + engine::to_text(at) + " of " + engine::to_text(key));
}

void IpvsNetlink::remove_real(const engine::ServiceKey& key, const engine::Endpoint& at) {
  order(IPVS_CMD_DEL_DEST, [&](nlmsghdr* m) { put_real(m, key, at, nullptr); }, "remove real server " + engine::to_text(at) + " of " + engine::to_text(key));
}

}  // namespace vslog
