// A packet of the simulated network with as much of its payload as its ends look at.
#pragma once

#include <cstdint>

#include "engine/packet.h"

namespace vslog::conformance {

using engine::Endpoint;

struct Segment {
  engine::Packet packet;
  std::uint32_t seq = 0;      ///< TCP: number of this SYN, byte or FIN; each counts one
  std::uint32_t ack = 0;      ///< TCP with ACK: the number that is expected next
  char data = 0;              ///< one byte of the application; 0: none
  Endpoint asked;             ///< of a client's packet: where the client sent it, whatever a balancer made of it
};

/// A packet the other way.
inline Segment answer_to(const Segment& segment, std::uint8_t flags) {
  Segment answer;
  answer.packet = segment.packet;
  answer.packet.source = segment.packet.destination;
  answer.packet.destination = segment.packet.source;
  answer.packet.flags = flags;
  answer.packet.fwmark = 0;
  answer.asked = answer.packet.destination;
  return answer;
}

}  // namespace vslog::conformance
