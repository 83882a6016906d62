#include "knob/knob_events.h"

namespace vslog {

std::unique_ptr<KnobEvents> watch_knob_events(std::string& why) {
  why = "this build has no programs for the kernel (VSLOG_BPF).";
  return nullptr;
}

}  // namespace vslog
