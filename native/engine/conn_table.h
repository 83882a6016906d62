// Where connections live: a slab of entries, and a hash by protocol, client address and client port as ip_vs_conn_tab has it.
#pragma once

#include <array>
#include <cstdint>

#include "engine/conn.h"
#include "engine/huge_array.h"

namespace vslog::engine {

/// Entries keep their index while they live. A bucket is one cache line with the hashes of its entries, so that a packet without a connection touches no
/// entry; buckets are added one at a time (linear hashing), so that no packet waits for a rehash.
class ConnTable {
 public:
  /// At most `max` entries; 2^`bits` buckets to begin with. `seed` keeps strangers from choosing the buckets.
  ConnTable(std::uint32_t max, std::uint32_t bits, std::uint64_t seed);

  /// A fresh entry with this id, or kNone when there is no room.
  std::uint32_t allocate(std::uint64_t id);
  /// It must not be in the hash any more.
  void release(std::uint32_t index);

  Conn& at(std::uint32_t index) { return entries_[index]; }
  const Conn& at(std::uint32_t index) const { return entries_[index]; }

  void hash(std::uint32_t index);
  /// Does nothing to an entry that is not in the hash.
  void unhash(std::uint32_t index);

  /// The first entry of this client and port for which `wanted(entry)` holds, or kNone.
  template <typename Wanted>
  std::uint32_t find(std::uint8_t protocol, const Address& client, std::uint16_t port, Wanted&& wanted) const {
    const std::uint32_t h = hash_of(protocol, client, port);
    for (const Bucket* b = &buckets_[bucket_of(h)];; b = &overflow_[b->overflow]) {
      for (std::uint32_t i = 0; i < b->count; ++i) {
        if (b->hash[i] != h) continue;
        const Conn& c = entries_[b->index[i]];
        if (c.client_port == port && c.protocol == protocol && c.client == client && wanted(c)) return b->index[i];
      }
      if (b->overflow == kNoOverflow) return kNone;
    }
  }

  /// `visit(index)` for each entry of one bucket.
  template <typename Visit>
  void each_in(std::uint32_t number, Visit&& visit) const {
    for (const Bucket* b = &buckets_[number];; b = &overflow_[b->overflow]) {
      for (std::uint32_t i = 0; i < b->count; ++i) visit(b->index[i]);
      if (b->overflow == kNoOverflow) return;
    }
  }

  std::uint32_t size() const { return size_; }
  std::uint32_t max() const { return max_; }
  /// Entries from 0 to this were used at some time; those with id 0 are free now.
  std::uint32_t high() const { return high_; }
  std::uint32_t buckets() const { return count_; }
  std::uint64_t memory_bytes() const { return entries_.memory_bytes() + buckets_.memory_bytes() + overflow_.memory_bytes(); }

 private:
  static constexpr std::uint32_t kWays = 7;
  static constexpr std::uint32_t kMeanLoad = 4;
  static constexpr std::uint32_t kNoOverflow = 0;  // overflow_[0] is never used, so that zeroed memory is an empty bucket

  struct alignas(64) Bucket {
    std::array<std::uint32_t, kWays> hash;
    std::array<std::uint32_t, kWays> index;
    std::uint32_t count;
    std::uint32_t overflow;  ///< the rest, in overflow_
  };

  std::uint32_t hash_of(std::uint8_t protocol, const Address& client, std::uint16_t port) const;
  std::uint32_t bucket_of(std::uint32_t hash) const {
    // Buckets below the split point have been halved already: those use one bit more.
    const std::uint32_t wide = hash & (level_mask_ << 1 | 1);
    return wide < count_ ? wide : hash & level_mask_;
  }
  void put(Bucket& bucket, std::uint32_t hash, std::uint32_t index);
  std::uint32_t take_overflow();
  void free_overflow(std::uint32_t number);
  void split();

  std::uint32_t max_;
  std::uint64_t seed_;
  std::uint32_t size_ = 0;
  std::uint32_t high_ = 0;
  std::uint32_t free_ = kNone;
  std::uint32_t hashed_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t level_mask_ = 0;  ///< buckets of the last full doubling, less 1
  std::uint32_t overflow_high_ = 1;
  std::uint32_t overflow_free_ = kNoOverflow;
  HugeArray<Conn, 18> entries_;
  HugeArray<Bucket, 15> buckets_;
  HugeArray<Bucket, 15> overflow_;
};

}  // namespace vslog::engine
