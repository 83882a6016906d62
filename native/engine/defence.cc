#include "engine/defence.h"

#include <algorithm>

#include "engine/state.h"

namespace vslog::engine {
namespace {

/// The automatic modes: 1 is armed, 2 is armed and on.
void flip(std::uint32_t& mode, bool low) {
  if (mode == 1 && low) mode = 2;
  else if (mode == 2 && !low) mode = 1;
}

}  // namespace

void Defence::update(Knobs& knobs, std::uint64_t available) {
  const bool low = available < knobs.amemthresh;
  flip(knobs.drop_entry, low);
  flip(knobs.drop_packet, low);
  flip(knobs.secure_tcp, low);
  drop_entries_ = knobs.drop_entry > 1;
  switch (knobs.drop_packet) {
    case 2:
      drop_rate_ = std::max<std::uint64_t>(1, knobs.amemthresh / std::max<std::uint64_t>(1, knobs.amemthresh - std::min(available, knobs.amemthresh)));
      drop_counter_ = drop_rate_;
      break;
    case 3: drop_rate_ = knobs.am_droprate; break;  // the counter stays: the first packet of all is dropped
    default: drop_rate_ = 0;
  }
}

bool Defence::drop_packet() {
  if (drop_rate_ == 0) return false;
  if (drop_counter_ > 1) {
    --drop_counter_;
    return false;
  }
  drop_counter_ = drop_rate_;
  return true;
}

bool Defence::luckless(const Conn& c, Time idle) {
  // A connection may have its first minute (todrop_entry).
  if (idle < 60 * kSecond || c.packets_in > 8 || c.packets_in == 0) return false;
  int& counter = entry_counter_[c.packets_in];
  if (--counter > 0) return false;
  counter = static_cast<int>(c.packets_in);
  return true;
}

bool Defence::drop_entry(const Conn& c, bool one_packet_service, Time idle) {
  if (c.controlled != 0) return false;
  if (c.is_template()) {
    if (one_packet_service) return luckless(c, idle);
    return (c.state & kAssured) == 0;
  }
  if (c.protocol == kTcp) {
    switch (static_cast<TcpState>(c.state)) {
      case TcpState::syn_recv:
      case TcpState::synack: return true;
      case TcpState::established: return luckless(c, idle);
      default: return false;
    }
  }
  if (c.protocol == kSctp) {
    switch (static_cast<SctpState>(c.state)) {
      case SctpState::init1:
      case SctpState::init: return true;
      case SctpState::established: return luckless(c, idle);
      default: return false;
    }
  }
  return luckless(c, idle);
}

}  // namespace vslog::engine
