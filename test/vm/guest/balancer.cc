#include "balancer.h"

#include <linux/ip_vs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <string>

#include "netns.h"
#include "processors.h"

namespace hand {
namespace {

void tell(int option, const void* data, socklen_t size, const std::string& what) {
  const Fd fd(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  if (fd.get() < 0 || setsockopt(fd.get(), IPPROTO_IP, option, data, size) != 0) fail(what);
}

}  // namespace

void set_timeouts(int tcp, int tcpfin, int udp) {
  const ip_vs_timeout_user timeouts{tcp, tcpfin, udp};
  tell(IP_VS_SO_SET_TIMEOUT, &timeouts, sizeof timeouts, "cannot set the timeouts");
}

unsigned add_markers(unsigned first) {
  for (unsigned i = 0; i < processors(); ++i) {
    const OnProcessors on(i, i + 1);
    ip_vs_service_user marker{};
    marker.protocol = IPPROTO_TCP;  // of every mark (do_ip_vs_set_ctl)
    marker.fwmark = first + i;
    marker.netmask = ~0U;
    std::strcpy(marker.sched_name, "rr");
    tell(IP_VS_SO_SET_ADD, &marker, sizeof marker, "cannot add a marker");
    tell(IP_VS_SO_SET_DEL, &marker, sizeof marker, "cannot take a marker away");
  }
  return processors();
}

}  // namespace hand
