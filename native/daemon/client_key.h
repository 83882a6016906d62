// The keys of hashed addresses: where they are kept, and which of them holds for a connection.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "daemon/siphash.h"

namespace vslog {

struct ClientKey {
  HashKey bytes{};
  std::string id;  ///< 8 hexadecimal digits that follow from the bytes and do not tell them
};

/// The id of a key: the first four bytes of the hash of "vslog: key's id.".
std::string key_id(const HashKey& key);

/// Reads 32 hexadecimal digits, the first line of a file that its owner alone may read, and that is ours. Throws std::invalid_argument.
ClientKey read_client_key(const std::string& path);

/// Where `vslog key rotate` keeps a key that was replaced.
std::string kept_key_path(const std::string& path, const std::string& id);

/// The keys of this boot. A connection keeps the key that held when its first record was made: keys are told apart by conn_id, which every source counts up.
class KeyRing {
 public:
  explicit KeyRing(ClientKey current) : held_{{std::move(current), 0}} {}

  const std::string& id() const { return held_.back().key.id; }
  /// `conn_id` 0: of no connection, so the current one.
  const HashKey& of(std::uint64_t conn_id) const;

  struct Earlier {
    std::string state;                            ///< file that says which keys held; resume() reads it, rotate() writes it
    std::string boot_id;                          ///< connections of another boot are gone
    std::string key_path;                         ///< the older keys are beside it
    std::function<std::uint64_t()> highest;       ///< the highest conn_id of what lives on from an earlier process; 0: nothing does
    std::function<void(const std::string&)> say;  ///< is told what is wrong with an older key; the next newer one takes its place
  };
  /// Goes on where an earlier process ended. Returns the id of the key that held last; empty: none did.
  std::string resume(Earlier earlier);

  /// From now on `key` holds, but for connections up to `seen`, the highest conn_id that anybody was told, and those that live on from an earlier process.
  void rotate(ClientKey key, std::uint64_t seen);

 private:
  struct Held {
    ClientKey key;
    std::uint64_t first;  ///< the first conn_id
  };

  void save() const;

  std::vector<Held> held_;  ///< the oldest first
  Earlier earlier_;
};

}  // namespace vslog
