#include "knob/kernel_expiry.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <thread>
#include <utility>

#include "wire/requests.h"

namespace vslog {
namespace {

/// The kernel ends the connections in a work of its own, a tick after the removal; a large table takes it longer.
constexpr auto kPatience = std::chrono::seconds(10);
constexpr auto kLookAgain = std::chrono::milliseconds(20);

constexpr const char* kKnob = "expire_nodest_conn";

/// The service that a connection belongs to and that has its real server. A template of a service with a mark or of every port has neither protocol nor port.
const ServiceState* service_of(const std::vector<ServiceState>& services, const ConnRecord& c) {
  const ServiceState* every_port = nullptr;
  for (const ServiceState& s : services) {
    const engine::ServiceKey& k = s.key;
    const bool has_real = std::any_of(s.reals.begin(), s.reals.end(), [&c](const RealState& r) { return r.at.address == c.real_addr && (r.at.port == c.real_port || r.at.port == 0 || c.real_port == 0); });
    if (!has_real || k.family != c.family) continue;
    if (k.fwmark != 0) {
      if (k.fwmark == c.fwmark) return &s;
      continue;
    }
    if (c.fwmark != 0 || k.at.address != c.virtual_addr || (k.protocol != c.protocol && c.protocol != 0)) continue;
    if (k.at.port == c.virtual_port) return &s;
    if (k.at.port == 0 || c.virtual_port == 0) every_port = &s;
  }
  return every_port;
}

const RealState& real_of(const ServiceState& service, const ConnRecord& c) {
  const auto exact = std::find_if(service.reals.begin(), service.reals.end(), [&c](const RealState& r) { return r.at.address == c.real_addr && r.at.port == c.real_port; });
  if (exact != service.reals.end()) return *exact;
  return *std::find_if(service.reals.begin(), service.reals.end(), [&c](const RealState& r) { return r.at.address == c.real_addr; });
}

std::string count(std::uint64_t n, const std::string& what) { return std::to_string(n) + " " + what + (n == 1 ? "" : "s"); }

}  // namespace

std::vector<KernelExpiry::Target> KernelExpiry::plan(const engine::ConnFilter& filter, ConnExpired& result) {
  const std::vector<ServiceState> services = balancer_.list(nullptr);
  matching_.clear();
  list_(filter, [this](const ConnRecord& c) { matching_.insert(c.conn_id); });
  result.matched = matching_.size();
  std::map<std::pair<std::string, std::string>, Target> targets;
  std::uint64_t homeless = 0;
  list_({}, [&](const ConnRecord& c) {
    const bool matches = matching_.contains(c.conn_id);
    const ServiceState* const service = service_of(services, c);
    if (service == nullptr) {
      homeless += matches ? 1 : 0;
      return;
    }
    const RealState& real = real_of(*service, c);
    Target& t = targets[{engine::to_text(service->key), engine::to_text(real.at)}];
    t.service = service->key;
    t.at = real.at;
    t.settings = real.settings;
    ++(matches ? t.matched : t.others);
  });
  if (homeless != 0) result.steps.push_back(count(homeless, "connection") + " cannot be ended: the real server is not there any more; the timer ends them.");
  std::vector<Target> wanted;
  for (auto& [name, target] : targets) {
    if (target.matched == 0) continue;
    result.others += target.others;
    wanted.push_back(std::move(target));
  }
  return wanted;
}

std::uint64_t KernelExpiry::left_on(const Target& target) {
  engine::ConnFilter filter;
  filter.real = engine::Place{target.at.address, 128, {}};
  if (target.at.port != 0) filter.real->port = target.at.port;
  if (target.service.fwmark != 0) filter.fwmark = target.service.fwmark;
  else filter.virtual_service = engine::Place{target.service.at.address, 128, {}};
  std::uint64_t left = 0;
  list_(filter, [&](const ConnRecord& c) {
    if (target.service.at.port == 0 || c.virtual_port == target.service.at.port) ++left;
  });
  return left;
}

void KernelExpiry::empty(const Target& target, const Author& author) {
  balancer_.change({ServiceVerb::remove, target.service, target.at, {}}, author);
  try {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (left_on(target) > 0 && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(kLookAgain);
  } catch (...) {
    balancer_.change({ServiceVerb::add, target.service, target.at, target.settings}, author);
    throw;
  }
  balancer_.change({ServiceVerb::add, target.service, target.at, target.settings}, author);
}

ConnExpired KernelExpiry::run(const engine::ConnFilter& filter, bool force, bool dry_run, const Author& author) {
  ConnExpired result;
  const std::vector<Target> targets = plan(filter, result);
  const KnobReading now = knobs_.read(need_knob(kKnob));
  if (!now.problem.empty()) throw RequestError(EOPNOTSUPP, kKnob, std::string(kKnob) + " cannot be read: " + now.problem);
  const bool turn = now.value == "0" && !targets.empty();
  if (turn) result.steps.emplace_back("expire_nodest_conn is set to 1: while it is, connections of any other real server that somebody removes end too.");
  for (const Target& t : targets) {
    result.steps.push_back("real server " + engine::to_text(t.at) + " is removed from virtual service " + engine::to_text(t.service) + ", which ends its " + count(t.matched + t.others, "connection") +
                           (t.others == 0 ? "" : ", " + std::to_string(t.others) + " of them outside the filter") + "; it is added again as " + describe_real(t.settings) +
                           ". Until then new connections go to the service's other real servers, or nowhere when it has none.");
  }
  if (turn) result.steps.emplace_back("expire_nodest_conn is set back to 0.");
  if (dry_run || targets.empty()) return result;
  if (result.others > 0 && !force) {
    throw RequestError(EBUSY, "filter", "the kernel ends a real server's connections all together: beside the " + std::to_string(result.matched) + " that match, " + count(result.others, "connection") +
                                            " outside the filter would end. --dry-run says which real servers; --force does it.");
  }
  const Netns own("");
  if (turn) knobs_.set({{kKnob, "1"}}, own, false, author);
  std::string trouble;
  int code = 0;
  std::uint64_t after = 0;
  for (const Target& t : targets) {
    try {
      empty(t, author);
    } catch (const RequestError& e) {
      trouble = e.what();
      code = e.code();
      break;
    }
  }
  if (turn) knobs_.set({{kKnob, "0"}}, own, false, author);
  if (!trouble.empty()) throw RequestError(code, "filter", trouble);
  // Others may have come meanwhile that match as well.
  list_(filter, [&](const ConnRecord& c) { after += matching_.contains(c.conn_id) ? 1 : 0; });
  result.ended = result.matched > after ? result.matched - after : 0;
  return result;
}

}  // namespace vslog
