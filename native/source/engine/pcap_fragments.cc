#include "source/engine/pcap_fragments.h"

#include <iterator>
#include <utility>

namespace vslog {
namespace {

/// How long the kernel waits for the rest from the first of them on: ipfrag_time, nf_conntrack_frag6_timeout.
constexpr engine::Time patience(std::uint8_t family) { return (family == 6 ? 60 : 30) * engine::kSecond; }

}  // namespace

std::optional<PcapFragments::Whole> PcapFragments::take(const Fragment& fragment, const engine::Packet& first, engine::Time now) {
  // IPv6's wait longer, so one of them may hide others of IPv4 whose time is over: those are found by their own fragments.
  while (!datagrams_.empty() && datagrams_.front().until < now) let_go(datagrams_.begin());
  ++unused_;
  // Names of IPv6's datagrams do not depend on the protocol (RFC 8200, 4.5).
  const Key key{fragment.source, fragment.destination, fragment.id, fragment.family, fragment.family == 6 ? std::uint8_t{0} : fragment.protocol};
  auto found = by_key_.find(key);
  if (found != by_key_.end() && found->second->until < now) {
    let_go(found->second);
    found = by_key_.end();
  }
  if (found == by_key_.end()) {
    const auto added = datagrams_.insert(datagrams_.end(), {.key = key, .until = now + patience(fragment.family), .spans = {}, .size = {}, .first = {}});
    found = by_key_.emplace(key, added).first;
  }
  const auto at = found->second;
  Datagram& datagram = *at;
  ++datagram.fragments;
  const std::size_t before = datagram.spans.size();
  const bool agrees = put(datagram, fragment);
  spans_ += datagram.spans.size() - before;
  if (!agrees) {
    let_go(at);
    return std::nullopt;
  }
  if (fragment.offset == 0) {
    datagram.first = first;
    datagram.first.length = fragment.headers;
    datagram.has_first = true;
  }
  if (!datagram.has_first || !datagram.size || datagram.spans.size() != 1 || datagram.spans.begin()->second != *datagram.size) {
    while (spans_ > kMostSpans) let_go(datagrams_.begin());
    return std::nullopt;
  }
  Whole whole{datagram.first, datagram.fragments};
  whole.packet.length += *datagram.size;
  unused_ -= whole.fragments;
  let_go(at);
  return whole;
}

void PcapFragments::let_go(Datagrams::iterator datagram) {
  spans_ -= datagram->spans.size();
  by_key_.erase(datagram->key);
  datagrams_.erase(datagram);
}

bool PcapFragments::put(Datagram& datagram, const Fragment& fragment) {
  std::uint32_t begin = fragment.offset;
  std::uint32_t end = begin + fragment.size;
  if (!fragment.more) {
    if (datagram.size && *datagram.size != end) return false;
    datagram.size = end;
  }
  if (datagram.size && end > *datagram.size) return false;
  auto& spans = datagram.spans;
  auto next = spans.upper_bound(begin);
  if (next != spans.begin()) {
    const auto before = std::prev(next);
    // The kernel takes no notice of one that came twice, and gives up a datagram whose fragments overlap otherwise (inet_frag_queue_insert).
    if (before->second >= end) return true;
    if (before->second > begin) return false;
    if (before->second == begin) {
      begin = before->first;
      spans.erase(before);
    }
  }
  if (next != spans.end()) {
    if (next->first < end) return false;
    if (next->first == end) {
      end = next->second;
      spans.erase(next);
    }
  }
  spans.emplace(begin, end);
  // Whatever stands behind the end that was told later contradicts it.
  return !datagram.size || spans.rbegin()->second <= *datagram.size;
}

}  // namespace vslog
