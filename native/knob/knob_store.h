// Reads and sets knobs, wherever each has its value; many at once, all or none.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "knob/backend.h"
#include "knob/netns.h"

namespace vslog {

struct KnobAssignment {
  std::string name;
  std::string value;
};

/// Old and new are the same where the knob had the value already.
struct KnobChange {
  const Knob* knob = nullptr;
  std::string old_value;
  std::string new_value;  ///< read back
};

class KnobStore {
 public:
  /// Hears of every change that its backend does not tell by itself, right after it was made; of those that are put back, too.
  using Told = std::function<void(const KnobChange& change, const Netns& netns, const Author& author)>;

  explicit KnobStore(Told told) : told_(std::move(told)) {}

  /// Later ones win for a knob that both have.
  void add(KnobBacking backing, KnobBackend& backend);
  /// Every knob that the embedded balancer has is its own; the kernel's others are not there.
  void add_engine(KnobBackend& engine);

  /// In the calling thread's network namespace.
  KnobReading read(const Knob& knob);
  /// It can be changed while everything runs, and is there.
  bool settable(const Knob& knob, const KnobReading& reading) const;

  /// Checks all of it, then sets one after the other and reads it back. Throws RequestError, and then everything is as it was.
  std::vector<KnobChange> set(const std::vector<KnobAssignment>& assignments, const Netns& netns, bool dry_run, const Author& author);

 private:
  KnobBackend* backend_of(const Knob& knob) const;
  std::vector<KnobChange> plan(const std::vector<KnobAssignment>& assignments);
  void write(KnobChange& change, const Netns& netns, const Author& author);
  /// Puts back in the other order. Returns an end of a sentence: how that went.
  std::string put_back(std::vector<KnobChange> done, const Netns& netns, const Author& author);

  Told told_;
  std::map<KnobBacking, KnobBackend*> backends_;
  KnobBackend* engine_ = nullptr;
};

}  // namespace vslog
