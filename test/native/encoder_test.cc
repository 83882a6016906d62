#include <gtest/gtest.h>

#include "golden.h"
#include "wire/crc32c.h"
#include "wire/filter.h"

namespace vslog {
namespace {

TEST(Crc32c, KnownValueAndBothWaysAgree) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(crc32c(bytes), crc32c_table(bytes.data(), bytes.size()));
    bytes += static_cast<char>(i * 37);
  }
  EXPECT_EQ(crc32c("6789", 4, crc32c("12345", 5)), crc32c("123456789"));
}

TEST(Encoder, KindIsWrittenFirstAlsoWhenItIsTheDefault) {
  ConnRecord r;
  r.weight = 0;
  EXPECT_EQ(golden::event(r, 0), std::string("\x02\x08\x00", 3));
}

TEST(Encoder, TheLongestRecordsFitTheirRoom) {
  ControlRecord c;
  c.name = c.old_value = c.new_value = c.command = c.detail = c.boot_id = std::string(100'000, 'x');
  c.time_ns = c.lost = c.first_ns = c.last_ns = UINT64_MAX;
  EXPECT_LE(golden::event(c, UINT64_MAX).size(), kMaxControlSize);
  EXPECT_LE(golden::event(golden::conn_event_full(), UINT64_MAX).size(), kMaxConnSize);
}

TEST(Batch, EndsWhenTheTypeChangesAndKeepsTheSequence) {
  BatchBuilder b("n", "e", 10);
  b.add(ConnRecord{});
  b.add(ConnRecord{});
  b.add(ControlRecord{});
  const auto batches = b.finish();
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[0].first_sequence, 10U);
  EXPECT_EQ(batches[0].count, 2U);
  EXPECT_EQ(batches[1].first_sequence, 12U);
  EXPECT_EQ(decode<EventBatch>(batches[1].frame.substr(kFrameHeaderSize)).header.record, RecordType::control);
}

TEST(Filter, KeepsTheWantedEventsAndTheirSequences) {
  BatchBuilder b("n", "e", 1);
  for (int i = 0; i < 10; ++i) {
    ConnRecord r;
    r.kind = i % 2 == 0 ? EventKind::create : EventKind::expire;
    b.add(r);
  }
  const auto frame = b.finish().at(0).frame;
  const FilteredBatch f = filter_batch(decode<EventBatch>(frame.substr(kFrameHeaderSize)), GroupFilter({Group::conn_expire}), EventFilter());
  EXPECT_EQ(f.count, 5U);
  EXPECT_EQ(f.first_sequence, 2U);
  EXPECT_EQ(f.last_sequence, 10U);
}

}  // namespace
}  // namespace vslog
