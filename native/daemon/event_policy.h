// What of a source's connection events goes into the log, and how: which kinds, how many beginnings a second, and how much of a client's address.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "event/conn_record.h"
#include "event/control_record.h"

namespace vslog {

/// How a client's address is written.
enum class ClientAddress : std::uint8_t { whole, prefix, hash };

struct EventPolicyOptions {
  std::uint32_t kinds = ~0U;                        ///< bit n: EventKind n is logged; snapshots go with creates
  std::uint64_t flood_rate = 0;                     ///< beginnings and failed schedulings a second that are logged one by one; 0: all
  ClientAddress client = ClientAddress::whole;
  std::uint8_t prefix4 = 24;                        ///< prefix: bits that are kept
  std::uint8_t prefix6 = 56;
  std::array<std::uint8_t, 16> key{};               ///< hash: who has it can find out who is meant by trying
};

/// "create,expire,nodest_drop,sched_fail,state", or "none", as bits. Throws std::invalid_argument whose what() names the word that is not known.
std::uint32_t parse_event_kinds(std::string_view list);

/// 32 hexadecimal digits, as the first line of a file. Throws std::invalid_argument.
std::array<std::uint8_t, 16> read_key(const std::string& path);

/// A client's address as the options want it. A hash is an address of fd00::/8 (RFC 4193) that is the same for the same client and key.
Address shown_client(const Address& address, const EventPolicyOptions& options);

class EventPolicy {
 public:
  explicit EventPolicy(const EventPolicyOptions& options) : options_(options) {}

  void set_kinds(std::uint32_t kinds) { options_.kinds = kinds; }
  void set_flood_rate(std::uint64_t rate) { options_.flood_rate = rate; }

  /// Whether every event is logged as it is: then neither of the others need be asked.
  bool is_plain() const { return plain_kinds() && options_.flood_rate == 0 && options_.client == ClientAddress::whole; }
  /// Whether it is logged one by one. Beginnings beyond the rate are counted.
  bool admits(const ConnRecord& record);
  /// Writes its client's address as it is to be.
  void hide(ConnRecord& record) const { record.client_addr = shown_client(record.client_addr, options_); }

  /// The loss record of what was counted since the last call; nothing when nothing was.
  std::optional<ControlRecord> summary();

 private:
  bool plain_kinds() const { return options_.kinds == ~0U; }

  EventPolicyOptions options_;
  std::uint64_t second_ = 0;   // of the latest beginning
  std::uint64_t in_second_ = 0;
  std::uint64_t counted_ = 0;
  std::uint64_t first_ns_ = 0;
  std::uint64_t last_ns_ = 0;
};

/// SipHash-2-4 with 16 bytes of output (Aumasson and Bernstein; the reference implementation's siphash()), of 16 bytes.
std::array<std::uint8_t, 16> siphash128(const std::array<std::uint8_t, 16>& key, const std::array<std::uint8_t, 16>& data);

}  // namespace vslog
