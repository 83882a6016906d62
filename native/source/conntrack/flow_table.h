// The flows that the log believes open.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/huge_array.h"
#include "source/conntrack/flow.h"

namespace vslog {

/// What is remembered of a flow: enough to tell its end when the kernel does not. Two lines of the processor's cache, no more.
struct alignas(64) KnownFlow {
  FlowKey key;
  Address real{};
  std::uint64_t conn_id = 0;
  std::uint64_t created_ns = 0;  ///< wall clock
  std::uint32_t mark = 0;
  std::uint32_t status = 0;      ///< IPS_*
  std::uint32_t place = 0;       ///< the table's own: at(place) is this
  std::uint32_t hash = 0;        ///< the table's own: of the key
  std::uint16_t real_port = 0;
  std::uint16_t generation = 0;  ///< of the last comparison that saw it, or in which it began
  std::uint8_t state = 0;
  bool translated = false;       ///< its destination was
  bool listed = false;           ///< it came by a dump, and its beginning was not told since
  bool silent = false;           ///< the kernel may not tell its end
  bool absent = false;           ///< a comparison asked the kernel for it, which did not have it
  bool used = false;
  std::array<std::uint8_t, 16> labels{};

  /// Takes what a message says of it. What that does not say stays as it was.
  void take(const Flow& flow) {
    if (flow.has_state) state = flow.state;
    if (flow.has_labels) labels = flow.labels;
    mark = flow.mark;  // every message has it, unless it is 0
    status = flow.status;
  }
};

static_assert(sizeof(KnownFlow) == 128);

/// A hash of all that a key holds; never 0.
std::uint64_t print_of(const FlowKey& key);

/// A key and its hash, for who asks the table more than once.
struct FlowName {
  FlowKey key;
  std::uint32_t hash = 0;
  std::uint64_t print = 0;

  FlowName() = default;
  FlowName(const FlowKey& k) : FlowName(k, print_of(k)) {}  // NOLINT(google-explicit-constructor): a key is a name

 private:
  FlowName(const FlowKey& k, std::uint64_t p) : key(k), hash(static_cast<std::uint32_t>(p)), print(p) {}
};

/// A hash table with open addressing over entries that stay where they are. Not for several threads.
class FlowTable {
 public:
  /// `max`: entries at most.
  explicit FlowTable(std::uint32_t max);

  /// The entry of a key, or nullptr. Valid until it is removed.
  KnownFlow* find(const FlowName& name);
  /// A new entry of a key that is not there; nullptr when the table is full.
  KnownFlow* add(const FlowName& name);
  /// Returns false when it was not there.
  bool remove(const FlowName& name);
  /// Removes an entry that find() gave.
  void remove(KnownFlow& flow);

  /// Two steps ahead of find(), add() or remove() of that key: asks the processor to fetch what they will read, first the slot, some calls later the entry.
  void fetch_slot(const FlowName& name) const;
  void fetch_entry(const FlowName& name) const;

  std::size_t size() const { return size_; }
  bool full() const { return size_ >= max_; }
  /// Places that may hold an entry: 0 to places() - 1, for a walk by at().
  std::uint32_t places() const { return made_; }
  /// `place` below places(). An entry that is not `used` holds nothing.
  KnownFlow& at(std::uint32_t place) { return entries_[place]; }

 private:
  struct Slot {
    std::uint32_t hash;
    std::uint32_t entry;  ///< its place + 1; 0: free
  };
  // Pieces of one huge page each.
  using Entries = engine::HugeArray<KnownFlow, 14>;
  using Slots = engine::HugeArray<Slot, 18>;

  std::uint32_t slot_of(const FlowName& name);
  static std::unique_ptr<Slots> make_slots(std::uint32_t count);
  void grow();
  void put(Slot slot);
  void clear(std::uint32_t slot);

  std::uint32_t max_;
  std::size_t size_ = 0;
  std::uint32_t made_ = 0;
  Entries entries_;
  std::vector<std::uint32_t> free_;
  std::uint32_t mask_;  ///< slots are a power of two
  std::unique_ptr<Slots> slots_;
};

}  // namespace vslog
