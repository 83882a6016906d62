// Fragments put together to datagrams, as the kernel does before its balancer sees them (ip_fragment.c, nf_conntrack_reasm.c).
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <tuple>

#include "source/engine/pcap_packet.h"

namespace vslog {

class PcapFragments {
 public:
  /// A datagram, and how many fragments it had.
  struct Whole {
    engine::Packet packet;
    std::uint64_t fragments = 0;
  };

  /// Takes a fragment; `first` is its packet, which counts where its offset is 0. `now` goes forward. Returns the datagram that it completes.
  std::optional<Whole> take(const Fragment& fragment, const engine::Packet& first, engine::Time now);

  /// Fragments that are in no whole datagram, so far.
  std::uint64_t unused() const { return unused_; }

  /// Spans of datagrams that are kept at most: beyond them the oldest datagram is let go.
  static constexpr std::size_t kMostSpans = 65'536;

 private:
  /// What all fragments of a datagram have in common.
  struct Key {
    Address source{};
    Address destination{};
    std::uint32_t id = 0;
    std::uint8_t family = 0;
    std::uint8_t protocol = 0;
    bool operator<(const Key& other) const {
      return std::tie(source, destination, id, family, protocol) < std::tie(other.source, other.destination, other.id, other.family, other.protocol);
    }
  };
  struct Datagram {
    Key key;
    engine::Time until = 0;
    std::map<std::uint32_t, std::uint32_t> spans;  ///< what has come, end by begin; none touches another
    std::optional<std::uint32_t> size;             ///< known since its last fragment came
    engine::Packet first;                          ///< with the headers' length; since the fragment of offset 0 came
    bool has_first = false;
    std::uint64_t fragments = 0;
  };
  using Datagrams = std::list<Datagram>;

  void let_go(Datagrams::iterator datagram);
  /// False: it contradicts what has come.
  static bool put(Datagram& datagram, const Fragment& fragment);

  Datagrams datagrams_;  ///< the oldest first
  std::map<Key, Datagrams::iterator> by_key_;
  std::size_t spans_ = 0;
  std::uint64_t unused_ = 0;
};

}  // namespace vslog
