// What of a source's connection events goes into the log, and how: which kinds, how many beginnings a second, and how much of people's addresses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/client_key.h"
#include "daemon/own_addresses.h"
#include "engine/filter.h"
#include "event/conn_record.h"
#include "event/control_record.h"

namespace vslog {

/// How an address that is hidden is written.
enum class ClientAddress : std::uint8_t { whole, prefix, hash };

/// Which addresses of a side of connections are hidden; `foreign`: those that are not ours.
enum class HiddenSide : std::uint8_t { none, foreign, all };

struct HiddenSides {
  HiddenSide client = HiddenSide::all;
  HiddenSide virtual_side = HiddenSide::none;
  HiddenSide real = HiddenSide::none;
};

struct EventPolicyOptions {
  std::uint32_t kinds = ~0U;                        ///< bit n: EventKind n is logged; snapshots go with creates
  std::uint64_t flood_rate = 0;                     ///< beginnings and failed schedulings a second that are logged one by one; 0: all
  ClientAddress client = ClientAddress::whole;
  std::uint8_t prefix4 = 24;                        ///< prefix: bits that are kept
  std::uint8_t prefix6 = 56;
  HiddenSides sides;
  OwnAddresses own;                                 ///< what HiddenSide::foreign leaves readable
  ClientKey key;                                    ///< hash: who has it can find out who is meant by trying
  std::string key_path;                             ///< hash: where it was read
};

/// "create,expire,nodest_drop,sched_fail,state", or "none", as bits. Throws std::invalid_argument whose what() names the word that is not known.
std::uint32_t parse_event_kinds(std::string_view list);

/// "client,virtual,real", some of them: hidden whatever the address is. Throws std::invalid_argument whose what() names the word that is not known.
HiddenSides parse_hidden_sides(std::string_view list);

/// An address as the options want it where it is hidden. A hash is an address of fd00::/8 (RFC 4193) that is the same for the same address and key. No address stays none.
Address hidden_address(const Address& address, const EventPolicyOptions& options, const HashKey& key);

class EventPolicy {
 public:
  explicit EventPolicy(const EventPolicyOptions& options) : options_(options), keys_(options.key) {}

  void set_kinds(std::uint32_t kinds) { options_.kinds = kinds; }
  void set_flood_rate(std::uint64_t rate) { options_.flood_rate = rate; }

  /// Whether every event is logged as it is: then neither of the others need be asked.
  bool is_plain() const { return plain_kinds() && options_.flood_rate == 0 && options_.client == ClientAddress::whole; }
  /// Whether it is logged one by one. Beginnings beyond the rate are counted.
  bool admits(const ConnRecord& record);
  /// Writes the addresses of its hidden sides as they are to be.
  void hide(ConnRecord& record);
  /// The filter of somebody who sees only what hide() leaves: places of hidden sides are compared with that, never with the address itself, which a filter would else find out by trying.
  /// It refers to this policy.
  engine::ConnFilter on_shown(engine::ConnFilter filter);

  /// The id of the key of hashes; empty: there are none.
  std::string key_id() const { return hashes() ? keys_.id() : ""; }
  /// Reads the key file again, whose key must have that id. Connections that were told of or shown keep the key that they have. Throws std::invalid_argument.
  void rotate_key(const std::string& id);
  /// As KeyRing::resume().
  std::string resume_keys(KeyRing::Earlier earlier);

  /// The loss record of what was counted since the last call; nothing when nothing was.
  std::optional<ControlRecord> summary();

 private:
  bool plain_kinds() const { return options_.kinds == ~0U; }
  bool hashes() const { return options_.client == ClientAddress::hash; }
  void hide(Address& address, HiddenSide side, const HashKey& key) const;

  EventPolicyOptions options_;
  KeyRing keys_;
  std::uint64_t highest_ = 0;  // conn_id of all that was hidden
  std::uint64_t second_ = 0;   // of the latest beginning
  std::uint64_t in_second_ = 0;
  std::uint64_t counted_ = 0;
  std::uint64_t first_ns_ = 0;
  std::uint64_t last_ns_ = 0;
};

}  // namespace vslog
