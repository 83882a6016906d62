// Captured bytes to the engine's packets, each case against what its header says.
#include "source/engine/pcap_packet.h"

#include <gtest/gtest.h>

#include "pcap_bytes.h"

namespace vslog {
namespace {

using engine::kAck;
using engine::kSctp;
using engine::kSyn;
using engine::kTcp;
using engine::kUdp;

ParsedPacket parse(const Bytes& bytes, LinkType link = LinkType::raw_ip) { return parse_packet(link, bytes, static_cast<std::uint32_t>(bytes.size())); }
Unused why(const Bytes& bytes, LinkType link = LinkType::raw_ip) { return parse(bytes, link).why; }

const Bytes kTcpSyn = tcp(40000, 80, kSyn);

Address ip4(std::uint8_t last) {
  const std::uint8_t bytes[4] = {10, 1, 0, last};
  return map_ipv4(bytes);
}

void expect_syn(const ParsedPacket& p, std::uint32_t length) {
  ASSERT_EQ(p.why, Unused::none);
  EXPECT_EQ(p.packet.family, 4);
  EXPECT_EQ(p.packet.protocol, kTcp);
  EXPECT_EQ(p.packet.flags, kSyn);
  EXPECT_EQ(p.packet.source, (engine::Endpoint{ip4(50), 40000}));
  EXPECT_EQ(p.packet.destination, (engine::Endpoint{ip4(1), 80}));
  EXPECT_EQ(p.packet.length, length);
  EXPECT_EQ(p.packet.direction, engine::Direction::unknown);
  EXPECT_EQ(p.packet.fwmark, 0U);
}

TEST(PcapPacket, EveryLinkType) {
  const Bytes ip = ipv4(kTcp, kTcpSyn);
  expect_syn(parse(ip), 40);
  expect_syn(parse(ethernet(0x0800, ip), LinkType::ethernet), 40);
  expect_syn(parse(ethernet(0x8100, tag(0x0800) + ip), LinkType::ethernet), 40);
  expect_syn(parse(ethernet(0x88a8, tag(0x8100) + tag(0x0800) + ip), LinkType::ethernet), 40);
  expect_syn(parse(cooked(0x0800, ip), LinkType::linux_cooked), 40);
  expect_syn(parse(cooked_v2(0x0800, ip), LinkType::linux_cooked_v2), 40);
  expect_syn(parse(cooked_v2(0x8100, tag(0x0800) + ip), LinkType::linux_cooked_v2), 40);
  expect_syn(parse(Bytes{0, 0, 0, 2} + ip, LinkType::bsd_loopback), 40);
  expect_syn(parse(Bytes{2, 0, 0, 0} + ip, LinkType::bsd_loopback), 40);
}

TEST(PcapPacket, LinkTypesByNumber) {
  EXPECT_EQ(link_type(1), LinkType::ethernet);
  EXPECT_EQ(link_type(113), LinkType::linux_cooked);
  EXPECT_EQ(link_type(276), LinkType::linux_cooked_v2);
  for (const int raw : {12, 14, 101, 228, 229}) EXPECT_EQ(link_type(raw), LinkType::raw_ip);
  for (const int loop : {0, 108}) EXPECT_EQ(link_type(loop), LinkType::bsd_loopback);
  EXPECT_EQ(link_type(105), std::nullopt);
  EXPECT_EQ(link_type(-1), std::nullopt);
}

TEST(PcapPacket, OptionsAndPaddingAreNotThePayload) {
  expect_syn(parse(ipv4(kTcp, kTcpSyn, {.options = zeros(40)})), 80);
  // Ethernet fills up to 60 bytes: the IP header says how long the packet is.
  expect_syn(parse(ethernet(0x0800, ipv4(kTcp, kTcpSyn)) + zeros(6), LinkType::ethernet), 40);
  // The padding is no transport header.
  EXPECT_EQ(why(ipv4(kTcp, {}) + kTcpSyn), Unused::malformed);
}

TEST(PcapPacket, FlagsOfEachProtocol) {
  EXPECT_EQ(parse(ipv4(kTcp, tcp(1, 2, kSyn | kAck))).packet.flags, kSyn | kAck);
  EXPECT_EQ(parse(ipv4(kSctp, sctp(1, 2, engine::kSctpCookieEcho))).packet.flags, engine::kSctpCookieEcho);
  const ParsedPacket p = parse(ipv4(kUdp, udp(1234, 53, 30)));
  ASSERT_EQ(p.why, Unused::none);
  EXPECT_EQ(p.packet.flags, 0);
  EXPECT_EQ(p.packet.protocol, kUdp);
  EXPECT_EQ(p.packet.source.port, 1234);
  EXPECT_EQ(p.packet.destination.port, 53);
  EXPECT_EQ(p.packet.length, 58U);
}

TEST(PcapPacket, AFragmentSaysWhereItIs) {
  constexpr std::uint16_t kMore = 0x2000;
  const ParsedPacket first = parse(ipv4(kUdp, udp(1, 2, 24), {.options = zeros(4), .fragment = kMore}));
  EXPECT_EQ(first.why, Unused::fragment);
  EXPECT_EQ(first.packet.destination.port, 2);
  EXPECT_EQ(first.fragment.offset, 0U);
  EXPECT_EQ(first.fragment.size, 32U);
  EXPECT_EQ(first.fragment.headers, 24U);
  EXPECT_EQ(first.fragment.id, 1U);
  EXPECT_TRUE(first.fragment.more);
  EXPECT_EQ(first.fragment.source, ip4(50));
  EXPECT_EQ(first.fragment.destination, ip4(1));
  const ParsedPacket last = parse(ipv4(kUdp, zeros(9), {.fragment = 4}));
  EXPECT_EQ(last.why, Unused::fragment);
  EXPECT_EQ(last.fragment.offset, 32U);
  EXPECT_EQ(last.fragment.size, 9U);
  EXPECT_FALSE(last.fragment.more);
  EXPECT_EQ(why(ipv4(kUdp, udp(1, 2, 24), {.fragment = 0x4000})), Unused::none);  // do not fragment
  EXPECT_EQ(why(ipv4(kUdp, udp(1, 2, 25), {.fragment = kMore})), Unused::malformed) << "no multiple of 8 bytes";
  EXPECT_EQ(why(ipv4(kUdp, {}, {.fragment = 4})), Unused::malformed);
  EXPECT_EQ(why(ipv4(kUdp, zeros(64), {.fragment = 0x1fff})), Unused::malformed) << "beyond what an IP packet holds";
  EXPECT_EQ(why(ipv4(1, zeros(8), {.fragment = kMore})), Unused::other_protocol);

  const ParsedPacket six = parse(ipv6(60, Bytes{44, 0} + zeros(6) + Bytes{kUdp, 0, 0, 1, 1, 2, 3, 4} + udp(1, 2, 24)));
  EXPECT_EQ(six.why, Unused::fragment);
  EXPECT_EQ(six.packet.source.port, 1);
  EXPECT_EQ(six.fragment.headers, 48U) << "without the fragment header, which the whole datagram has not";
  EXPECT_EQ(six.fragment.id, 0x01020304U);
  EXPECT_EQ(parse(ipv6(44, Bytes{kUdp, 0, 0, 8, 0, 0, 0, 9} + zeros(24))).fragment.offset, 8U);
  EXPECT_EQ(why(ipv6(44, Bytes{kUdp, 0, 0, 0, 0, 0, 0, 9} + udp(1, 2, 24))), Unused::none) << "all of it in one";
}

TEST(PcapPacket, AnAbortBehindACookieCounts) {
  const auto packet = [](std::uint8_t first, std::size_t payload, const Bytes& behind) {
    return ipv4(kSctp, be16(5000) + be16(3868) + zeros(8) + Bytes{first, 0} + be16(4 + payload) + zeros((payload + 3) / 4 * 4) + behind);
  };
  const Bytes abort{6, 0, 0, 4};
  for (const std::uint8_t cookie : {engine::kSctpCookieEcho, engine::kSctpCookieAck}) {
    for (const std::size_t payload : {0U, 4U, 5U, 7U}) {
      const ParsedPacket p = parse(packet(cookie, payload, abort));
      ASSERT_EQ(p.why, Unused::none);
      EXPECT_EQ(p.packet.flags, cookie);
      EXPECT_TRUE(p.packet.aborts) << payload;
    }
    EXPECT_FALSE(parse(packet(cookie, 4, Bytes{0, 0, 0, 4})).packet.aborts) << "data";
    EXPECT_FALSE(parse(packet(cookie, 4, {})).packet.aborts);
    EXPECT_FALSE(parse(packet(cookie, 4, Bytes{6, 0, 0})).packet.aborts) << "no whole chunk";
    const Bytes cut = packet(cookie, 4, abort);
    EXPECT_FALSE(parse_packet(LinkType::raw_ip, std::span(cut).first(cut.size() - 4), static_cast<std::uint32_t>(cut.size())).packet.aborts) << "the capture has not got it";
  }
  EXPECT_FALSE(parse(packet(engine::kSctpData, 4, abort)).packet.aborts) << "the kernel looks behind cookies only";
}

TEST(PcapPacket, Ipv6AndItsExtensionHeaders) {
  const Bytes syn = tcp(40000, 80, kSyn);
  const Bytes chain = Bytes{60, 0} + zeros(6) + Bytes{43, 1} + zeros(14) + Bytes{51, 0} + zeros(6) + Bytes{kTcp, 4} + zeros(22) + syn;
  for (const Bytes& packet : {ipv6(kTcp, syn), ipv6(0, chain)}) {
    const ParsedPacket p = parse(packet);
    ASSERT_EQ(p.why, Unused::none);
    EXPECT_EQ(p.packet.family, 6);
    EXPECT_EQ(p.packet.source.port, 40000);
    EXPECT_EQ(p.packet.destination.port, 80);
    EXPECT_EQ(p.packet.source.address[0], 0x20);
    EXPECT_EQ(p.packet.source.address[15], 0x50);
    EXPECT_EQ(p.packet.destination.address[15], 1);
    EXPECT_EQ(p.packet.length, packet.size());
    EXPECT_EQ(p.packet.flags, kSyn);
  }
  EXPECT_EQ(why(ethernet(0x86dd, ipv6(kTcp, syn)), LinkType::ethernet), Unused::none);
  for (const std::uint8_t family : {10, 24, 28, 30}) EXPECT_EQ(why(Bytes{family, 0, 0, 0} + ipv6(kTcp, syn), LinkType::bsd_loopback), Unused::none);
  // A header that says it is longer than the packet.
  EXPECT_EQ(why(ipv6(0, Bytes{kTcp, 255} + zeros(6) + syn)), Unused::malformed);
  EXPECT_EQ(why(ipv6(59, {})), Unused::other_protocol);
  // An empty payload is no jumbogram, whatever the link put behind it.
  EXPECT_EQ(why(ipv6(kTcp, {}) + syn), Unused::malformed);
}

TEST(PcapPacket, LengthsThatTheHeaderCannotSay) {
  Bytes offloaded = ipv4(kTcp, kTcpSyn + zeros(70'000));
  offloaded[2] = offloaded[3] = 0;
  EXPECT_EQ(parse(offloaded).packet.length, 70'040U);
  Bytes jumbo = ipv6(0, Bytes{kTcp, 0, 0xc2, 4, 0, 1, 0x11, 0x8c} + kTcpSyn + zeros(70'000));
  jumbo[4] = jumbo[5] = 0;
  EXPECT_EQ(parse(jumbo).packet.length, 70'068U);
}

TEST(PcapPacket, WhatIsNoneForTheEngine) {
  EXPECT_EQ(why(ethernet(0x0806, zeros(28)), LinkType::ethernet), Unused::not_ip);
  EXPECT_EQ(why(ethernet(38, zeros(46)), LinkType::ethernet), Unused::not_ip);
  EXPECT_EQ(why(cooked(0x0806, zeros(28)), LinkType::linux_cooked), Unused::not_ip);
  EXPECT_EQ(why(Bytes{7, 0, 0, 0} + zeros(40), LinkType::bsd_loopback), Unused::not_ip);
  EXPECT_EQ(why(ipv4(1, zeros(8))), Unused::other_protocol);
  EXPECT_EQ(why(ipv6(58, zeros(8))), Unused::other_protocol);
}

TEST(PcapPacket, Malformed) {
  EXPECT_EQ(why({}), Unused::malformed);
  EXPECT_EQ(why(zeros(40)), Unused::malformed);
  EXPECT_EQ(why(zeros(13), LinkType::ethernet), Unused::malformed);
  Bytes small_header = ipv4(kTcp, kTcpSyn);
  small_header[0] = 0x44;
  EXPECT_EQ(why(small_header), Unused::malformed);
  Bytes long_header = ipv4(kTcp, kTcpSyn);
  long_header[0] = 0x4f;
  EXPECT_EQ(why(long_header), Unused::malformed);
  Bytes too_long = ipv4(kTcp, kTcpSyn);
  too_long[3] = 41;
  EXPECT_EQ(why(too_long), Unused::malformed);
  // The EtherType says one thing, the version another.
  EXPECT_EQ(why(ethernet(0x0800, ipv6(kTcp, kTcpSyn)), LinkType::ethernet), Unused::malformed);
  EXPECT_EQ(why(ethernet(0x86dd, ipv4(kTcp, kTcpSyn) + zeros(20)), LinkType::ethernet), Unused::malformed);
  EXPECT_EQ(why(ipv4(kTcp, zeros(19))), Unused::malformed);
  EXPECT_EQ(why(ipv4(kUdp, zeros(7))), Unused::malformed);
  EXPECT_EQ(why(ipv4(kSctp, zeros(15))), Unused::malformed);
}

// Whatever of a packet was captured: used as soon as its ports and flags are there, and before that neither used nor called malformed.
TEST(PcapPacket, EveryLengthOfACapture) {
  struct Case {
    Bytes bytes;
    LinkType link;
    std::size_t enough;
    Unused then = Unused::none;
  };
  const Case cases[] = {
      {ethernet(0x8100, tag(0x0800) + ipv4(kTcp, kTcpSyn, {.options = zeros(8)})), LinkType::ethernet, 14 + 4 + 28 + 14},
      {cooked(0x86dd, ipv6(0, Bytes{44, 0} + zeros(6) + Bytes{kUdp, 0, 0, 1, 0, 0, 0, 1} + udp(1, 2, 40))), LinkType::linux_cooked, 16 + 40 + 8 + 8 + 4, Unused::fragment},
      {cooked_v2(0x86dd, ipv6(51, Bytes{kSctp, 1} + zeros(10) + sctp(1, 2, 1))), LinkType::linux_cooked_v2, 20 + 40 + 12 + 13},
      {Bytes{2, 0, 0, 0} + ipv4(kUdp, udp(1, 2)), LinkType::bsd_loopback, 4 + 20 + 4},
  };
  for (const Case& c : cases) {
    for (std::size_t n = 0; n <= c.bytes.size(); ++n) {
      const Bytes captured(c.bytes.begin(), c.bytes.begin() + static_cast<std::ptrdiff_t>(n));
      EXPECT_EQ(parse_packet(c.link, captured, static_cast<std::uint32_t>(c.bytes.size())).why, n < c.enough ? Unused::cut : c.then) << n << " of " << c.bytes.size();
    }
  }
}

}  // namespace
}  // namespace vslog
