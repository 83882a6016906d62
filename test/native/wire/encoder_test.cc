// Each field by itself: golden bytes (contract_test.cc) say that something is wrong, these say what.
#include "wire/encoder.h"

#include <gtest/gtest.h>

#include <map>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <vector>

#include "golden.h"
#include "vslog_fields.h"

namespace vslog {
namespace {

using protozero::pbf_tag_type;

/// A field as it stands in the bytes.
struct Field {
  pbf_tag_type tag = 0;
  protozero::pbf_wire_type wire{};
  std::uint64_t number = 0;
  std::string bytes;

  friend bool operator==(const Field&, const Field&) = default;
};

void PrintTo(const Field& f, std::ostream* out) { *out << "field " << f.tag << ", wire type " << static_cast<int>(f.wire) << ", number " << f.number << ", " << f.bytes.size() << " bytes"; }

Field varint(pbf_tag_type tag, std::uint64_t number) { return {tag, protozero::pbf_wire_type::varint, number, {}}; }
Field fixed(pbf_tag_type tag, std::uint64_t number) { return {tag, protozero::pbf_wire_type::fixed64, number, {}}; }
Field bytes(pbf_tag_type tag, std::string text) { return {tag, protozero::pbf_wire_type::length_delimited, 0, std::move(text)}; }

/// The fields of an event that was written with its length before it.
template <typename Record>
std::vector<Field> fields_of(const Record& record, std::uint64_t sequence = 0) {
  const std::string event = golden::event(record, sequence);
  const char* at = event.data();
  const std::uint64_t size = protozero::decode_varint(&at, event.data() + event.size());
  EXPECT_EQ(size, static_cast<std::uint64_t>(event.data() + event.size() - at));
  std::vector<Field> found;
  for (protozero::pbf_reader m(at, size); m.next();) {
    Field f{m.tag(), m.wire_type(), 0, {}};
    if (f.wire == protozero::pbf_wire_type::varint) f.number = m.get_uint64();
    else if (f.wire == protozero::pbf_wire_type::fixed64) f.number = m.get_fixed64();
    else f.bytes = m.get_string();
    found.push_back(f);
  }
  return found;
}

/// A member, and how it is to stand in the bytes.
template <typename Record>
struct Case {
  void (*set)(Record&);
  Field field;
};

/// Each case alone in a record whose other members are protobuf's defaults.
template <typename Record>
void expect_each_alone(const Record& nothing, const std::vector<Case<Record>>& cases) {
  for (const Case<Record>& one : cases) {
    Record r = nothing;
    one.set(r);
    EXPECT_EQ(fields_of(r), (std::vector<Field>{varint(1, 0), one.field}));
  }
}

const Address kAddress{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
const std::string kAddressBytes(reinterpret_cast<const char*>(kAddress.data()), kAddress.size());

std::vector<Case<ConnRecord>> conn_cases() {
  namespace f = field::ConnEvent;
  using R = ConnRecord;
  return {
      {[](R& r) { r.time_ns = UINT64_MAX; }, fixed(f::time_ns, UINT64_MAX)},
      {[](R& r) { r.conn_id = 1ULL << 63; }, fixed(f::conn_id, 1ULL << 63)},
      {[](R& r) { r.protocol = 255; }, varint(f::protocol, 255)},
      {[](R& r) { r.family = 6; }, varint(f::family, 6)},
      {[](R& r) { r.client_addr = kAddress; }, bytes(f::client_addr, kAddressBytes)},
      {[](R& r) { r.client_port = 65'535; }, varint(f::client_port, 65'535)},
      {[](R& r) { r.virtual_addr = kAddress; }, bytes(f::virtual_addr, kAddressBytes)},
      {[](R& r) { r.virtual_port = 443; }, varint(f::virtual_port, 443)},
      {[](R& r) { r.real_addr = kAddress; }, bytes(f::real_addr, kAddressBytes)},
      {[](R& r) { r.real_port = 8080; }, varint(f::real_port, 8080)},
      {[](R& r) { r.fwmark = UINT32_MAX; }, varint(f::fwmark, UINT32_MAX)},
      {[](R& r) { r.forward = ForwardMethod::direct; }, varint(f::forward, 3)},
      {[](R& r) { r.flags = 0x1143; }, varint(f::flags, 0x1143)},
      {[](R& r) { r.state = 9; }, varint(f::state, 9)},
      {[](R& r) { r.is_template = true; }, varint(f::is_template, 1)},
      {[](R& r) { r.template_id = 77; }, fixed(f::template_id, 77)},
      {[](R& r) { r.weight = -1; }, varint(f::weight, 1)},
      {[](R& r) { r.weight = 100; }, varint(f::weight, 200)},
      {[](R& r) { r.created_ns = 5; }, fixed(f::created_ns, 5)},
      {[](R& r) { r.duration_ns = UINT64_MAX; }, varint(f::duration_ns, UINT64_MAX)},
      {[](R& r) { r.packets_in = 128; }, varint(f::packets_in, 128)},
      {[](R& r) { r.bytes_in = 1ULL << 35; }, varint(f::bytes_in, 1ULL << 35)},
      {[](R& r) { r.packets_out = 127; }, varint(f::packets_out, 127)},
      {[](R& r) { r.bytes_out = 16'384; }, varint(f::bytes_out, 16'384)},
      {[](R& r) { r.reason = EndReason::flushed; }, varint(f::reason, 4)},
      {[](R& r) { r.scheduled_by = ScheduledBy::sync; }, varint(f::scheduled_by, 3)},
      {[](R& r) { r.quiesced = true; }, varint(f::quiesced, 1)},
      {[](R& r) { r.drop_packets = 3; }, varint(f::drop_packets, 3)},
      {[](R& r) { r.drop_bytes = 180; }, varint(f::drop_bytes, 180)},
      {[](R& r) { r.drop_first_ns = 6; }, fixed(f::drop_first_ns, 6)},
      {[](R& r) { r.drop_last_ns = 7; }, fixed(f::drop_last_ns, 7)},
      {[](R& r) { r.timeout_ms = 900'000; }, varint(f::timeout_ms, 900'000)},
      {[](R& r) { r.netns = 4026531840; }, varint(f::netns, 4026531840)},
      {[](R& r) { r.zone = 65'535; }, varint(f::zone, 65'535)},
      {[](R& r) { r.mark = 8; }, varint(f::mark, 8)},
      {[](R& r) { r.labels = kAddress; }, bytes(f::labels, kAddressBytes)},
  };
}

std::vector<Case<ControlRecord>> control_cases() {
  namespace f = field::ControlEvent;
  using R = ControlRecord;
  return {
      {[](R& r) { r.time_ns = 1; }, fixed(f::time_ns, 1)},
      {[](R& r) { r.protocol = 17; }, varint(f::protocol, 17)},
      {[](R& r) { r.family = 4; }, varint(f::family, 4)},
      {[](R& r) { r.virtual_addr = kAddress; }, bytes(f::virtual_addr, kAddressBytes)},
      {[](R& r) { r.virtual_port = 53; }, varint(f::virtual_port, 53)},
      {[](R& r) { r.fwmark = 9; }, varint(f::fwmark, 9)},
      {[](R& r) { r.real_addr = kAddress; }, bytes(f::real_addr, kAddressBytes)},
      {[](R& r) { r.real_port = 54; }, varint(f::real_port, 54)},
      {[](R& r) { r.name = "timeout_tcp"; }, bytes(f::name, "timeout_tcp")},
      {[](R& r) { r.old_value = "900"; }, bytes(f::old_value, "900")},
      {[](R& r) { r.new_value = "60"; }, bytes(f::new_value, "60")},
      {[](R& r) { r.uid = kNoUid; }, varint(f::uid, kNoUid)},
      {[](R& r) { r.login_uid = 1000; }, varint(f::login_uid, 1000)},
      {[](R& r) { r.pid = 4242; }, varint(f::pid, 4242)},
      {[](R& r) { r.command = "ipvsadm -C"; }, bytes(f::command, "ipvsadm -C")},
      {[](R& r) { r.through = Through::netlink; }, varint(f::through, 1)},
      {[](R& r) { r.where = LossPlace::ring; }, varint(f::where, static_cast<std::uint64_t>(LossPlace::ring))},
      {[](R& r) { r.lost = 1ULL << 40; }, varint(f::lost, 1ULL << 40)},
      {[](R& r) { r.first_ns = 2; }, fixed(f::first_ns, 2)},
      {[](R& r) { r.last_ns = 3; }, fixed(f::last_ns, 3)},
      {[](R& r) { r.detail = "full"; }, bytes(f::detail, "full")},
      {[](R& r) { r.netns = 5; }, varint(f::netns, 5)},
      {[](R& r) { r.fresh = true; }, varint(f::fresh, 1)},
      {[](R& r) { r.boot_id = "b"; }, bytes(f::boot_id, "b")},
      {[](R& r) { r.parent_pid = 4200; }, varint(f::parent_pid, 4200)},
      {[](R& r) { r.parent_command = "bash"; }, bytes(f::parent_command, "bash")},
      {[](R& r) { r.loss_id = "journal:7"; }, bytes(f::loss_id, "journal:7")},
      {[](R& r) { r.lost_unknown = true; }, varint(f::lost_unknown, 1)},
  };
}

TEST(Encoder, EachConnFieldHasItsNumberAndType) {
  ConnRecord nothing;
  nothing.weight = 0;
  expect_each_alone(nothing, conn_cases());
}

TEST(Encoder, EachControlFieldHasItsNumberAndType) {
  ControlRecord nothing;
  nothing.uid = nothing.login_uid = 0;
  expect_each_alone(nothing, control_cases());
}

/// Of all fields of `full`, which has each of them set, how many no case is about.
template <typename Record>
std::size_t untested(const Record& full, const std::vector<Case<Record>>& cases) {
  std::map<pbf_tag_type, int> left;
  for (const Field& f : fields_of(full, 5)) left[f.tag] = 1;
  for (const Case<Record>& one : cases) left.erase(one.field.tag);
  left.erase(1);  // kind and
  left.erase(3);  // sequence have tests of their own
  return left.size();
}

TEST(Encoder, NoFieldIsWithoutATest) {
  EXPECT_EQ(untested(golden::conn_event_full(), conn_cases()), 0U);
  EXPECT_EQ(untested(golden::control_event_full(), control_cases()), 0U);
}

TEST(Encoder, KindIsWrittenFirstAlsoWhenItIsTheDefault) {
  ConnRecord r;
  r.weight = 0;
  EXPECT_EQ(golden::event(r, 0), std::string("\x02\x08\x00", 3));
  r.kind = EventKind::snapshot;
  EXPECT_EQ(fields_of(r), (std::vector<Field>{varint(1, 6)}));
}

TEST(Encoder, TheSequenceIsFieldThree) {
  ConnRecord conn;
  conn.weight = 0;
  EXPECT_EQ(fields_of(conn, UINT64_MAX), (std::vector<Field>{varint(1, 0), varint(3, UINT64_MAX)}));
  ControlRecord control;
  control.uid = control.login_uid = 0;
  EXPECT_EQ(fields_of(control, 4294967297), (std::vector<Field>{varint(1, 0), varint(3, 4294967297)}));
}

// The journal reads the time of an event at this place, without decoding it.
TEST(Encoder, TheTimeFollowsTheKind) {
  ConnRecord r;
  r.kind = EventKind::create;
  r.time_ns = 0x0102030405060708;
  const std::string event = golden::event(r, 1);
  EXPECT_EQ(event.substr(1, 3), std::string("\x08\x01\x11", 3));
  EXPECT_EQ(event.substr(4, 8), "\x08\x07\x06\x05\x04\x03\x02\x01");
}

TEST(Encoder, TheLengthOfTheMessageTakesOneByteOrTwo) {
  ControlRecord c;
  c.uid = c.login_uid = 0;
  for (const std::size_t size : {100U, 123U, 124U, 125U, 126U, 200U, 1000U}) {
    c.detail = std::string(size, 'x');
    const std::vector<Field> fields = fields_of(c);  // which compares the length with what follows it
    ASSERT_EQ(fields.size(), 2U) << size;
    EXPECT_EQ(fields[1].bytes.size(), size);
  }
}

TEST(Encoder, TheLongestRecordsFitTheirRoom) {
  ControlRecord c;
  c.name = c.old_value = c.new_value = c.command = c.detail = c.boot_id = c.parent_command = c.loss_id = std::string(100'000, 'x');
  c.time_ns = c.lost = c.first_ns = c.last_ns = UINT64_MAX;
  EXPECT_LE(golden::event(c, UINT64_MAX).size(), kMaxControlSize);
  EXPECT_LE(golden::event(golden::conn_event_full(), UINT64_MAX).size(), kMaxConnSize);
}

TEST(Encoder, ALongerTextIsCut) {
  ControlRecord c;
  c.uid = c.login_uid = 0;
  c.command = std::string(kMaxText, 'a') + "b";
  EXPECT_EQ(fields_of(c).at(1).bytes, std::string(kMaxText, 'a'));
  c.command = std::string(kMaxText - 1, 'a') + "ö";
  EXPECT_EQ(fields_of(c).at(1).bytes, std::string(kMaxText - 1, 'a')) << "a string of protobuf is UTF-8";
}

TEST(Encoder, EveryTextIsPlain) {
  ControlRecord c;
  c.uid = c.login_uid = 0;
  c.name = c.old_value = c.new_value = c.command = c.detail = c.boot_id = c.parent_command = c.loss_id = "\x1b]0;x\x07\xff\u202e";
  int texts = 0;
  for (const Field& field : fields_of(c)) {
    if (field.bytes.empty()) continue;
    EXPECT_EQ(field.bytes, "\\x1b]0;x\\x07\\xff\\u202e");
    ++texts;
  }
  EXPECT_EQ(texts, 8);
}

}  // namespace
}  // namespace vslog
