#include "knob/administration.h"

#include <algorithm>
#include <cerrno>

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

}  // namespace

bool Administration::takes(FrameType type) const {
  return type == FrameType::knob_list || type == FrameType::service_list || changes(type);
}

bool Administration::changes(FrameType type) const { return type == FrameType::knob_set || type == FrameType::service_change; }

Answer Administration::handle(FrameType type, std::string_view payload, const Author& author, const SendPart& send) {
  switch (type) {
    case FrameType::knob_list: return list_knobs(payload, send);
    case FrameType::knob_set: return set_knobs(payload, author);
    case FrameType::service_list: return list_services(payload, send);
    default: return change_service(payload, author);
  }
}

Answer Administration::list_knobs(std::string_view payload, const SendPart& send) {
  const KnobListRequest request = decode_knob_list(payload);
  Netns(request.netns).run([&] {
    const auto one = [&](const Knob& knob) {
      const KnobReading reading = knobs_.read(knob);
      send(FrameType::knob_entry, encode_knob_entry(knob, reading, knobs_.settable(knob, reading)));
    };
    std::vector<const Knob*> named;
    for (const std::string& name : request.names) named.push_back(&need_knob(name));
    for (const Knob* knob : named) one(*knob);
    if (!named.empty()) return;
    for (const Knob& knob : vslog::knobs()) {
      if (knob.backing != KnobBacking::service && knob.backing != KnobBacking::real_server) one(knob);
    }
  });
  return {};
}

Answer Administration::set_knobs(std::string_view payload, const Author& peer) {
  const KnobSetRequest request = decode_knob_set(payload);
  const Author author = on_behalf(peer, request.for_whom);
  witness_.before_change();
  return {FrameType::knob_changed, encode_knobs_changed(knobs_.set(request.assignments, Netns(request.netns), request.dry_run, author))};
}

Answer Administration::list_services(std::string_view payload, const SendPart& send) {
  const ServiceListRequest request = decode_service_list(payload);
  Netns(request.netns).run([&] {
    const std::vector<ServiceState> services = balancer_.list(request.service ? &*request.service : nullptr);
    if (services.empty() && request.service) throw RequestError(ENOENT, "service", "there is no virtual service " + engine::to_text(*request.service) + ".");
    for (const ServiceState& service : services) send(FrameType::service_entry, encode_service_entry(service));
  });
  return {};
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
