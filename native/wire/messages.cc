#include "wire/messages.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "event/text.h"

namespace vslog {
namespace {

using protozero::pbf_reader;
using protozero::pbf_tag_type;
using protozero::pbf_wire_type;

/// Longer than any text that is said: sentences, names of machines. Bytes.
constexpr std::size_t kLongestText = 16 << 10;

/// proto3's writer: default values are left out.
class Writer {
 public:
  void uint(pbf_tag_type tag, std::uint64_t v) {
    if (v != 0) pbf_.add_uint64(tag, v);
  }
  void int32(pbf_tag_type tag, std::int32_t v) {
    if (v != 0) pbf_.add_int32(tag, v);
  }
  void fixed32(pbf_tag_type tag, std::uint32_t v) {
    if (v != 0) pbf_.add_fixed32(tag, v);
  }
  void fixed64(pbf_tag_type tag, std::uint64_t v) {
    if (v != 0) pbf_.add_fixed64(tag, v);
  }
  void text(pbf_tag_type tag, const std::string& v) {
    if (!v.empty()) pbf_.add_string(tag, plain_text(v, kLongestText));
  }
  void message(pbf_tag_type tag, const std::string& v) { pbf_.add_message(tag, v); }
  protozero::pbf_writer& raw() { return pbf_; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
  protozero::pbf_writer pbf_{out_};
};

/// One field of a message that is being read. A field of another wire type than expected is skipped, as protobuf asks.
class Field {
 public:
  explicit Field(pbf_reader& reader) : reader_(reader) {}
  /// Skips the field when nobody took it.
  void finish() {
    if (!taken_) reader_.skip();
  }
  Field(const Field&) = delete;
  Field& operator=(const Field&) = delete;

  template <typename T>
  void varint(pbf_tag_type tag, T& out) {
    if (is(tag, pbf_wire_type::varint)) out = static_cast<T>(reader_.get_uint64());
  }
  void varint(pbf_tag_type tag, std::optional<std::uint32_t>& out) {
    if (is(tag, pbf_wire_type::varint)) out = static_cast<std::uint32_t>(reader_.get_uint64());
  }
  void fixed32(pbf_tag_type tag, std::uint32_t& out) {
    if (is(tag, pbf_wire_type::fixed32)) out = reader_.get_fixed32();
  }
  void fixed64(pbf_tag_type tag, std::uint64_t& out) {
    if (is(tag, pbf_wire_type::fixed64)) out = reader_.get_fixed64();
  }
  void text(pbf_tag_type tag, std::string& out) {
    if (is(tag, pbf_wire_type::length_delimited)) out = reader_.get_string();
  }
  bool view(pbf_tag_type tag, std::string_view& out) {
    if (!is(tag, pbf_wire_type::length_delimited)) return false;
    const protozero::data_view v = reader_.get_view();
    out = {v.data(), v.size()};
    return true;
  }
  void groups(pbf_tag_type tag, std::vector<Group>& out) {
    if (is(tag, pbf_wire_type::varint)) {
      out.push_back(static_cast<Group>(reader_.get_enum()));
    } else if (is(tag, pbf_wire_type::length_delimited)) {
      for (const auto value : reader_.get_packed_enum()) out.push_back(static_cast<Group>(value));
    }
  }

 private:
  bool is(pbf_tag_type tag, pbf_wire_type wire) {
    if (taken_ || reader_.tag() != tag || reader_.wire_type() != wire) return false;
    taken_ = true;
    return true;
  }

