#include "knob/kernel_balancer.h"

#include <algorithm>
#include <cerrno>

#include "knob/ipvs_netlink.h"
#include "wire/requests.h"

namespace vslog {
namespace {

/// ipvsadm's defaults.
Settings new_service(const engine::ServiceKey& key) {
  return {{"service_scheduler", "wlc"}, {"service_flags", "none"}, {"service_timeout", "0"}, {"service_netmask", key.family == 6 ? "128" : "255.255.255.255"}, {"service_pe", "none"}};
}

Settings new_real() { return {{"real_weight", "1"}, {"real_forward", "direct"}, {"real_upper", "0"}, {"real_lower", "0"}}; }

Settings merged(Settings base, const Settings& named) {
  for (const auto& [name, value] : named) base[name] = value;
  return base;
}

/// Asks for the real servers of one service at a time: of thousands of services all at once would take longer than anybody may be held up.
class KernelServices final : public ServiceWalk {
 public:
  explicit KernelServices(const engine::ServiceKey* only) : kernel_(false), services_(kernel_.services_alone()) {
    if (only != nullptr) std::erase_if(services_, [only](const ServiceState& s) { return s.key != *only; });
  }
  std::optional<ServiceState> next() override {
    while (at_ < services_.size()) {
      ServiceState& service = services_[at_++];
      try {
        service.reals = kernel_.reals(service.key);
      } catch (const RequestError& e) {
        if (e.code() == ESRCH || e.code() == ENOENT) continue;  // removed meanwhile
        throw;
      }
      return std::move(service);
    }
    return std::nullopt;
  }

 private:
  IpvsNetlink kernel_;
  std::vector<ServiceState> services_;
  std::size_t at_ = 0;
};

}  // namespace

std::unique_ptr<ServiceWalk> KernelBalancer::walk(const engine::ServiceKey* only) { return std::make_unique<KernelServices>(only); }

std::vector<ServiceState> KernelBalancer::list(const engine::ServiceKey* only) {
  std::vector<ServiceState> found;
  KernelServices services(only);
  while (std::optional<ServiceState> service = services.next()) found.push_back(std::move(*service));
  return found;
}

void KernelBalancer::change(const ServiceOrder& order, const Author&) {
  IpvsNetlink kernel(order.verb == ServiceVerb::add);
  if (order.verb == ServiceVerb::remove) {
    if (order.real) return kernel.remove_real(order.service, *order.real);
    return kernel.remove_service(order.service);
  }
  if (order.verb == ServiceVerb::add) {
    if (order.real) return kernel.add_real(order.service, *order.real, merged(new_real(), order.settings));
    return kernel.add_service(order.service, merged(new_service(order.service), order.settings));
  }
  // The kernel wants all of it: what is not named is given as it is.
  const std::vector<ServiceState> services = kernel.services();
  const auto service = std::find_if(services.begin(), services.end(), [&](const ServiceState& s) { return s.key == order.service; });
  if (service == services.end()) throw RequestError(ENOENT, "service", "there is no virtual service " + engine::to_text(order.service) + ".");
  if (!order.real) return kernel.set_service(order.service, merged(service->settings, order.settings));
  const auto real = std::find_if(service->reals.begin(), service->reals.end(), [&](const RealState& r) { return r.at == *order.real; });
  if (real == service->reals.end()) {
    throw RequestError(ENOENT, "real", "the virtual service " + engine::to_text(order.service) + " has no real server " + engine::to_text(*order.real) + ".");
  }
  kernel.set_real(order.service, *order.real, merged(real->settings, order.settings));
}

KnobReading KernelTimeouts::read(const Knob& knob) {
  try {
    const IpvsNetlink::Timeouts t = IpvsNetlink(false).timeouts();
    return {std::to_string(knob.name == "timeout_tcp" ? t.tcp : knob.name == "timeout_tcpfin" ? t.tcp_fin : t.udp), ""};
  } catch (const RequestError& e) {
    return {"", e.what()};
  }
}

void KernelTimeouts::write(const Knob& knob, const std::string& value, const Author&) {
  const auto seconds = static_cast<std::uint32_t>(std::stoul(value));
  IpvsNetlink::Timeouts t;
  (knob.name == "timeout_tcp" ? t.tcp : knob.name == "timeout_tcpfin" ? t.tcp_fin : t.udp) = seconds;
  IpvsNetlink(false).set_timeouts(t);
}

}  // namespace vslog
