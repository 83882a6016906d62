#include "source/conntrack/flow_table.h"

#include <cstring>

namespace vslog {
namespace {

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t word(const void* from) {
  std::uint64_t w = 0;
  std::memcpy(&w, from, sizeof w);
  return w;
}

}  // namespace

std::uint64_t hash_of(const FlowKey& key) {
  // Odd constants of no meaning (digits of pi), so that no word of zeros wipes out the rest.
  constexpr std::uint64_t k0 = 0x243f6a8885a308d3;
  constexpr std::uint64_t k1 = 0x13198a2e03707345;
  const std::uint64_t ports = static_cast<std::uint64_t>(key.source_port) << 48 | static_cast<std::uint64_t>(key.destination_port) << 32 | key.id;
  const std::uint64_t kind = static_cast<std::uint64_t>(key.zone) << 16 | static_cast<std::uint64_t>(key.protocol) << 8 | key.family;
  std::uint64_t h = mix(word(key.source.data()) ^ k0, word(key.source.data() + 8) ^ k1);
  h = mix(h ^ word(key.destination.data()) ^ k0, word(key.destination.data() + 8) ^ k1);
  return mix(h ^ ports ^ k0, kind ^ k1);
}

FlowTable::FlowTable(std::uint32_t max) : max_(max), slots_(1024) {}

/// The slot that holds the key, or the free one where it would go.
std::size_t FlowTable::slot_of(const FlowKey& key, std::uint32_t hash) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].place != kNone && (slots_[at].hash != hash || !(this->at(slots_[at].place).key == key))) at = (at + 1) & mask;
  return at;
}

KnownFlow* FlowTable::find(const FlowKey& key) {
  const Slot& slot = slots_[slot_of(key, static_cast<std::uint32_t>(hash_of(key)))];
  return slot.place == kNone ? nullptr : &at(slot.place);
}

KnownFlow* FlowTable::add(const FlowKey& key) {
  if (size_ >= max_) return nullptr;
  if ((size_ + 1) * 4 > slots_.size() * 3) grow();
  std::uint32_t place = made_;
  if (!free_.empty()) {
    place = free_.back();
    free_.pop_back();
  } else {
    if (made_ % kChunk == 0) chunks_.push_back(std::make_unique<KnownFlow[]>(kChunk));
    ++made_;
  }
  KnownFlow& flow = at(place);
  flow = {};
  flow.key = key;
  flow.place = place;
  flow.used = true;
  put({static_cast<std::uint32_t>(hash_of(key)), place});
  ++size_;
  return &flow;
}

bool FlowTable::remove(const FlowKey& key) {
  const std::size_t slot = slot_of(key, static_cast<std::uint32_t>(hash_of(key)));
  if (slots_[slot].place == kNone) return false;
  clear(slot);
  return true;
}

void FlowTable::remove(KnownFlow& flow) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = static_cast<std::uint32_t>(hash_of(flow.key)) & mask;
  while (slots_[slot].place != flow.place) slot = (slot + 1) & mask;
  clear(slot);
}

void FlowTable::fetch_slot(const FlowKey& key) const { __builtin_prefetch(&slots_[static_cast<std::uint32_t>(hash_of(key)) & (slots_.size() - 1)]); }

void FlowTable::fetch_entry(const FlowKey& key) const {
  const auto hash = static_cast<std::uint32_t>(hash_of(key));
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash & mask;
  while (slots_[slot].place != kNone && slots_[slot].hash != hash) slot = (slot + 1) & mask;
  const std::uint32_t place = slots_[slot].place;
  if (place == kNone) return;
  const auto* const entry = reinterpret_cast<const char*>(&chunks_[place / kChunk][place % kChunk]);
  __builtin_prefetch(entry);
  __builtin_prefetch(entry + sizeof(KnownFlow) - 1);
}

/// Frees a slot and its entry.
void FlowTable::clear(std::size_t hole) {
  const std::size_t mask = slots_.size() - 1;
  const std::uint32_t place = slots_[hole].place;
  at(place).used = false;
  free_.push_back(place);
  --size_;
  // What stands behind the hole and could have stood in it moves up, so that no search ends too early.
  for (std::size_t next = (hole + 1) & mask; slots_[next].place != kNone; next = (next + 1) & mask) {
    const std::size_t home = slots_[next].hash & mask;
    if (((next - home) & mask) >= ((next - hole) & mask)) {
      slots_[hole] = slots_[next];
      hole = next;
    }
  }
  slots_[hole] = {};
}

void FlowTable::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.place != kNone) put(slot);
  }
}

void FlowTable::put(Slot slot) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = slot.hash & mask;
  while (slots_[at].place != kNone) at = (at + 1) & mask;
  slots_[at] = slot;
}

}  // namespace vslog
