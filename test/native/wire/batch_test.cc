#include "wire/batch.h"

#include <gtest/gtest.h>

#include "wire/crc32c.h"
#include "wire/frame.h"

namespace vslog {
namespace {

EventBatch read(std::string_view frame) { return decode<EventBatch>(frame.substr(kFrameHeaderSize)); }

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
  EXPECT_EQ(read(batches[1].frame).header.record, RecordType::control);
}

TEST(Batch, IsAFrameWhoseHeaderSaysWhatIsInIt) {
  BatchBuilder b("lb1", "epoch", 7);
  b.add(ConnRecord{});
  const auto batches = b.finish();
  ASSERT_EQ(batches.size(), 1U);
  const auto frame = decode_header(batches[0].frame);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->length, batches[0].frame.size());
  EXPECT_EQ(frame->type, static_cast<std::uint16_t>(FrameType::event_batch));
  const EventBatch batch = read(batches[0].frame);
  EXPECT_EQ(batch.header.record, RecordType::conn);
  EXPECT_EQ(batch.header.node, "lb1");
  EXPECT_EQ(batch.header.epoch, "epoch");
  EXPECT_EQ(batch.header.first_sequence, 7U);
  EXPECT_EQ(batch.header.count, 1U);
  EXPECT_EQ(batch.header.crc32c, crc32c(batch.body));
  EXPECT_FALSE(batch.header.filtered);
}

TEST(Batch, EndsAtItsLargestCount) {
  BatchBuilder b("n", "e", 1);
  for (std::uint32_t i = 0; i < BatchBuilder::kMaxCount + 1; ++i) b.add(ConnRecord{});
  const auto batches = b.finish();
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[0].count, BatchBuilder::kMaxCount);
  EXPECT_EQ(batches[1].count, 1U);
  EXPECT_EQ(batches[1].first_sequence, BatchBuilder::kMaxCount + 1U);
}

TEST(Batch, EndsWhenItsBodyIsFull) {
  BatchBuilder b("n", "e", 1, 1000);
  ControlRecord long_one;
  long_one.detail = std::string(400, 'x');
  for (int i = 0; i < 6; ++i) b.add(long_one);
  // The third record is the one on top: 1000 bytes are not reached before it.
  const auto batches = b.finish();
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[0].count, 3U);
  EXPECT_EQ(batches[1].count, 3U);
}

TEST(Batch, IsFullEarlyEnoughForACommitBetweenBatches) {
  BatchBuilder b("n", "e", 1);
  EXPECT_TRUE(b.empty());
  for (std::uint32_t i = 0; i < BatchBuilder::kMaxCount / 2 - 1; ++i) b.add(ConnRecord{});
  EXPECT_FALSE(b.full());
  b.add(ConnRecord{});
  EXPECT_TRUE(b.full());
  EXPECT_EQ(b.records(), BatchBuilder::kMaxCount / 2);
}

TEST(Batch, BeginsAnewAfterClear) {
  BatchBuilder b("n", "e", 1);
  b.add(ConnRecord{});
  b.clear(42);
  EXPECT_TRUE(b.empty());
  EXPECT_TRUE(b.finish().empty());
  b.add(ConnRecord{});
  EXPECT_EQ(b.finish().at(0).first_sequence, 42U);
  EXPECT_EQ(b.records(), 1U);
}

}  // namespace
}  // namespace vslog
