// The schedulers' constructors, one file each, and what several of them share. scheduler.cc has the list.
#pragma once

#include <memory>

#include "engine/scheduler.h"

namespace vslog::engine {

std::unique_ptr<Scheduler> make_rr();
std::unique_ptr<Scheduler> make_wrr();
std::unique_ptr<Scheduler> make_lc();
std::unique_ptr<Scheduler> make_wlc();
std::unique_ptr<Scheduler> make_sed();
std::unique_ptr<Scheduler> make_nq();
std::unique_ptr<Scheduler> make_fo();
std::unique_ptr<Scheduler> make_ovf();
std::unique_ptr<Scheduler> make_sh();
std::unique_ptr<Scheduler> make_dh();
std::unique_ptr<Scheduler> make_mh();
std::unique_ptr<Scheduler> make_lblc();
std::unique_ptr<Scheduler> make_lblcr();
std::unique_ptr<Scheduler> make_twos();

/// ip_vs_dest_conn_overhead(): an active connection weighs as much as 256 inactive ones.
inline std::int64_t overhead(const RealServer& r) { return static_cast<std::int64_t>(r.active) * 256 + r.inactive; }

/// a's load by its weight is more than b's, without a division.
inline bool busier(std::int64_t load_a, const RealServer& a, std::int64_t load_b, const RealServer& b) { return load_a * b.config.weight > load_b * a.config.weight; }

/// wlc's choice, which lblc and lblcr make too: the least overhead by weight; the first of equals. Null: none has a weight.
RealServer* least_busy(const std::vector<RealServer*>& reals);

/// An address as one number, host order; the four words of an IPv6 address are folded by exclusive or.
std::uint32_t fold(const Address& address, std::uint8_t family);

/// hash_32() of include/linux/hash.h, to `bits` bits.
constexpr std::uint32_t hash_32(std::uint32_t value, unsigned bits) { return value * 0x61C88647U >> (32 - bits); }

}  // namespace vslog::engine
