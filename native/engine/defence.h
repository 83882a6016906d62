// The defences against floods: update_defense_level() and ip_vs_todrop() of ip_vs_ctl.c and ip_vs.h.
#pragma once

#include <array>
#include <cstdint>
#include <random>

#include "engine/conn.h"
#include "engine/knobs.h"

namespace vslog::engine {

class Defence {
 public:
  explicit Defence(std::uint64_t seed) : random_(seed) {}

  /// Once a second, and when a knob was set. `available`: places in the table that are free. Modes 1 and 2 flip by themselves, as the kernel's do.
  void update(Knobs& knobs, std::uint64_t available);

  /// drop_packet: the packet of a new connection is to be dropped.
  bool drop_packet();

  /// update() has something to do each second.
  bool awake(const Knobs& knobs) const { return drop_entries_ || knobs.drop_entry != 0 || knobs.drop_packet != 0 || knobs.secure_tcp != 0; }
  bool drops_entries() const { return drop_entries_; }
  /// drop_entry: this entry is to go, being what it is (ip_vs_random_dropentry). `idle`: since its last packet.
  bool drop_entry(const Conn& c, bool one_packet_service, Time idle);
  std::uint64_t random() { return random_(); }

 private:
  bool luckless(const Conn& c, Time idle);

  std::mt19937_64 random_;
  bool drop_entries_ = false;
  std::uint64_t drop_rate_ = 0;
  std::uint64_t drop_counter_ = 0;
  std::array<int, 9> entry_counter_{};
};

}  // namespace vslog::engine
