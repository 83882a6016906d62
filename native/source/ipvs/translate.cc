#include "source/ipvs/translate.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstring>
#include <string>

#include "source/bpf/process_author.h"

extern "C" {
#include "bpf/record.h"
}

namespace vslog {
namespace {

// One fact in one place: the kernel side cannot read proto/, so what it repeats is compared here.
static_assert(static_cast<int>(EventKind::create) == VSLOG_KIND_CREATE && static_cast<int>(EventKind::expire) == VSLOG_KIND_EXPIRE &&
              static_cast<int>(EventKind::nodest_drop) == VSLOG_KIND_NODEST_DROP && static_cast<int>(EventKind::sched_fail) == VSLOG_KIND_SCHED_FAIL &&
              static_cast<int>(EventKind::snapshot) == VSLOG_KIND_SNAPSHOT);
static_assert(static_cast<int>(EndReason::none) == VSLOG_REASON_NONE && static_cast<int>(EndReason::timeout) == VSLOG_REASON_TIMEOUT &&
              static_cast<int>(EndReason::expire_now) == VSLOG_REASON_EXPIRE_NOW && static_cast<int>(EndReason::nodest) == VSLOG_REASON_NODEST &&
              static_cast<int>(EndReason::flushed) == VSLOG_REASON_FLUSHED && static_cast<int>(EndReason::drop_entry) == VSLOG_REASON_DROP_ENTRY &&
              static_cast<int>(EndReason::service_removed) == VSLOG_REASON_SERVICE_REMOVED &&
              static_cast<int>(EndReason::module_unload) == VSLOG_REASON_MODULE_UNLOAD &&
              static_cast<int>(EndReason::template_quiesced) == VSLOG_REASON_TEMPLATE_QUIESCED &&
              static_cast<int>(EndReason::one_packet) == VSLOG_REASON_ONE_PACKET && static_cast<int>(EndReason::missed) == VSLOG_REASON_MISSED &&
              static_cast<int>(EndReason::unknown) == VSLOG_REASON_UNKNOWN);
static_assert(static_cast<int>(ScheduledBy::scheduler) == VSLOG_BY_SCHEDULER && static_cast<int>(ScheduledBy::persistence) == VSLOG_BY_PERSISTENCE &&
              static_cast<int>(ScheduledBy::sync) == VSLOG_BY_SYNC && static_cast<int>(ScheduledBy::bypass) == VSLOG_BY_BYPASS);

// include/uapi/linux/ip_vs.h
constexpr std::uint32_t kForwardMask = 0x7;
constexpr std::uint32_t kTemplate = 0x1000;

Address address(const std::uint8_t (&bytes)[16], std::uint16_t family) {
  if (family == AF_INET) {
    const std::uint8_t v4[4] = {bytes[0], bytes[1], bytes[2], bytes[3]};
    return map_ipv4(v4);
  }
  Address a;
  std::memcpy(a.data(), bytes, a.size());
  return a;
}

std::uint8_t family_number(std::uint16_t family) { return family == AF_INET6 ? 6 : 4; }

std::string_view forward_name(std::uint32_t flags) { return to_string(static_cast<ForwardMethod>(flags & kForwardMask)); }

/// The record in `bytes`, copied out (the ring aligns to 8, which is enough, but its memory is the kernel's), or nothing when the size is another's.
template <typename T>
bool take(std::span<const std::byte> bytes, T& out) {
  if (bytes.size() != sizeof(T)) return false;
  std::memcpy(&out, bytes.data(), sizeof(T));
  return out.head.size == sizeof(T);
}

ConnRecord conn(const vslog_conn_record& r, const WallClock& clock, std::uint32_t hz) {
  ConnRecord c;
  const vslog_tuple& t = r.tuple;
  c.kind = static_cast<EventKind>(r.kind);
  c.reason = static_cast<EndReason>(r.reason);
  c.scheduled_by = static_cast<ScheduledBy>(r.scheduled_by);
  c.time_ns = clock.wall(r.time);
  c.conn_id = r.conn_id;
  c.template_id = r.template_id;
  c.created_ns = clock.wall(r.created);
  if (c.kind == EventKind::expire && r.created != 0) c.duration_ns = r.time - r.created;
  c.packets_in = r.packets_in;
  c.drop_packets = r.drop_packets;
  c.drop_bytes = r.drop_bytes;
  c.drop_first_ns = clock.wall(r.drop_first);
  c.drop_last_ns = clock.wall(r.drop_last);
  c.client_addr = address(t.client_addr, t.family);
  c.is_template = (t.flags & kTemplate) != 0;
  // A fwmark service's template holds the mark where the virtual address stands (ip_vs_sched_persist).
  if (!(c.is_template && t.protocol == 0)) c.virtual_addr = address(t.virtual_addr, t.family);
  if (c.kind != EventKind::sched_fail) {
    c.real_addr = address(t.real_addr, t.real_family != 0 ? t.real_family : t.family);
    c.forward = static_cast<ForwardMethod>(t.flags & kForwardMask);
  }
  c.client_port = ntohs(t.client_port);
  c.virtual_port = ntohs(t.virtual_port);
  c.real_port = ntohs(t.real_port);
  c.protocol = static_cast<std::uint8_t>(t.protocol);
  c.family = family_number(t.family);
  c.fwmark = t.fwmark;
  c.flags = t.flags;
  c.state = r.state;
  c.weight = r.weight;
  c.quiesced = r.weight == 0;
  c.timeout_ms = static_cast<std::uint32_t>(r.timeout * 1000 / hz);
  c.netns = t.netns;
  return c;
}

// include/uapi/linux/ip_vs.h, IP_VS_SVC_F_PERSISTENT
constexpr std::uint32_t kPersistent = 0x1;

std::string text(const vslog_service_values& v, std::uint32_t hz) {
  std::string s = "scheduler=" + std::string(v.scheduler, strnlen(v.scheduler, sizeof v.scheduler));
  if ((v.flags & kPersistent) != 0) s += " persistent=" + std::to_string(v.timeout / hz) + "s";
  char flags[16];
  std::snprintf(flags, sizeof flags, " flags=0x%x", v.flags & 0xffU);
  return s + flags;
}

std::string text(const vslog_dest_values& v) {
  return "weight=" + std::to_string(v.weight) + " forward=" + std::string(forward_name(v.forward)) + " upper=" + std::to_string(v.upper) +
         " lower=" + std::to_string(v.lower);
}

ControlRecord service(const vslog_service_record& r, const WallClock& clock, std::uint32_t hz) {
  ControlRecord c;
  c.time_ns = clock.wall(r.time);
  c.protocol = static_cast<std::uint8_t>(r.protocol);
  c.family = family_number(r.family);
  c.fwmark = r.fwmark;
  if (r.fwmark == 0) c.virtual_addr = address(r.virtual_addr, r.family);
  c.virtual_port = ntohs(r.virtual_port);
  c.netns = r.netns;
  c.kind = r.control == VSLOG_CONTROL_ADDED     ? ControlKind::service_added
           : r.control == VSLOG_CONTROL_CHANGED ? ControlKind::service_changed
                                                : ControlKind::service_removed;
  if (r.control != VSLOG_CONTROL_ADDED) c.old_value = text(r.before, hz);
  if (r.control != VSLOG_CONTROL_REMOVED) c.new_value = text(r.after, hz);
  sign(c, author_of(r.author));
  return c;
}

ControlRecord dest(const vslog_dest_record& r, const WallClock& clock) {
  ControlRecord c;
  c.time_ns = clock.wall(r.time);
  c.protocol = static_cast<std::uint8_t>(r.protocol);
  c.family = family_number(r.family);
  c.fwmark = r.fwmark;
  if (r.fwmark == 0) c.virtual_addr = address(r.virtual_addr, r.family);
  c.virtual_port = ntohs(r.virtual_port);
  c.real_addr = address(r.real_addr, r.real_family);
  c.real_port = ntohs(r.real_port);
  c.netns = r.netns;
  switch (r.control) {
    case VSLOG_CONTROL_ADDED: c.kind = ControlKind::real_added; break;
    case VSLOG_CONTROL_CHANGED: c.kind = ControlKind::real_changed; break;
    case VSLOG_CONTROL_REMOVED: c.kind = ControlKind::real_removed; break;
    case VSLOG_CONTROL_OVERLOAD_ON: c.kind = ControlKind::overload_on; break;
    default: c.kind = ControlKind::overload_off; break;
  }
  if (r.control != VSLOG_CONTROL_ADDED) c.old_value = text(r.before);
  if (r.control == VSLOG_CONTROL_ADDED || r.control == VSLOG_CONTROL_CHANGED) c.new_value = text(r.after);
  sign(c, author_of(r.author));
  return c;
}

}  // namespace

ConnRecord Translator::snapshot(const vslog_conn_state& state, std::uint64_t now) const {
  vslog_conn_record r{};
  r.time = now;
  r.conn_id = state.id;
  r.template_id = state.template_id;
  r.created = state.created;
  r.tuple = state.tuple;
  r.packets_in = state.now_packets;
  r.weight = state.now_weight;
  r.state = state.now_state;
  r.kind = VSLOG_KIND_SNAPSHOT;
  r.scheduled_by = state.scheduled_by;
  return conn(r, clock_, hz_);
}

bool Translator::translate(std::span<const std::byte> bytes, EventSink& sink) const {
  vslog_record_head head{};
  if (bytes.size() < sizeof head) return false;
  std::memcpy(&head, bytes.data(), sizeof head);
  switch (head.type) {
    case VSLOG_RECORD_CONN: {
      vslog_conn_record r;
      if (!take(bytes, r)) return false;
      sink.conn(conn(r, clock_, hz_));
      return true;
    }
    case VSLOG_RECORD_SERVICE: {
      vslog_service_record r;
      if (!take(bytes, r)) return false;
      sink.control(service(r, clock_, hz_));
      return true;
    }
    case VSLOG_RECORD_DEST: {
      vslog_dest_record r;
      if (!take(bytes, r)) return false;
      sink.control(dest(r, clock_));
      return true;
    }
    default: return false;
  }
}

}  // namespace vslog
