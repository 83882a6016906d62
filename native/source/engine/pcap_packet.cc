#include "source/engine/pcap_packet.h"

#include <algorithm>
#include <cstddef>

namespace vslog {
namespace {

// EtherTypes (IEEE 802 Numbers).
constexpr std::uint16_t kTypeIpv4 = 0x0800;
constexpr std::uint16_t kTypeIpv6 = 0x86dd;
constexpr std::uint16_t kTypeVlan = 0x8100;
constexpr std::uint16_t kTypeServiceVlan = 0x88a8;
constexpr std::uint16_t kTypeOldServiceVlan = 0x9100;

// IPv6 extension headers (RFC 8200, 4; RFC 4302; RFC 6275; RFC 7401; RFC 5533).
constexpr std::uint8_t kHopByHop = 0;
constexpr std::uint8_t kRouting = 43;
constexpr std::uint8_t kFragment = 44;
constexpr std::uint8_t kAuthentication = 51;
constexpr std::uint8_t kDestinationOptions = 60;
constexpr std::uint8_t kMobility = 135;
constexpr std::uint8_t kHostIdentity = 139;
constexpr std::uint8_t kShim6 = 140;

constexpr std::size_t kTcpHeader = 20;
constexpr std::size_t kTcpFlagsAt = 13;
constexpr std::size_t kUdpHeader = 8;
constexpr std::size_t kSctpHeader = 12;
constexpr std::size_t kSctpChunkHeader = 4;

/// One captured packet on its way from the outside in. Each step returns why it cannot go on, or none.
class Parser {
 public:
  Parser(std::span<const std::uint8_t> bytes, std::uint32_t wire_length) : bytes_(bytes), end_(std::max<std::size_t>(wire_length, bytes.size())) {}

  Unused link(LinkType type) {
    switch (type) {
      case LinkType::ethernet: return typed(12, 14);
      case LinkType::linux_cooked: return typed(14, 16);
      case LinkType::linux_cooked_v2: return typed(0, 20);
      case LinkType::raw_ip: return ip();
      case LinkType::bsd_loopback: return loopback();
    }
    return Unused::not_ip;
  }

  const engine::Packet& packet() const { return packet_; }
  const Fragment& fragment() const { return fragment_; }

 private:
  /// Whether `count` bytes from `at_` on may be read.
  Unused need(std::size_t count) const {
    if (at_ + count > end_) return Unused::malformed;
    return at_ + count > bytes_.size() ? Unused::cut : Unused::none;
  }
  // Below `at_` + what need() was asked for.
  std::uint8_t u8(std::size_t offset) const { return bytes_[at_ + offset]; }
  std::uint16_t u16(std::size_t offset) const { return static_cast<std::uint16_t>(u8(offset) << 8 | u8(offset + 1)); }

  /// A header of `size` bytes with an EtherType at `type_at`, and the VLAN tags behind it.
  Unused typed(std::size_t type_at, std::size_t size) {
    if (const Unused why = need(size); why != Unused::none) return why;
    std::uint16_t type = u16(type_at);
    at_ += size;
    while (type == kTypeVlan || type == kTypeServiceVlan || type == kTypeOldServiceVlan) {
      if (const Unused why = need(4); why != Unused::none) return why;
      type = u16(2);
      at_ += 4;
    }
    if (type == kTypeIpv4) return ipv4();
    return type == kTypeIpv6 ? ipv6() : Unused::not_ip;
  }

  Unused loopback() {
    if (const Unused why = need(4); why != Unused::none) return why;
    // In the byte order of the machine that captured; families are small numbers.
    const std::uint16_t family = u16(0) != 0 ? static_cast<std::uint16_t>(u8(1) << 8 | u8(0)) : u16(2);
    at_ += 4;
    switch (family) {
      case 2: return ipv4();
      case 10:  // Linux
      case 24:  // NetBSD, OpenBSD
      case 28:  // FreeBSD
      case 30:  // Darwin
        return ipv6();
      default: return Unused::not_ip;
    }
  }

