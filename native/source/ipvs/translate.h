// From the kernel side's records (native/bpf/record.h) to the capture's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "source/ipvs/wall_clock.h"
#include "source/source.h"

struct vslog_conn_state;

namespace vslog {

class Translator {
 public:
  /// `hz`: the kernel's timer ticks a second, for periods in jiffies.
  Translator(const WallClock& clock, std::uint32_t hz) : clock_(clock), hz_(hz) {}

  /// Puts the record into `sink`. False: its size or type is not what it should be, and nothing was put.
  bool translate(std::span<const std::byte> bytes, EventSink& sink) const;

  /// A connection that lives, as a snapshot of now (CLOCK_MONOTONIC, ns).
  ConnRecord snapshot(const vslog_conn_state& state, std::uint64_t now) const;

 private:
  const WallClock& clock_;
  std::uint32_t hz_;
};

}  // namespace vslog
