#include "wire/encoder.h"

#include <array>
#include <cstring>
#include <protozero/types.hpp>
#include <protozero/varint.hpp>
#include <string>
#include <string_view>

#include "event/text.h"
#include "vslog_fields.h"

// A writer of its own and not protozero's: that one checks and grows its buffer at each field, which is half of an event's cost.
namespace vslog {
namespace {

using protozero::pbf_tag_type;
using protozero::pbf_wire_type;

class Writer {
 public:
  explicit Writer(char* out) : p_(out) {}
  char* position() const { return p_; }

  void varint(std::uint64_t value) {
    while (value >= 0x80) {
      *p_++ = static_cast<char>(value | 0x80);
      value >>= 7;
    }
    *p_++ = static_cast<char>(value);
  }

  template <pbf_tag_type Tag>
  void uint(std::uint64_t value) {
    if (value != 0) always<Tag>(value);
  }

  template <pbf_tag_type Tag>
  void always(std::uint64_t value) {
    tag<Tag, pbf_wire_type::varint>();
    varint(value);
  }

  template <pbf_tag_type Tag>
  void fixed64(std::uint64_t value) {
    if (value == 0) return;
    tag<Tag, pbf_wire_type::fixed64>();
    std::memcpy(p_, &value, sizeof value);
    p_ += sizeof value;
  }

  /// An address or labels; nothing when all are zero.
  template <pbf_tag_type Tag>
  void sixteen(const std::array<std::uint8_t, 16>& value) {
    std::uint64_t halves[2];
    std::memcpy(halves, value.data(), sizeof halves);
    if ((halves[0] | halves[1]) == 0) return;
    tag<Tag, pbf_wire_type::length_delimited>();
    *p_++ = sizeof halves;
    std::memcpy(p_, halves, sizeof halves);
    p_ += sizeof halves;
  }

  template <pbf_tag_type Tag>
  void text(std::string_view value) {
    if (value.empty()) return;
    // Whatever a source read, and from whom: nothing else gets into a record.
    const std::string plain = plain_text(value, kMaxText);
    tag<Tag, pbf_wire_type::length_delimited>();
    varint(plain.size());
    std::memcpy(p_, plain.data(), plain.size());
    p_ += plain.size();
  }

 private:
  template <pbf_tag_type Tag, pbf_wire_type Wire>
  void tag() {
    constexpr std::uint32_t key = Tag << 3 | static_cast<std::uint32_t>(Wire);
    static_assert(key < 1 << 14);
    if constexpr (key < 0x80) {
      *p_++ = static_cast<char>(key);
    } else {
      *p_++ = static_cast<char>((key & 0x7f) | 0x80);
      *p_++ = static_cast<char>(key >> 7);
    }
  }

  char* p_;
};

// Most events need two bytes of length; a shorter one is moved up by one.
constexpr std::size_t kLengthRoom = 2;

/// Puts the message's length before it. `out` is where the record begins, `end` one past the message that stands at out + kLengthRoom.
char* patch_length(char* out, char* end) {
  const auto size = static_cast<std::size_t>(end - out) - kLengthRoom;
  if (size < 0x80) {
    out[0] = static_cast<char>(size);
    std::memmove(out + 1, out + kLengthRoom, size);
    return end - 1;
  }
  out[0] = static_cast<char>((size & 0x7f) | 0x80);
  out[1] = static_cast<char>(size >> 7);
  return end;
}

static_assert(kMaxControlSize < 1 << 14, "two bytes hold the length");

std::uint64_t number(auto value) { return static_cast<std::uint32_t>(value); }

}  // namespace

char* encode(const ConnRecord& r, std::uint64_t sequence, char* out) {
  namespace f = field::ConnEvent;
  Writer w(out + kLengthRoom);
  w.always<f::kind>(number(r.kind));
  w.fixed64<f::time_ns>(r.time_ns);
  w.uint<f::sequence>(sequence);
  w.fixed64<f::conn_id>(r.conn_id);
  w.uint<f::protocol>(r.protocol);
  w.uint<f::family>(r.family);
  w.sixteen<f::client_addr>(r.client_addr);
  w.uint<f::client_port>(r.client_port);
  w.sixteen<f::virtual_addr>(r.virtual_addr);
  w.uint<f::virtual_port>(r.virtual_port);
  w.sixteen<f::real_addr>(r.real_addr);
  w.uint<f::real_port>(r.real_port);
  w.uint<f::fwmark>(r.fwmark);
  w.uint<f::forward>(number(r.forward));
  w.uint<f::flags>(r.flags);
  w.uint<f::state>(r.state);
  w.uint<f::is_template>(r.is_template);
  w.fixed64<f::template_id>(r.template_id);
  w.uint<f::weight>(protozero::encode_zigzag32(r.weight));
  w.fixed64<f::created_ns>(r.created_ns);
  w.uint<f::duration_ns>(r.duration_ns);
  w.uint<f::packets_in>(r.packets_in);
  w.uint<f::bytes_in>(r.bytes_in);
  w.uint<f::packets_out>(r.packets_out);
  w.uint<f::bytes_out>(r.bytes_out);
  w.uint<f::reason>(number(r.reason));
  w.uint<f::scheduled_by>(number(r.scheduled_by));
  w.uint<f::quiesced>(r.quiesced);
  w.uint<f::drop_packets>(r.drop_packets);
  w.uint<f::drop_bytes>(r.drop_bytes);
  w.fixed64<f::drop_first_ns>(r.drop_first_ns);
  w.fixed64<f::drop_last_ns>(r.drop_last_ns);
  w.uint<f::timeout_ms>(r.timeout_ms);
  w.uint<f::netns>(r.netns);
  w.uint<f::zone>(r.zone);
  w.uint<f::mark>(r.mark);
  w.sixteen<f::labels>(r.labels);
  return patch_length(out, w.position());
}

char* encode(const ControlRecord& r, std::uint64_t sequence, char* out) {
  namespace f = field::ControlEvent;
  Writer w(out + kLengthRoom);
  w.always<f::kind>(number(r.kind));
  w.fixed64<f::time_ns>(r.time_ns);
  w.uint<f::sequence>(sequence);
  w.uint<f::protocol>(r.protocol);
  w.uint<f::family>(r.family);
  w.sixteen<f::virtual_addr>(r.virtual_addr);
  w.uint<f::virtual_port>(r.virtual_port);
  w.uint<f::fwmark>(r.fwmark);
  w.sixteen<f::real_addr>(r.real_addr);
  w.uint<f::real_port>(r.real_port);
  w.text<f::name>(r.name);
  w.text<f::old_value>(r.old_value);
  w.text<f::new_value>(r.new_value);
  w.uint<f::uid>(r.uid);
  w.uint<f::login_uid>(r.login_uid);
  w.uint<f::pid>(r.pid);
  w.text<f::command>(r.command);
  w.uint<f::through>(number(r.through));
  w.uint<f::where>(number(r.where));
  w.uint<f::lost>(r.lost);
  w.fixed64<f::first_ns>(r.first_ns);
  w.fixed64<f::last_ns>(r.last_ns);
  w.text<f::detail>(r.detail);
  w.uint<f::netns>(r.netns);
  w.uint<f::fresh>(r.fresh);
  w.text<f::boot_id>(r.boot_id);
  w.uint<f::parent_pid>(r.parent_pid);
  w.text<f::parent_command>(r.parent_command);
  w.text<f::loss_id>(r.loss_id);
  w.uint<f::lost_unknown>(r.lost_unknown);
  return patch_length(out, w.position());
}

}  // namespace vslog
