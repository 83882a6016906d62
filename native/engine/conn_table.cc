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
    : max_(max), seed_(mix(seed ^ 0x9e3779b97f4a7c15, 0xe7037ed1a0b428db)), level_mask_((1U << std::clamp(bits, 4U, 28U)) - 1) {
  for (std::uint32_t i = 0; i <= level_mask_; ++i) add_bucket();
}

std::uint32_t ConnTable::bucket_of(std::uint8_t protocol, const Address& client, std::uint16_t port) const {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, client.data(), 8);
  std::memcpy(&low, client.data() + 8, 8);
  const std::uint64_t key = (static_cast<std::uint64_t>(protocol) << 16 | port) * 0xa0761d6478bd642f;
  const auto h = static_cast<std::uint32_t>(mix(high ^ seed_ ^ key, low ^ 0x8ebc6af09c88c6e3 ^ (seed_ << 1)));
  // Buckets below the split point have been halved already: those use one bit more.
  const std::uint32_t wide = h & (level_mask_ << 1 | 1);
  return wide < buckets_ ? wide : h & level_mask_;
}

void ConnTable::add_bucket() {
  if ((buckets_ & kHeadMask) == 0) {
    heads_.push_back(std::make_unique<std::uint32_t[]>(kHeadMask + 1));
    std::fill_n(heads_.back().get(), kHeadMask + 1, kNone);
  }
  ++buckets_;
}

void ConnTable::split() {
  const std::uint32_t from = buckets_ - (level_mask_ + 1);
  std::uint32_t rest = bucket(from);
  bucket(from) = kNone;
  add_bucket();
  // Entries keep their order within a chain: the newest of equal ones must stay in front.
  std::uint32_t* ends[2] = {&bucket(from), &bucket(buckets_ - 1)};
  while (rest != kNone) {
    Conn& c = at(rest);
    const std::uint32_t next = c.hash_next;
    c.hash_next = kNone;
    std::uint32_t*& end = ends[bucket_of(c.protocol, c.client, c.client_port) == from ? 0 : 1];
    *end = rest;
    end = &c.hash_next;
    rest = next;
  }
  if (buckets_ == (level_mask_ + 1) * 2) level_mask_ = level_mask_ << 1 | 1;
}

std::uint32_t ConnTable::allocate(std::uint64_t id) {
  if (size_ >= max_) return kNone;
  std::uint32_t index = free_;
  if (index != kNone) {
    free_ = at(index).hash_next;
    at(index) = Conn{};
  } else {
    index = high_;
    if (index >> kSlabBits == slabs_.size()) slabs_.push_back(std::make_unique<Conn[]>(kSlabMask + 1));
    ++high_;
  }
  at(index).id = id;
  ++size_;
  return index;
}

void ConnTable::release(std::uint32_t index) {
  Conn& c = at(index);
  c.id = 0;
  c.hash_next = free_;
  free_ = index;
  --size_;
}

void ConnTable::hash(std::uint32_t index) {
  Conn& c = at(index);
  if (++hashed_ > buckets_ && buckets_ < 1U << 31) split();
  std::uint32_t& head = bucket(bucket_of(c.protocol, c.client, c.client_port));
  c.hash_next = head;
  c.flags |= kInHash;
  head = index;
}

void ConnTable::unhash(std::uint32_t index) {
  Conn& c = at(index);
  if ((c.flags & kInHash) == 0) return;
  std::uint32_t* link = &bucket(bucket_of(c.protocol, c.client, c.client_port));
  while (*link != index) link = &at(*link).hash_next;
  *link = c.hash_next;
  c.hash_next = kNone;
  c.flags &= ~static_cast<std::uint32_t>(kInHash);
  --hashed_;
}

std::uint64_t ConnTable::memory_bytes() const {
  return slabs_.size() * (kSlabMask + 1) * sizeof(Conn) + heads_.size() * (kHeadMask + 1) * sizeof(std::uint32_t);
}

}  // namespace vslog::engine
