// Netlink attributes out of bytes that nobody vouches for: no length is believed before it is checked. Layout: include/uapi/linux/netlink.h.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace vslog {

using Bytes = std::span<const std::byte>;

struct Attribute {
  std::uint16_t type = 0;  ///< without the nested and byte-order flags
  Bytes value;
};

/// Walks the attributes of a message or of a nest. After the last next() malformed() tells whether all of it was well formed.
class Attributes {
 public:
  explicit Attributes(Bytes bytes) : rest_(bytes) {}

  /// False: there is no further one.
  bool next(Attribute& out) {
    if (rest_.empty()) return false;
    nlattr head{};
    if (rest_.size() < sizeof head) return fail();
    std::memcpy(&head, rest_.data(), sizeof head);
    if (head.nla_len < sizeof head || head.nla_len > rest_.size()) return fail();
    out.type = head.nla_type & NLA_TYPE_MASK;
    out.value = rest_.subspan(sizeof head, head.nla_len - sizeof head);
    const std::size_t whole = NLA_ALIGN(static_cast<std::size_t>(head.nla_len));
    rest_ = rest_.subspan(std::min(whole, rest_.size()));  // the last one may lack its padding
    return true;
  }

  bool malformed() const { return malformed_; }

 private:
  bool fail() {
    malformed_ = true;
    rest_ = {};
    return false;
  }

  Bytes rest_;
  bool malformed_ = false;
};

/// Reads a number in network byte order. False when the value has another size.
template <typename Number>
bool read_be(Bytes value, Number& out) {
  if (value.size() != sizeof(Number)) return false;
  Number n = 0;
  for (const std::byte b : value) n = static_cast<Number>(n << (sizeof(Number) > 1 ? 8 : 0) | static_cast<Number>(b));
  out = n;
  return true;
}

}  // namespace vslog