  Unused ip() {
    if (const Unused why = need(1); why != Unused::none) return why;
    return u8(0) >> 4 == 6 ? ipv6() : ipv4();
  }

  /// Narrows what follows to an IP packet of `length` bytes; 0: all that is left, for it was too much for the header.
  Unused confine(std::size_t length) {
    if (length == 0) length = end_ - at_;
    else if (at_ + length > end_) return Unused::malformed;
    end_ = at_ + length;
    packet_.length = static_cast<std::uint32_t>(length);
    return Unused::none;
  }

  Unused ipv4() {
    if (const Unused why = need(20); why != Unused::none) return why;
    const std::size_t header = (u8(0) & 15U) * 4U;
    if (u8(0) >> 4 != 4 || header < 20) return Unused::malformed;
    if (const Unused why = confine(u16(2)); why != Unused::none) return why;
    packet_.family = 4;
    packet_.source.address = ipv4_address(12);
    packet_.destination.address = ipv4_address(16);
    const std::uint8_t protocol = u8(9);
    const std::uint16_t place = u16(6);
    const std::uint16_t id = u16(4);
    // Its options say nothing that the engine asks for: a capture may have cut them.
    if (at_ + header > end_) return Unused::malformed;
    at_ += header;
    const bool more = (place & 0x2000) != 0;
    const std::uint32_t offset = (place & 0x1fffU) * 8;
    if (!more && offset == 0) return transport(protocol);
    return fragment(protocol, id, offset, more, static_cast<std::uint32_t>(header));
  }

  /// `headers`: bytes of the headers that each fragment has. What follows is the fragment.
  Unused fragment(std::uint8_t protocol, std::uint32_t id, std::uint32_t offset, bool more, std::uint32_t headers) {
    const auto size = static_cast<std::uint32_t>(end_ - at_);
    // All but the last are multiples of 8 bytes, and all together fit an IP packet.
    if (size == 0 || (more && size % 8 != 0) || headers + offset + size > UINT16_MAX + (packet_.family == 6 ? 40U : 0U)) return Unused::malformed;
    if (protocol != engine::kTcp && protocol != engine::kUdp && protocol != engine::kSctp) return Unused::other_protocol;
    // Only the first one has ports.
    if (offset == 0) {
      if (const Unused why = transport(protocol); why != Unused::none) return why;
    }
    fragment_ = {packet_.source.address, packet_.destination.address, id, packet_.family, protocol, more, offset, size, headers};
    return Unused::fragment;
  }

  Unused ipv6() {
    if (const Unused why = need(40); why != Unused::none) return why;
    if (u8(0) >> 4 != 6) return Unused::malformed;
    // A payload of 0 bytes is one that only the jumbo option can name, or none at all.
    const std::size_t payload = u16(4);
    const bool jumbo = payload == 0 && (u8(6) == kHopByHop || end_ - at_ > 40 + UINT16_MAX);
    if (const Unused why = confine(jumbo ? 0 : 40 + payload); why != Unused::none) return why;
    packet_.family = 6;
    packet_.source.address = ipv6_address(8);
    packet_.destination.address = ipv6_address(24);
    std::uint8_t next = u8(6);
    const std::size_t begin = at_;
    at_ += 40;
    // Each header is at least 8 bytes: it ends with the packet.
    for (;;) {
      std::size_t size = 8;
      switch (next) {
        case kHopByHop:
        case kRouting:
        case kDestinationOptions:
        case kMobility:
        case kHostIdentity:
        case kShim6:
          if (const Unused why = need(2); why != Unused::none) return why;
          size = (u8(1) + 1U) * 8U;
          break;
        case kAuthentication:
          if (const Unused why = need(2); why != Unused::none) return why;
          size = std::max<std::size_t>((u8(1) + 2U) * 4U, 8);
          break;
        case kFragment: {
          if (const Unused why = need(8); why != Unused::none) return why;
          const std::uint16_t place = u16(2);
          if ((place & 0xfff9) == 0) break;  // all of it in one
          const std::uint32_t id = static_cast<std::uint32_t>(u16(4)) << 16 | u16(6);
          const auto headers = static_cast<std::uint32_t>(at_ - begin);
          next = u8(0);
          at_ += 8;
          return fragment(next, id, place & 0xfff8U, (place & 1) != 0, headers);
        }
        default: return transport(next);
      }
      if (at_ + size > end_) return Unused::malformed;
      next = u8(0);
      at_ += size;
    }
  }

