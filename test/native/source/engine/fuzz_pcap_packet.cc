// Feeds arbitrary bytes to the parser of captured packets. What it takes must fit in what there is, and be the same when padding follows.
#include <cstdlib>
#include <vector>

#include "source/engine/pcap_packet.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const auto link = static_cast<vslog::LinkType>(data[0] % 5);
  // A heap block of just this size: the sanitizer sees each byte too many.
  const std::vector<std::uint8_t> bytes(data + 3, data + size);
  const auto captured = static_cast<std::uint32_t>(bytes.size());
  const std::uint32_t wire = captured + (data[1] << 8 | data[2]);
  const vslog::ParsedPacket p = vslog::parse_packet(link, bytes, wire);
  const vslog::ParsedPacket whole = vslog::parse_packet(link, bytes, captured);
  if (whole.why == vslog::Unused::cut) std::abort();
  if (p.why == vslog::Unused::none) {
    const vslog::engine::Packet& q = p.packet;
    if (q.length > wire || q.length < 28 || (q.family != 4 && q.family != 6)) std::abort();
    if (q.protocol != vslog::engine::kTcp && q.protocol != vslog::engine::kUdp && q.protocol != vslog::engine::kSctp) std::abort();
  }
  // A packet that is whole by its captured bytes stays so when it was longer on the wire.
  if (whole.why == vslog::Unused::none && (p.why != vslog::Unused::none || p.packet.source != whole.packet.source || p.packet.destination != whole.packet.destination)) std::abort();
  return 0;
}
