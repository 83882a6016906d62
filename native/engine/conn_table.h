// Where connections live: a slab of entries, and a hash by protocol, client address and client port as ip_vs_conn_tab has it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/conn.h"

namespace vslog::engine {

/// Entries keep their index while they live. The hash grows one bucket an entry (linear hashing), so that no packet waits for a rehash.
class ConnTable {
 public:
  /// At most `max` entries; 2^`bits` buckets to begin with. `seed` keeps strangers from choosing the chains.
  ConnTable(std::uint32_t max, std::uint32_t bits, std::uint64_t seed);

  /// A fresh entry with this id, or kNone when there is no room.
  std::uint32_t allocate(std::uint64_t id);
  /// It must not be in the hash any more.
  void release(std::uint32_t index);

  Conn& at(std::uint32_t index) { return slabs_[index >> kSlabBits][index & kSlabMask]; }
  const Conn& at(std::uint32_t index) const { return slabs_[index >> kSlabBits][index & kSlabMask]; }

  /// Puts it in front of its chain: the newest of equal ones is found first.
  void hash(std::uint32_t index);
  void unhash(std::uint32_t index);

  /// The first entry of the chain where connections of this client are; follow Conn::hash_next.
  std::uint32_t chain(std::uint8_t protocol, const Address& client, std::uint16_t port) const { return bucket(bucket_of(protocol, client, port)); }

  std::uint32_t size() const { return size_; }
  std::uint32_t max() const { return max_; }
  /// Entries from 0 to this were used at some time; those with id 0 are free now.
  std::uint32_t high() const { return high_; }
  std::uint32_t buckets() const { return buckets_; }
  std::uint32_t chain_at(std::uint32_t bucket_number) const { return bucket(bucket_number); }
  std::uint64_t memory_bytes() const;

 private:
  static constexpr std::uint32_t kSlabBits = 12;
  static constexpr std::uint32_t kSlabMask = (1U << kSlabBits) - 1;
  static constexpr std::uint32_t kHeadBits = 14;
  static constexpr std::uint32_t kHeadMask = (1U << kHeadBits) - 1;

  std::uint32_t& bucket(std::uint32_t number) { return heads_[number >> kHeadBits][number & kHeadMask]; }
  std::uint32_t bucket(std::uint32_t number) const { return heads_[number >> kHeadBits][number & kHeadMask]; }
  std::uint32_t bucket_of(std::uint8_t protocol, const Address& client, std::uint16_t port) const;
  void add_bucket();
  void split();

  std::uint32_t max_;
  std::uint64_t seed_;
  std::uint32_t size_ = 0;
  std::uint32_t high_ = 0;
  std::uint32_t free_ = kNone;
  std::uint32_t hashed_ = 0;
  std::uint32_t buckets_ = 0;
  std::uint32_t level_mask_ = 0;  ///< buckets of the last full doubling, less 1
  std::vector<std::unique_ptr<Conn[]>> slabs_;
  std::vector<std::unique_ptr<std::uint32_t[]>> heads_;
};

}  // namespace vslog::engine
