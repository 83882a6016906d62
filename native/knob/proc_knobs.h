// Knobs that are files of the kernel: sysctls below /proc/sys, module parameters below /sys.
#pragma once

#include "knob/backend.h"

namespace vslog {

class ProcKnobs final : public KnobBackend {
 public:
  KnobReading read(const Knob& knob) override;
  void write(const Knob& knob, const std::string& value, const Author& author) override;
};

}  // namespace vslog
