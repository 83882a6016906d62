// Feeds arbitrary bytes to the reader of connection tracking's messages, and what comes out to the log of flows and the encoder.
// Input: messages, each behind two bytes that tell its length (little-endian).
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <set>
#include <vector>

#include "source/conntrack/flow_log.h"
#include "source/conntrack/flow_parser.h"
#include "wire/encoder.h"

namespace {

/// Checks what every log must be: no second beginning, no end without a beginning.
struct Checking final : vslog::FlowRecords {
  std::array<char, vslog::kMaxConnSize> out;
  std::set<std::uint64_t> open;

  void record(const vslog::ConnRecord& record) override {
    vslog::encode(record, 1, out.data());
    const bool begins = record.kind == vslog::EventKind::create || record.kind == vslog::EventKind::snapshot;
    if (begins && !open.insert(record.conn_id).second) std::abort();
    if (record.kind == vslog::EventKind::expire && open.erase(record.conn_id) == 0) std::abort();
    if (record.kind == vslog::EventKind::state && !open.contains(record.conn_id)) std::abort();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vslog::ConntrackOptions options;
  options.states = true;
  options.max_conns = 1024;
  vslog::FlowLog log(options, 1, 1, true);
  log.set_whole(size % 2 == 1);
  Checking sink;
  std::uint64_t now = 1'000'000;
  for (std::size_t at = 0; at + 2 <= size;) {
    const std::size_t length = std::min<std::size_t>(data[at] | data[at + 1] << 8, size - at - 2);
    at += 2;
    // A copy of its own, so that a byte read beyond it is seen.
    std::vector<std::byte> message(length);
    if (length > 0) std::memcpy(message.data(), data + at, length);
    at += length;
    vslog::Flow flow;
    if (vslog::parse_flow(message, flow) != vslog::Parsed::flow) continue;
    ++now;
    if (flow.kind != vslog::Flow::Kind::listed) log.event(flow, now, 0, sink);
    else if (log.table().find(vslog::key_of(flow)) == nullptr) log.listed(flow, now, 0, sink);
  }
  // Every known flow is open in the log; more may be, those that found no room in the table.
  if (log.table().size() + log.not_remembered() < sink.open.size()) std::abort();
  return 0;
}
