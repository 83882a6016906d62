// The capture's own knobs: what it was started with, and the little that can be turned while it runs.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "knob/backend.h"

namespace vslog {

class CaptureKnobs final : public KnobBackend {
 public:
  using Set = std::function<void(const std::string& value)>;

  /// `set` may be empty: then the knob works from the next start on. `problem`: why it is not there, a sentence; empty: it is.
  void add(std::string name, std::string value, Set set = {}, std::string problem = {});

  KnobReading read(const Knob& knob) override;
  void write(const Knob& knob, const std::string& value, const Author& author) override;

 private:
  struct Entry {
    std::string value;
    Set set;
    std::string problem;
  };
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace vslog
