#include "wire/frame.h"

#include <gtest/gtest.h>

namespace vslog {
namespace {

TEST(Frame, HeaderRoundTrip) {
  std::string bytes;
  append_frame(bytes, FrameType::event_ack, frame_flag::ack, 7, 9, "abc");
  const auto h = decode_header(bytes);
  ASSERT_TRUE(h);
  EXPECT_EQ(h->length, 19U);
  EXPECT_EQ(h->type, 0x0104);
  EXPECT_EQ(h->flags, 4);
  EXPECT_EQ(h->sequence, 7U);
  EXPECT_EQ(h->port, 9U);
}

TEST(Frame, ImpossibleLengthsAreRefused) {
  for (const std::uint32_t length : {0U, 15U, (16U << 20) + 1, UINT32_MAX}) {
    char bytes[kFrameHeaderSize];
    encode_header({length, 1, 0, 0, 0}, bytes);
    EXPECT_FALSE(decode_header({bytes, sizeof bytes})) << length;
  }
  EXPECT_FALSE(decode_header("short"));
}

}  // namespace
}  // namespace vslog
