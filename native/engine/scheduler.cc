#include "engine/scheduler.h"

#include <array>

#include "engine/schedulers/schedulers.h"

namespace vslog::engine {
namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<Scheduler> (*make)();
};

constexpr std::array<Entry, 14> kEntries{{{"rr", make_rr},
                                          {"wrr", make_wrr},
                                          {"lc", make_lc},
                                          {"wlc", make_wlc},
                                          {"sed", make_sed},
                                          {"nq", make_nq},
                                          {"fo", make_fo},
                                          {"ovf", make_ovf},
                                          {"sh", make_sh},
                                          {"dh", make_dh},
                                          {"mh", make_mh},
                                          {"lblc", make_lblc},
                                          {"lblcr", make_lblcr},
                                          {"twos", make_twos}}};

}  // namespace

const std::vector<std::string_view>& scheduler_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> n;
    n.reserve(kEntries.size());
    for (const Entry& e : kEntries) n.push_back(e.name);
    return n;
  }();
  return names;
}

std::unique_ptr<Scheduler> make_scheduler(std::string_view name, const Service& service) {
  for (const Entry& e : kEntries) {
    if (e.name != name) continue;
    std::unique_ptr<Scheduler> scheduler = e.make();
    scheduler->changed(service);
    return scheduler;
  }
  return nullptr;
}

RealServer* least_busy(const std::vector<RealServer*>& reals) {
  RealServer* least = nullptr;
  for (RealServer* const r : reals) {
    if (!r->usable()) continue;
    if (least == nullptr ? r->config.weight > 0 : busier(overhead(*least), *least, overhead(*r), *r)) least = r;
  }
  return least;
}

std::uint32_t fold(const Address& a, std::uint8_t family) {
  const auto word = [&a](std::size_t i) {
    return static_cast<std::uint32_t>(a[i]) << 24 | static_cast<std::uint32_t>(a[i + 1]) << 16 | static_cast<std::uint32_t>(a[i + 2]) << 8 | a[i + 3];
  };
  return family == 4 ? word(12) : word(0) ^ word(4) ^ word(8) ^ word(12);
}

}  // namespace vslog::engine
