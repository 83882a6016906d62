// Ends connections of the kernel's balancer by what it allows: a real server that is removed while expire_nodest_conn is 1 takes its connections with it
// (net/netfilter/ipvs/ip_vs_ctl.c, __ip_vs_del_dest(); ip_vs_conn.c, ip_vs_expire_nodest_conn_flush()). Then everything is put back.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "engine/filter.h"
#include "event/conn_record.h"
#include "knob/balancer.h"
#include "knob/knob_store.h"
#include "wire/messages.h"

namespace vslog {

class KernelExpiry {
 public:
  using List = std::function<void(const engine::ConnFilter&, const std::function<void(const ConnRecord&)>&)>;

  KernelExpiry(KnobStore& knobs, Balancer& balancer, List list) : knobs_(knobs), balancer_(balancer), list_(std::move(list)) {}

  /// One operation: nothing else is done meanwhile. Connections of the same real servers that the filter leaves out would end too: then it is refused (EBUSY) unless
  /// `force`. `dry_run`: says what would be done. Throws RequestError; what was removed is put back first.
  ConnExpired run(const engine::ConnFilter& filter, bool force, bool dry_run, const Author& author);

 private:
  /// A real server whose connections are to end.
  struct Target {
    engine::ServiceKey service;
    engine::Endpoint at;
    Settings settings;
    std::uint64_t matched = 0;
    std::uint64_t others = 0;
  };

  std::vector<Target> plan(const engine::ConnFilter& filter, ConnExpired& result);
  void empty(const Target& target, const Author& author);
  std::uint64_t left_on(const Target& target);

  KnobStore& knobs_;
  Balancer& balancer_;
  List list_;
  std::set<std::uint64_t> matching_;  // ids of what the filter meant
};

}  // namespace vslog
