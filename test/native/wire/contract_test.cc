#include <gtest/gtest.h>

#include "contract.h"
#include "golden.h"
#include "wire/crc32c.h"

namespace vslog {
namespace {

std::string read_golden(const std::string& name) { return test::read_contract("golden/" + name + ".bin"); }

TEST(Contract, EveryGoldenFileIsWrittenAgain) {
  for (const auto& [name, bytes] : golden::files()) EXPECT_EQ(read_golden(name), bytes) << name;
}

template <typename Message>
void expect_round_trip(const std::string& name) {
  const std::string frame = read_golden(name);
  const auto header = decode_header(frame);
  ASSERT_TRUE(header) << name;
  ASSERT_EQ(header->length, frame.size()) << name;
  const std::string payload = frame.substr(kFrameHeaderSize);
  EXPECT_EQ(encode(decode<Message>(payload)), payload) << name;
}

TEST(Contract, EveryMessageIsReadAndWrittenAgain) {
  expect_round_trip<Hello>("hello");
  expect_round_trip<Welcome>("welcome");
  expect_round_trip<Subscribe>("subscribe");
  expect_round_trip<Subscribed>("subscribed");
  expect_round_trip<Acknowledge>("acknowledge");
  expect_round_trip<Erasure>("erasure");
  expect_round_trip<ErrorReply>("error_reply");
  expect_round_trip<Overrun>("overrun");
  expect_round_trip<SourceStatus>("source_status");
}

TEST(Contract, TheBatchHoldsTheEventUnderItsChecksum) {
  const std::string frame = read_golden("event_batch");
  const auto batch = decode<EventBatch>(std::string_view(frame).substr(kFrameHeaderSize));
  EXPECT_EQ(batch.body, read_golden("conn_event_full"));
  EXPECT_EQ(batch.header.crc32c, crc32c(batch.body));
  EXPECT_EQ(batch.header.node, "lb1");
  EXPECT_EQ(batch.header.first_sequence, 4294967297U);
}

}  // namespace
}  // namespace vslog
