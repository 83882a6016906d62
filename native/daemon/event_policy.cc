#include "daemon/event_policy.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "event/clock.h"

namespace vslog {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

constexpr std::uint32_t bit(EventKind kind) { return 1U << static_cast<unsigned>(kind); }

constexpr EventKind kNamed[] = {EventKind::create, EventKind::expire, EventKind::nodest_drop, EventKind::sched_fail, EventKind::state};

}  // namespace

std::uint32_t parse_event_kinds(std::string_view list) {
  std::uint32_t kinds = 0;
  if (list == "none") return kinds;
  for (;;) {
    const std::size_t end = list.find(',');
    const std::string_view word = list.substr(0, end);
    std::uint32_t found = 0;
    for (const EventKind kind : kNamed) {
      if (to_string(kind) == word) found = bit(kind);
    }
    if (found == 0) throw std::invalid_argument("\"" + std::string(word) + "\" must be create, expire, nodest_drop, sched_fail or state");
    kinds |= found;
    if (end == std::string_view::npos) break;
    list.remove_prefix(end + 1);
  }
  std::uint32_t all = 0;
  for (const EventKind kind : kNamed) all |= bit(kind);
  if (kinds == all) return ~0U;
  if ((kinds & bit(EventKind::create)) != 0) kinds |= bit(EventKind::snapshot);
  return kinds;
}

HiddenSides parse_hidden_sides(std::string_view list) {
  HiddenSides sides{HiddenSide::none, HiddenSide::none, HiddenSide::none};
  for (;;) {
    const std::size_t end = list.find(',');
    const std::string_view word = list.substr(0, end);
    HiddenSide* const side = word == "client" ? &sides.client : word == "virtual" ? &sides.virtual_side : word == "real" ? &sides.real : nullptr;
    if (side == nullptr) throw std::invalid_argument("\"" + std::string(word) + "\" must be client, virtual or real; or all of it auto");
    *side = HiddenSide::all;
    if (end == std::string_view::npos) return sides;
    list.remove_prefix(end + 1);
  }
}

Address hidden_address(const Address& address, const EventPolicyOptions& options, const HashKey& key) {
  if (options.client == ClientAddress::whole || address == Address{}) return address;
  if (options.client == ClientAddress::hash) {
    Address hashed = siphash128(key, address);
    hashed[0] = 0xfd;
    return hashed;
  }
  const unsigned kept = is_mapped_ipv4(address) ? 96U + options.prefix4 : options.prefix6;
  Address shown = address;
  for (unsigned i = 0; i < shown.size(); ++i) {
    if (8 * i >= kept) shown[i] = 0;
    else if (8 * (i + 1) > kept) shown[i] = static_cast<std::uint8_t>(shown[i] & (0xffU << (8 * (i + 1) - kept)));
  }
  return shown;
}

void EventPolicy::hide(Address& address, HiddenSide side, const HashKey& key) const {
  if (side == HiddenSide::none || (side == HiddenSide::foreign && options_.own.contain(address))) return;
  address = hidden_address(address, options_, key);
}

void EventPolicy::hide(ConnRecord& record) {
  highest_ = std::max(highest_, record.conn_id);
  const HashKey& key = keys_.of(record.conn_id);
  hide(record.client_addr, options_.sides.client, key);
  hide(record.virtual_addr, options_.sides.virtual_side, key);
  hide(record.real_addr, options_.sides.real, key);
}

engine::ConnFilter EventPolicy::on_shown(engine::ConnFilter filter) {
  const auto taken = [this](std::optional<engine::Place>& place, HiddenSide side) {
    return options_.client == ClientAddress::whole || side == HiddenSide::none ? std::nullopt : std::exchange(place, std::nullopt);
  };
  const auto client = taken(filter.client, options_.sides.client);
  const auto virtual_service = taken(filter.virtual_service, options_.sides.virtual_side);
  const auto real = taken(filter.real, options_.sides.real);
  if (!client && !virtual_service && !real) return filter;
  filter.also = [this, client, virtual_service, real](const ConnRecord& record) {
    ConnRecord shown = record;
    hide(shown);
    return (!client || contains(*client, shown.client_addr, shown.client_port)) && (!virtual_service || contains(*virtual_service, shown.virtual_addr, shown.virtual_port)) &&
           (!real || contains(*real, shown.real_addr, shown.real_port));
  };
  return filter;
}

void EventPolicy::rotate_key(const std::string& id) {
  if (!hashes()) throw std::invalid_argument("no address is hashed here: that is for --client-address hash");
  ClientKey key = read_client_key(options_.key_path);
  if (key.id != id) throw std::invalid_argument("the key in " + options_.key_path + " has the id " + key.id + ", not " + id + "; `vslog key rotate` puts another key there");
  if (id != keys_.id()) keys_.rotate(std::move(key), highest_);
}

std::string EventPolicy::resume_keys(KeyRing::Earlier earlier) {
  return keys_.resume(std::move(earlier));
}

bool EventPolicy::admits(const ConnRecord& record) {
  if ((options_.kinds & bit(record.kind)) == 0) return false;
  if (options_.flood_rate == 0 || (record.kind != EventKind::create && record.kind != EventKind::sched_fail)) return true;
  const std::uint64_t second = record.time_ns / kSecond;
  if (second != second_) {
    second_ = second;
    in_second_ = 0;
  }
  if (++in_second_ <= options_.flood_rate) return true;
  if (counted_++ == 0) first_ns_ = record.time_ns;
  last_ns_ = record.time_ns;
  return false;
}

std::optional<ControlRecord> EventPolicy::summary() {
  if (counted_ == 0) return std::nullopt;
  ControlRecord record;
  record.kind = ControlKind::loss;
  record.where = LossPlace::summarised;
  record.lost = counted_;
  record.first_ns = first_ns_;
  record.last_ns = last_ns_;
  record.time_ns = clock_ns(CLOCK_REALTIME);
  record.through = Through::vslog;
  record.detail = "more connections began than --flood-rate lets be logged one by one: these were counted; their ends are logged";
  counted_ = 0;
  return record;
}

}  // namespace vslog
