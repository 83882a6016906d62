#include "source/conntrack/conntrack_options.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace vslog {
namespace {

template <typename Call>
std::string refusal(Call call) {
  try {
    call();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "taken";
}

TEST(ConntrackOptions, ReadsListsOfEvents) {
  ConntrackOptions o;
  parse_conntrack_events("expire,state", o);
  EXPECT_FALSE(o.creates);
  EXPECT_TRUE(o.expires);
  EXPECT_TRUE(o.states);
  EXPECT_EQ(refusal([&] { parse_conntrack_events("create,destroy", o); }), "\"destroy\" is not one of create, expire, state");
  EXPECT_EQ(refusal([&] { parse_conntrack_events("", o); }), "\"\" is not one of create, expire, state");
}

TEST(ConntrackOptions, ReadsProtocols) {
  EXPECT_EQ(parse_conntrack_protocols("tcp,udp,icmpv6,255,0"), (std::vector<std::uint8_t>{6, 17, 58, 255, 0}));
  for (const char* bad : {"tpc", "256", "-1", "tcp,", "6x", " tcp"}) EXPECT_NE(refusal([&] { parse_conntrack_protocols(bad); }), "taken") << bad;
}

TEST(ConntrackOptions, ReadsAddressBlocks) {
  const std::vector<AddressBlock> blocks = parse_address_blocks("10.0.0.0/8,192.0.2.7,2001:db8::/32,0.0.0.0/0");
  ASSERT_EQ(blocks.size(), 4U);
  EXPECT_EQ(blocks[0].prefix, 104);
  EXPECT_EQ(blocks[1].prefix, 128);
  EXPECT_EQ(blocks[1].address[15], 7);
  EXPECT_EQ(blocks[2].prefix, 32);
  EXPECT_EQ(blocks[3].prefix, 96);
  EXPECT_EQ(refusal([] { parse_address_blocks("10.0.0.1/8"); }), "\"10.0.0.1/8\" is not a block: bits behind its prefix are set");
  for (const char* bad : {"10.0.0.0/33", "2001:db8::/129", "10.0.0", "a.example", "10.0.0.0/", "/8", ""}) {
    EXPECT_EQ(refusal([&] { parse_address_blocks(bad); }), "\"" + std::string(bad) + "\" is not an address or a block such as 10.0.0.0/8 or 2001:db8::/32") << bad;
  }
}

TEST(ConntrackOptions, ReadsTheWayOfDelivery) {
  EXPECT_EQ(parse_conntrack_delivery("auto"), ConntrackOptions::Delivery::automatic);
  EXPECT_EQ(parse_conntrack_delivery("ring"), ConntrackOptions::Delivery::ring);
  EXPECT_EQ(parse_conntrack_delivery("socket"), ConntrackOptions::Delivery::socket);
  EXPECT_EQ(refusal([] { parse_conntrack_delivery("bpf"); }), "\"bpf\" is not one of auto, ring, socket");
}

}  // namespace
}  // namespace vslog
