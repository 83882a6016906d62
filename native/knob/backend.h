// What holds the values of knobs. A new kind of knob is one more of these.
#pragma once

#include <string>

#include "event/author.h"
#include "knob/catalogue.h"

namespace vslog {

struct KnobReading {
  std::string value;
  std::string problem;  ///< a sentence: why there is no value; empty when there is one
};

class KnobBackend {
 public:
  virtual ~KnobBackend() = default;
  virtual KnobReading read(const Knob& knob) = 0;
  /// Sets a value that was checked, in the calling thread's network namespace. Throws RequestError when it is not taken.
  virtual void write(const Knob& knob, const std::string& value, const Author& author) = 0;
  /// Writes the records of its changes itself.
  virtual bool tells() const { return false; }
};

}  // namespace vslog
