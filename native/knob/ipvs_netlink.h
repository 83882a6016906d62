// The kernel's IPVS over its generic netlink family. include/uapi/linux/ip_vs.h, net/netfilter/ipvs/ip_vs_ctl.c.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "knob/service_state.h"

struct mnl_socket;
struct nlmsghdr;
struct nlattr;

namespace vslog {

class IpvsNetlink {
 public:
  /// Opens a socket in the calling thread's network namespace. `load`: the kernel may load its module for it. Throws RequestError when there is no IPVS, or it is not permitted.
  explicit IpvsNetlink(bool load);

  /// Seconds.
  struct Timeouts {
    std::uint32_t tcp = 0;
    std::uint32_t tcp_fin = 0;
    std::uint32_t udp = 0;
  };
  Timeouts timeouts();
  /// 0: stays as it is.
  void set_timeouts(const Timeouts& timeouts);

  std::vector<ServiceState> services();
  /// The same without their real servers.
  std::vector<ServiceState> services_alone();
  std::vector<RealState> reals(const engine::ServiceKey& service);

  /// All settings must be there, for `add` and for `set`.
  void add_service(const engine::ServiceKey& key, const Settings& settings);
  void set_service(const engine::ServiceKey& key, const Settings& settings);
  void remove_service(const engine::ServiceKey& key);
  void add_real(const engine::ServiceKey& key, const engine::Endpoint& at, const Settings& settings);
  void set_real(const engine::ServiceKey& key, const engine::Endpoint& at, const Settings& settings);
  void remove_real(const engine::ServiceKey& key, const engine::Endpoint& at);

 private:
  struct Close {
    void operator()(mnl_socket* socket) const;
  };

  using Fill = std::function<void(nlmsghdr*)>;
  using Take = std::function<void(const nlmsghdr*)>;
  /// One request and all of its answer. Returns an errno, 0 when it was done.
  int exchange(std::uint16_t type, std::uint8_t command, std::uint16_t flags, const Fill& fill, const Take& take);
  void order(std::uint8_t command, const Fill& fill, const std::string& what);

  std::unique_ptr<mnl_socket, Close> socket_;
  std::uint16_t family_ = 0;
  std::uint32_t sequence_ = 0;
};

}  // namespace vslog
