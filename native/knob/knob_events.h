// The kernel's own account of who turned its knobs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "event/author.h"

namespace vslog {

/// A sysctl was written, or IPVS's timeouts were set.
struct KnobEvent {
  std::uint64_t time = 0;         ///< CLOCK_MONOTONIC, ns
  std::uint32_t netns = 0;
  std::string path;               ///< below /proc/sys; empty: the timeouts
  std::uint32_t length = 0;       ///< bytes of the value in the kernel: 1, 4 or 8; 0: it has another form
  std::int32_t before[2] = {};    ///< as the kernel holds it
  std::int32_t after[3] = {};     ///< of the timeouts: tcp, tcpfin, udp in seconds, 0: left as it was
  Author author;
};

class KnobEvents {
 public:
  virtual ~KnobEvents() = default;
  /// Readable when next() has one.
  virtual int poll_fd() const = 0;
  virtual std::optional<KnobEvent> next() = 0;
  /// This process, as it is called in an event's author.
  virtual std::uint32_t own_pid() const = 0;
  /// Events that found no room, in all.
  virtual std::uint64_t lost() const = 0;
};

/// Null where the kernel does not allow it; `why` is then a sentence.
std::unique_ptr<KnobEvents> watch_knob_events(std::string& why);

}  // namespace vslog
