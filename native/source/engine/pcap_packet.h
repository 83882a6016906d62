// Captured bytes as the engine's packets. Pure: no file, no clock.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "engine/packet.h"

namespace vslog {

/// What a captured packet begins with.
enum class LinkType : std::uint8_t {
  ethernet,            ///< with any number of VLAN tags
  linux_cooked,        ///< SLL: what "tcpdump -i any" wrote for long
  linux_cooked_v2,     ///< SLL2: what it writes now
  raw_ip,
  bsd_loopback,        ///< NULL and LOOP: an address family, in either byte order
};

/// By libpcap's number. None: not one that parse_packet() reads.
std::optional<LinkType> link_type(int dlt);

/// Why a captured packet is none for the engine.
enum class Unused : std::uint8_t {
  none,            ///< it is one
  not_ip,          ///< ARP, spanning tree, IP inside of something else
  fragment,        ///< a part of a datagram: PcapFragments puts them together
  other_protocol,  ///< neither TCP nor UDP nor SCTP
  cut,             ///< the capture kept too few of its bytes
  malformed,       ///< its lengths or versions contradict each other
};

/// A part of a datagram, and where in it.
struct Fragment {
  Address source{};
  Address destination{};
  std::uint32_t id = 0;       ///< the same for all fragments of a datagram between two addresses
  std::uint8_t family = 4;
  std::uint8_t protocol = 0;
  bool more = false;          ///< others stand behind it
  std::uint32_t offset = 0;   ///< of its first byte, from the end of the headers that each fragment has
  std::uint32_t size = 0;     ///< bytes
  std::uint32_t headers = 0;  ///< bytes of the headers that each fragment has, as the whole datagram has them
};

struct ParsedPacket {
  Unused why = Unused::malformed;
  engine::Packet packet;  ///< with `none`, and with `fragment` of one whose offset is 0, but for its length
  Fragment fragment;      ///< with `fragment` only
};

/// `bytes` is what was captured; `wire_length` how long the packet was. Every byte is checked to be there before it is read.
/// Packet::length is what the IP header says; where that says 0 because it cannot say so much, what is left of `wire_length`.
ParsedPacket parse_packet(LinkType link, std::span<const std::uint8_t> bytes, std::uint32_t wire_length);

}  // namespace vslog
