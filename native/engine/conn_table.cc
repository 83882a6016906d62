#include "engine/conn_table.h"

#include <algorithm>
#include <cstring>

namespace vslog::engine {
namespace {

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

ConnTable::ConnTable(std::uint32_t max, std::uint32_t bits, std::uint64_t seed)
    : max_(max),
      seed_(mix(seed ^ 0x9e3779b97f4a7c15, 0xe7037ed1a0b428db)),
      count_(1U << std::clamp(bits, 2U, 26U)),
      level_mask_(count_ - 1) {
  buckets_.reach(count_ - 1);
  overflow_.reach(0);
}

std::uint32_t ConnTable::hash_of(std::uint8_t protocol, const Address& client, std::uint16_t port) const {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, client.data(), 8);
  std::memcpy(&low, client.data() + 8, 8);
  const std::uint64_t key = (static_cast<std::uint64_t>(protocol) << 16 | port) * 0xa0761d6478bd642f;
  return static_cast<std::uint32_t>(mix(high ^ seed_ ^ key, low ^ 0x8ebc6af09c88c6e3 ^ (seed_ << 1)));
}

std::uint32_t ConnTable::take_overflow() {
  std::uint32_t number = overflow_free_;
  if (number != kNoOverflow) {
    overflow_free_ = overflow_[number].overflow;
  } else {
    number = overflow_high_++;
    overflow_.reach(number);
  }
  overflow_[number] = Bucket{};
  return number;
}

void ConnTable::free_overflow(std::uint32_t number) {
  overflow_[number].overflow = overflow_free_;
  overflow_free_ = number;
}

void ConnTable::put(Bucket& bucket, std::uint32_t hash, std::uint32_t index) {
  Bucket* b = &bucket;
  while (b->count == kWays) {
    if (b->overflow == kNoOverflow) b->overflow = take_overflow();
    b = &overflow_[b->overflow];
  }
  b->hash[b->count] = hash;
  b->index[b->count] = index;
  ++b->count;
}

void ConnTable::split() {
  const std::uint32_t from = count_ - (level_mask_ + 1);
  buckets_.reach(count_);
  const std::uint32_t to = count_++;
  Bucket rest = buckets_[from];
  buckets_[from] = Bucket{};
  for (;;) {
    for (std::uint32_t i = 0; i < rest.count; ++i) put(buckets_[bucket_of(rest.hash[i]) == from ? from : to], rest.hash[i], rest.index[i]);
    const std::uint32_t next = rest.overflow;
    if (next == kNoOverflow) break;
    rest = overflow_[next];
    free_overflow(next);
  }
  if (count_ == (level_mask_ + 1) * 2) level_mask_ = level_mask_ << 1 | 1;
}

std::uint32_t ConnTable::allocate(std::uint64_t id) {
  if (size_ >= max_) return kNone;
  std::uint32_t index = free_;
  if (index != kNone) {
    free_ = entries_[index].timer_next;
  } else {
    index = high_++;
    entries_.reach(index);
  }
  entries_[index] = Conn{};
  entries_[index].id = id;
  ++size_;
  return index;
}

void ConnTable::release(std::uint32_t index) {
  Conn& c = entries_[index];
  c.id = 0;
  c.timer_next = free_;
  free_ = index;
  --size_;
}

void ConnTable::hash(std::uint32_t index) {
  if (++hashed_ / kMeanLoad > count_ && count_ < 1U << 30) split();
  Conn& c = entries_[index];
  const std::uint32_t h = hash_of(c.protocol, c.client, c.client_port);
  put(buckets_[bucket_of(h)], h, index);
  c.flags |= kInHash;
}

void ConnTable::unhash(std::uint32_t index) {
  Conn& c = entries_[index];
  if ((c.flags & kInHash) == 0) return;
  const std::uint32_t h = hash_of(c.protocol, c.client, c.client_port);
  Bucket* found = nullptr;
  std::uint32_t place = 0;
  std::uint32_t* link = nullptr;
  // The last one of the chain takes its place, so that only the last bucket is ever not full.
  Bucket* b = &buckets_[bucket_of(h)];
  for (;;) {
    for (std::uint32_t i = 0; found == nullptr && i < b->count; ++i) {
      if (b->index[i] != index) continue;
      found = b;
      place = i;
    }
    if (b->overflow == kNoOverflow) break;
    link = &b->overflow;
    b = &overflow_[b->overflow];
  }
  --b->count;
  found->hash[place] = b->hash[b->count];
  found->index[place] = b->index[b->count];
  if (b->count == 0 && link != nullptr) {
    const std::uint32_t empty = *link;
    *link = kNoOverflow;
    free_overflow(empty);
  }
  c.flags &= ~static_cast<std::uint32_t>(kInHash);
  --hashed_;
}

}  // namespace vslog::engine