  pbf_reader& reader_;
  bool taken_ = false;
};

template <typename F>
void each_field(std::string_view bytes, F&& f) {
  pbf_reader reader(bytes.data(), bytes.size());
  while (reader.next()) {
    Field field(reader);
    f(field);
    field.finish();
  }
}

}  // namespace

std::string encode(const BatchHeader& m) {
  namespace f = field::BatchHeader;
  Writer w;
  w.uint(f::record, static_cast<std::uint64_t>(m.record));
  w.text(f::node, m.node);
  w.text(f::epoch, m.epoch);
  w.uint(f::first_sequence, m.first_sequence);
  w.uint(f::count, m.count);
  w.fixed32(f::crc32c, m.crc32c);
  w.uint(f::filtered, m.filtered);
  return w.take();
}

template <>
BatchHeader decode<BatchHeader>(std::string_view bytes) {
  namespace f = field::BatchHeader;
  BatchHeader m;
  each_field(bytes, [&m](Field& d) {
    d.varint(f::record, m.record);
    d.text(f::node, m.node);
    d.text(f::epoch, m.epoch);
    d.varint(f::first_sequence, m.first_sequence);
    d.varint(f::count, m.count);
    d.fixed32(f::crc32c, m.crc32c);
    d.varint(f::filtered, m.filtered);
  });
  return m;
}

template <>
EventBatch decode<EventBatch>(std::string_view bytes) {
  namespace f = field::EventBatch;
  EventBatch m;
  std::string_view header;
  each_field(bytes, [&](Field& d) {
    d.view(f::header, header);
    d.view(f::body, m.body);
  });
  m.header = decode<BatchHeader>(header);
  return m;
}

std::string encode(const Hello& m) {
  namespace f = field::Hello;
  Writer w;
  w.uint(f::version_min, m.version_min);
  w.uint(f::version_max, m.version_max);
  w.text(f::software, m.software);
  return w.take();
}

template <>
Hello decode<Hello>(std::string_view bytes) {
  namespace f = field::Hello;
  Hello m;
  each_field(bytes, [&m](Field& d) {
    d.varint(f::version_min, m.version_min);
    d.varint(f::version_max, m.version_max);
    d.text(f::software, m.software);
  });
  return m;
}

std::string encode(const Welcome& m) {
  namespace f = field::Welcome;
  Writer w;
  w.uint(f::version, m.version);
  w.text(f::software, m.software);
  w.text(f::node, m.node);
  w.text(f::epoch, m.epoch);
  w.text(f::boot_id, m.boot_id);
  w.text(f::source, m.source);
  w.uint(f::may_subscribe, m.may_subscribe);
  w.uint(f::may_set, m.may_set);
  w.uint(f::may_keep, m.may_keep);
  return w.take();
}

template <>
Welcome decode<Welcome>(std::string_view bytes) {
  namespace f = field::Welcome;
  Welcome m;
  each_field(bytes, [&m](Field& d) {
    d.varint(f::version, m.version);
    d.text(f::software, m.software);
    d.text(f::node, m.node);
    d.text(f::epoch, m.epoch);
    d.text(f::boot_id, m.boot_id);
    d.text(f::source, m.source);
    d.varint(f::may_subscribe, m.may_subscribe);
    d.varint(f::may_set, m.may_set);
    d.varint(f::may_keep, m.may_keep);
  });
  return m;
}

std::string encode(const Subscribe& m) {
  namespace f = field::Subscribe;
  Writer w;
  w.uint(f::mode, static_cast<std::uint64_t>(m.mode));
  w.text(f::name, m.name);
  if (!m.groups.empty()) w.raw().add_packed_enum(f::groups, reinterpret_cast<const std::int32_t*>(m.groups.data()), reinterpret_cast<const std::int32_t*>(m.groups.data() + m.groups.size()));
  w.text(f::epoch, m.epoch);
  w.uint(f::after_sequence, m.after_sequence);
  if (!m.filter.empty()) w.message(f::filter, m.filter);
  return w.take();
}

template <>
Subscribe decode<Subscribe>(std::string_view bytes) {
  namespace f = field::Subscribe;
  Subscribe m;
  each_field(bytes, [&m](Field& d) {
    d.varint(f::mode, m.mode);
    d.text(f::name, m.name);
    d.groups(f::groups, m.groups);
    d.text(f::epoch, m.epoch);
    d.varint(f::after_sequence, m.after_sequence);
    d.text(f::filter, m.filter);
  });
  return m;
}

std::string encode(const Erasure& m) {
  namespace f = field::Erasure;
  Writer w;
  w.uint(f::stage, static_cast<std::uint64_t>(m.stage));
  w.text(f::id, m.id);
  w.text(f::selectors, m.selectors);
  w.fixed64(f::before_ns, m.before_ns);
  w.text(f::reason, m.reason);
  w.uint(f::events, m.events);
  w.text(f::places, m.places);
  return w.take();
}

template <>
Erasure decode<Erasure>(std::string_view bytes) {
  namespace f = field::Erasure;
  Erasure m;
  each_field(bytes, [&m](Field& d) {
    d.varint(f::stage, m.stage);
    d.text(f::id, m.id);
    d.text(f::selectors, m.selectors);
    d.fixed64(f::before_ns, m.before_ns);
    d.text(f::reason, m.reason);
    d.varint(f::events, m.events);
    d.text(f::places, m.places);
  });
  return m;
}

std::string encode(const Subscribed& m) {
  namespace f = field::Subscribed;
  Writer w;
  w.text(f::epoch, m.epoch);
  w.uint(f::first_sequence, m.first_sequence);
  w.uint(f::skipped, m.skipped);
  w.uint(f::filtered, m.filtered ? 1 : 0);
  w.fixed64(f::skipped_first_ns, m.skipped_first_ns);
  w.fixed64(f::skipped_last_ns, m.skipped_last_ns);
  return w.take();
}

template <>
Subscribed decode<Subscribed>(std::string_view bytes) {
  namespace f = field::Subscribed;
  Subscribed m;
  each_field(bytes, [&m](Field& d) {
    d.text(f::epoch, m.epoch);
    d.varint(f::first_sequence, m.first_sequence);
    d.varint(f::skipped, m.skipped);
    d.varint(f::filtered, m.filtered);
    d.fixed64(f::skipped_first_ns, m.skipped_first_ns);
    d.fixed64(f::skipped_last_ns, m.skipped_last_ns);
  });
  return m;
}

std::string encode(const Acknowledge& m) {
  namespace f = field::Acknowledge;
  Writer w;
  w.text(f::epoch, m.epoch);
  w.uint(f::sequence, m.sequence);
  return w.take();
}

template <>
Acknowledge decode<Acknowledge>(std::string_view bytes) {
  namespace f = field::Acknowledge;
  Acknowledge m;
  each_field(bytes, [&m](Field& d) {
    d.text(f::epoch, m.epoch);
    d.varint(f::sequence, m.sequence);
  });
  return m;
}

std::string encode(const ErrorReply& m) {
  namespace f = field::ErrorReply;
  Writer w;
  w.int32(f::code, m.code);
  w.text(f::message, m.message);
  w.text(f::field, m.field);
  return w.take();
}

template <>
ErrorReply decode<ErrorReply>(std::string_view bytes) {
  namespace f = field::ErrorReply;
  ErrorReply m;
  each_field(bytes, [&m](Field& d) {
    d.varint(f::code, m.code);
    d.text(f::message, m.message);
    d.text(f::field, m.field);
  });
  return m;
}

std::string encode(const Overrun& m) {
  namespace f = field::Overrun;
  Writer w;
  w.uint(f::missed, m.missed);
  w.uint(f::first_sequence, m.first_sequence);
  w.uint(f::last_sequence, m.last_sequence);
  return w.take();
}

template <>
Overrun decode<Overrun>(std::string_view bytes) {
  namespace f = field::Overrun;
  Overrun m;
  each_field(bytes, [&m](Field& d) {
    d.varint(f::missed, m.missed);
    d.varint(f::first_sequence, m.first_sequence);
    d.varint(f::last_sequence, m.last_sequence);
  });
  return m;
}

std::string encode(const DurableStatus& m) {
  namespace f = field::DurableStatus;
  Writer w;
  w.text(f::name, m.name);
  w.uint(f::acknowledged, m.acknowledged);
  w.uint(f::connected, m.connected);
  if (m.owner) w.raw().add_uint32(f::owner, *m.owner);
  w.uint(f::away_ns, m.away_ns);
  return w.take();
}

template <>
DurableStatus decode<DurableStatus>(std::string_view bytes) {
  namespace f = field::DurableStatus;
  DurableStatus m;
  each_field(bytes, [&m](Field& d) {
    d.text(f::name, m.name);
    d.varint(f::acknowledged, m.acknowledged);
    d.varint(f::connected, m.connected);
    d.varint(f::owner, m.owner);
    d.varint(f::away_ns, m.away_ns);
  });
  return m;
}

std::string encode(const LossCount& m) {
  namespace f = field::LossCount;
  Writer w;
  w.text(f::where, m.where);
  w.uint(f::lost, m.lost);
  return w.take();
}

template <>
LossCount decode<LossCount>(std::string_view bytes) {
  namespace f = field::LossCount;
  LossCount m;
  each_field(bytes, [&m](Field& d) {
    d.text(f::where, m.where);
    d.varint(f::lost, m.lost);
  });
  return m;
}

std::string encode(const SourceStatus& m) {
  namespace f = field::SourceStatus;
  Writer w;
  w.text(f::source, m.source);
  w.text(f::epoch, m.epoch);
  w.uint(f::next_sequence, m.next_sequence);
  w.uint(f::events, m.events);
  w.uint(f::journal_bytes, m.journal_bytes);
  w.uint(f::journal_used, m.journal_used);
  w.uint(f::ring_bytes, m.ring_bytes);
  w.uint(f::ring_used, m.ring_used);
  w.uint(f::connections, m.connections);
  for (const auto& item : m.durable) w.message(f::durable, encode(item));
  w.uint(f::live, m.live);
  for (const auto& item : m.losses) w.message(f::losses, encode(item));
  w.uint(f::pid, m.pid);
  w.uint(f::rss_bytes, m.rss_bytes);
  w.uint(f::cpu_ns, m.cpu_ns);
  w.text(f::state, m.state);
  w.fixed64(f::started_ns, m.started_ns);
  w.uint(f::malformed, m.malformed);
  w.uint(f::session_bytes, m.session_bytes);
  w.uint(f::longest_away_ns, m.longest_away_ns);
  w.uint(f::unlogged, m.unlogged);
  return w.take();
}

template <>
SourceStatus decode<SourceStatus>(std::string_view bytes) {
  namespace f = field::SourceStatus;
  SourceStatus m;
  each_field(bytes, [&m](Field& d) {
    d.text(f::source, m.source);
    d.text(f::epoch, m.epoch);
    d.varint(f::next_sequence, m.next_sequence);
    d.varint(f::events, m.events);
    d.varint(f::journal_bytes, m.journal_bytes);
    d.varint(f::journal_used, m.journal_used);
    d.varint(f::ring_bytes, m.ring_bytes);
    d.varint(f::ring_used, m.ring_used);
    d.varint(f::connections, m.connections);
    std::string_view durable;
    if (d.view(f::durable, durable)) m.durable.push_back(decode<typename decltype(m.durable)::value_type>(durable));
    d.varint(f::live, m.live);
    std::string_view losses;
    if (d.view(f::losses, losses)) m.losses.push_back(decode<typename decltype(m.losses)::value_type>(losses));
    d.varint(f::pid, m.pid);
    d.varint(f::rss_bytes, m.rss_bytes);
    d.varint(f::cpu_ns, m.cpu_ns);
    d.text(f::state, m.state);
    d.fixed64(f::started_ns, m.started_ns);
    d.varint(f::malformed, m.malformed);
    d.varint(f::session_bytes, m.session_bytes);
    d.varint(f::longest_away_ns, m.longest_away_ns);
    d.varint(f::unlogged, m.unlogged);
  });
  return m;
}

std::string encode(const ConnEntries& m) {
  namespace f = field::ConnEntries;
  Writer w;
  w.uint(f::count, m.count);
  w.message(f::body, m.body);
  return w.take();
}

std::string encode(const ConnExpired& m) {
  namespace f = field::ConnExpired;
  Writer w;
  w.uint(f::matched, m.matched);
  w.uint(f::ended, m.ended);
  w.uint(f::others, m.others);
  for (const std::string& step : m.steps) w.text(f::steps, step);
  return w.take();
}

}  // namespace vslog