  Unused transport(std::uint8_t protocol) {
    std::size_t header = 0;  // that must be there
    std::size_t wanted = 0;  // that is read
    switch (protocol) {
      case engine::kTcp: header = kTcpHeader, wanted = kTcpFlagsAt + 1; break;
      case engine::kUdp: header = kUdpHeader, wanted = 4; break;
      case engine::kSctp: header = kSctpHeader + kSctpChunkHeader, wanted = kSctpHeader + 1; break;
      default: return Unused::other_protocol;
    }
    if (at_ + header > end_) return Unused::malformed;
    if (const Unused why = need(wanted); why != Unused::none) return why;
    packet_.protocol = protocol;
    packet_.source.port = u16(0);
    packet_.destination.port = u16(2);
    if (protocol == engine::kTcp) packet_.flags = u8(kTcpFlagsAt);
    else if (protocol == engine::kSctp) chunks();
    return Unused::none;
  }

  /// The first chunk's type; and behind a COOKIE ECHO or COOKIE ACK the kernel looks for an ABORT. Where the capture has cut that off, nobody knows of one.
  void chunks() {
    packet_.flags = u8(kSctpHeader);
    if (packet_.flags != engine::kSctpCookieEcho && packet_.flags != engine::kSctpCookieAck) return;
    if (need(kSctpHeader + kSctpChunkHeader) != Unused::none) return;
    const std::size_t size = u16(kSctpHeader + 2);
    if (size < kSctpChunkHeader) return;
    const std::size_t second = kSctpHeader + (size + 3) / 4 * 4;
    if (at_ + second + kSctpChunkHeader > end_ || need(second + 1) != Unused::none) return;
    packet_.aborts = u8(second) == engine::kSctpAbort;
  }

  Address ipv4_address(std::size_t offset) const {
    const std::uint8_t bytes[4] = {u8(offset), u8(offset + 1), u8(offset + 2), u8(offset + 3)};
    return map_ipv4(bytes);
  }

  Address ipv6_address(std::size_t offset) const {
    Address address{};
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at_ + offset), address.size(), address.begin());
    return address;
  }

  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  std::size_t end_;  ///< where the packet ends; it may be behind what was captured
  engine::Packet packet_;
  Fragment fragment_;
};

}  // namespace

std::optional<LinkType> link_type(int dlt) {
  // https://www.tcpdump.org/linktypes.html; raw IP is 12 or 14 inside of libpcap.
  switch (dlt) {
    case 0:
    case 108: return LinkType::bsd_loopback;
    case 1: return LinkType::ethernet;
    case 12:
    case 14:
    case 101:
    case 228:
    case 229: return LinkType::raw_ip;
    case 113: return LinkType::linux_cooked;
    case 276: return LinkType::linux_cooked_v2;
    default: return std::nullopt;
  }
}

ParsedPacket parse_packet(LinkType link, std::span<const std::uint8_t> bytes, std::uint32_t wire_length) {
  Parser parser(bytes, wire_length);
  const Unused why = parser.link(link);
  if (why == Unused::fragment) return {why, parser.packet(), parser.fragment()};
  if (why != Unused::none) return {why, {}, {}};
  return {why, parser.packet(), {}};
}

}  // namespace vslog
