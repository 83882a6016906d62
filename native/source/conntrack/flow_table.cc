#include "source/conntrack/flow_table.h"

#include <cstring>
#include <utility>

namespace vslog {
namespace {

constexpr std::uint32_t kFirstSlots = 1024;

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

std::uint64_t print_of(const FlowKey& key) {
  // Odd constants of no meaning (digits of pi), so that no word of zeros wipes out the rest.
  constexpr std::uint64_t k0 = 0x243f6a8885a308d3;
  constexpr std::uint64_t k1 = 0x13198a2e03707345;
  const std::uint64_t ports = static_cast<std::uint64_t>(key.source_port) << 48 | static_cast<std::uint64_t>(key.destination_port) << 32 | key.id;
  const std::uint64_t kind = static_cast<std::uint64_t>(key.zone) << 16 | static_cast<std::uint64_t>(key.protocol) << 8 | key.family;
  std::uint64_t h = mix(word(key.source.data()) ^ k0, word(key.source.data() + 8) ^ k1);
  h = mix(h ^ word(key.destination.data()) ^ k0, word(key.destination.data() + 8) ^ k1);
  const std::uint64_t print = mix(h ^ ports ^ k0, kind ^ k1);
  return print != 0 ? print : 1;
}

FlowTable::FlowTable(std::uint32_t max) : max_(max), mask_(kFirstSlots - 1), slots_(make_slots(kFirstSlots)) {}

std::unique_ptr<FlowTable::Slots> FlowTable::make_slots(std::uint32_t count) {
  auto slots = std::make_unique<Slots>();
  slots->reach(count - 1);
  return slots;
}

/// The slot that holds the key, or the free one where it would go.
std::uint32_t FlowTable::slot_of(const FlowName& name) {
  std::uint32_t at = name.hash & mask_;
  for (;; at = (at + 1) & mask_) {
    const Slot& slot = (*slots_)[at];
    if (slot.entry == 0 || (slot.hash == name.hash && entries_[slot.entry - 1].key == name.key)) return at;
  }
}

KnownFlow* FlowTable::find(const FlowName& name) {
  const Slot& slot = (*slots_)[slot_of(name)];
  return slot.entry == 0 ? nullptr : &entries_[slot.entry - 1];
}

KnownFlow* FlowTable::add(const FlowName& name) {
  if (full()) return nullptr;
  if ((size_ + 1) * 4 > (static_cast<std::uint64_t>(mask_) + 1) * 3) grow();
  std::uint32_t place = made_;
  if (!free_.empty()) {
    place = free_.back();
    free_.pop_back();
  } else {
    entries_.reach(made_);
    ++made_;
  }
  KnownFlow& flow = entries_[place];
  flow = {};
  flow.key = name.key;
  flow.hash = name.hash;
  flow.place = place;
  flow.used = true;
  put({name.hash, place + 1});
  ++size_;
  return &flow;
}

bool FlowTable::remove(const FlowName& name) {
  const std::uint32_t slot = slot_of(name);
  if ((*slots_)[slot].entry == 0) return false;
  clear(slot);
  return true;
}

void FlowTable::remove(KnownFlow& flow) {
  std::uint32_t slot = flow.hash & mask_;
  while ((*slots_)[slot].entry != flow.place + 1) slot = (slot + 1) & mask_;
  clear(slot);
}

void FlowTable::fetch_slot(const FlowName& name) const { __builtin_prefetch(&(*slots_)[name.hash & mask_]); }

void FlowTable::fetch_entry(const FlowName& name) const {
  std::uint32_t at = name.hash & mask_;
  const Slots& slots = *slots_;
  while (slots[at].entry != 0 && slots[at].hash != name.hash) at = (at + 1) & mask_;
  // Without such an entry it is add() that comes: the place that it will take is the one freed last.
  const std::uint32_t place = slots[at].entry != 0 ? slots[at].entry - 1 : free_.empty() ? made_ : free_.back();
  if (place >= made_) return;
  const auto* const entry = reinterpret_cast<const char*>(&entries_[place]);
  __builtin_prefetch(entry);
  __builtin_prefetch(entry + sizeof(KnownFlow) / 2);
}

/// Frees a slot and its entry.
void FlowTable::clear(std::uint32_t hole) {
  Slots& slots = *slots_;
  const std::uint32_t place = slots[hole].entry - 1;
  entries_[place].used = false;
  free_.push_back(place);
  --size_;
  // What stands behind the hole and could have stood in it moves up, so that no search ends too early.
  for (std::uint32_t next = (hole + 1) & mask_; slots[next].entry != 0; next = (next + 1) & mask_) {
    const std::uint32_t home = slots[next].hash & mask_;
    if (((next - home) & mask_) >= ((next - hole) & mask_)) {
      slots[hole] = slots[next];
      hole = next;
    }
  }
  slots[hole] = {};
}

void FlowTable::grow() {
  const std::uint32_t before = mask_ + 1;
  const std::unique_ptr<Slots> old = std::exchange(slots_, make_slots(before * 2));
  mask_ = before * 2 - 1;
  for (std::uint32_t at = 0; at < before; ++at) {
    if ((*old)[at].entry != 0) put((*old)[at]);
  }
}

void FlowTable::put(Slot slot) {
  std::uint32_t at = slot.hash & mask_;
  while ((*slots_)[at].entry != 0) at = (at + 1) & mask_;
  (*slots_)[at] = slot;
}

}  // namespace vslog
