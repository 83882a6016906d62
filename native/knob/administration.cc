#include "knob/administration.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "event/clock.h"
#include "knob/messages.h"

namespace vslog {
namespace {

/// The settings of what an order names, as they are; null when there is no such thing.
const Settings* find_settings(const std::vector<ServiceState>& services, const ServiceOrder& order) {
  if (services.empty()) return nullptr;
  if (!order.real) return &services.front().settings;
  const auto& reals = services.front().reals;
  const auto real = std::find_if(reals.begin(), reals.end(), [&order](const RealState& r) { return r.at == *order.real; });
  return real == reals.end() ? nullptr : &real->settings;
}

ControlKind kind_of(const ServiceOrder& order) {
  switch (order.verb) {
    case ServiceVerb::add: return order.real ? ControlKind::real_added : ControlKind::service_added;
    case ServiceVerb::set: return order.real ? ControlKind::real_changed : ControlKind::service_changed;
    case ServiceVerb::remove: return order.real ? ControlKind::real_removed : ControlKind::service_removed;
  }
  return ControlKind::unspecified;
}

/// A knob is a file of the kernel's or a netlink request: some ten microseconds.
constexpr std::size_t kKnobsAtOnce = 4;

class KnobPieces final : public Pieces {
 public:
  KnobPieces(KnobStore& knobs, const KnobListRequest& request) : knobs_(knobs), netns_(request.netns) {
    for (const std::string& name : request.names) wanted_.push_back(&need_knob(name));
    if (!wanted_.empty()) return;
    for (const Knob& knob : vslog::knobs()) {
      if (knob.backing != KnobBacking::service && knob.backing != KnobBacking::real_server) wanted_.push_back(&knob);
    }
  }

  bool next(const SendPart& send) override {
    netns_.run([&] {
      for (const std::size_t end = std::min(at_ + kKnobsAtOnce, wanted_.size()); at_ < end; ++at_) {
        const Knob& knob = *wanted_[at_];
        const KnobReading reading = knobs_.read(knob);
        send(FrameType::knob_entry, encode_knob_entry(knob, reading, knobs_.settable(knob, reading)));
      }
    });
    return at_ < wanted_.size();
  }

 private:
  KnobStore& knobs_;
  Netns netns_;
  std::vector<const Knob*> wanted_;
  std::size_t at_ = 0;
};

class ServicePieces final : public Pieces {
 public:
  ServicePieces(Balancer& balancer, const ServiceListRequest& request) : netns_(request.netns), service_(request.service) {
    netns_.run([&] { services_ = balancer.walk(service_ ? &*service_ : nullptr); });
  }

  bool next(const SendPart& send) override {
    std::optional<ServiceState> service;
    netns_.run([&] { service = services_->next(); });
    if (!service && service_ && !found_) throw RequestError(ENOENT, "service", "there is no virtual service " + engine::to_text(*service_) + ".");
    if (!service) return false;
    found_ = true;
    send(FrameType::service_entry, encode_service_entry(*service));
    return true;
  }

 private:
  Netns netns_;
  std::optional<engine::ServiceKey> service_;
  std::unique_ptr<ServiceWalk> services_;
  bool found_ = false;
};

}  // namespace

bool Administration::takes(FrameType type) const {
  return type == FrameType::knob_list || type == FrameType::service_list || changes(type);
}

bool Administration::changes(FrameType type) const { return type == FrameType::knob_set || type == FrameType::service_change; }

Answer Administration::change(FrameType type, std::string_view payload, const Author& author) {
  return type == FrameType::knob_set ? set_knobs(payload, author) : change_service(payload, author);
}

std::unique_ptr<Pieces> Administration::look(FrameType type, std::string_view payload) {
  if (type == FrameType::knob_list) return std::make_unique<KnobPieces>(knobs_, decode_knob_list(payload));
  return std::make_unique<ServicePieces>(balancer_, decode_service_list(payload));
}

Answer Administration::set_knobs(std::string_view payload, const Author& peer) {
  const KnobSetRequest request = decode_knob_set(payload);
  const Author author = on_behalf(peer, request.for_whom);
  witness_.before_change();
  return {FrameType::knob_changed, encode_knobs_changed(knobs_.set(request.assignments, Netns(request.netns), request.dry_run, author))};
}

Answer Administration::change_service(std::string_view payload, const Author& peer) {
  const ServiceChangeRequest request = decode_service_change(payload);
  const Author author = on_behalf(peer, request.for_whom);
  const ServiceOrder& order = request.order;
  witness_.before_change();
  const Netns netns(request.netns);
  std::string old_value;
  std::string new_value;
  netns.run([&] {
    const auto now = [&]() -> std::string {
      std::vector<ServiceState> services;
      try {
        services = balancer_.list(&order.service);
      } catch (const RequestError& e) {
        if (e.code() != EOPNOTSUPP || order.verb != ServiceVerb::add) throw;  // adding loads the module
      }
      const Settings* settings = find_settings(services, order);
      if (settings == nullptr) return "";
      return order.real ? describe_real(*settings) : describe_service(*settings);
    };
    old_value = now();
    const std::uint64_t begin = clock_ns(CLOCK_MONOTONIC);
    balancer_.change(order, author);
    witness_.acted(author, begin, clock_ns(CLOCK_MONOTONIC));
    new_value = now();
  });
  if (!balancer_.tells()) {
    ControlRecord record;
    record.kind = kind_of(order);
    record.time_ns = clock_ns(CLOCK_REALTIME);
    record.protocol = order.service.protocol;
    record.family = order.service.family;
    record.fwmark = order.service.fwmark;
    record.virtual_addr = order.service.at.address;
    record.virtual_port = order.service.at.port;
    if (order.real) {
      record.real_addr = order.real->address;
      record.real_port = order.real->port;
    }
    record.netns = netns.inode();
    record.old_value = old_value;
    record.new_value = new_value;
    sign(record, author);
    witness_.changed(record);
  }
  return {FrameType::service_changed, encode_service_changed(old_value, new_value)};
}

}  // namespace vslog
