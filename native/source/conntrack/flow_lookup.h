// Asks the kernel for single flows.
#pragma once

#include <cstdint>
#include <vector>

#include "source/conntrack/netlink_socket.h"

namespace vslog {

class FlowLookup {
 public:
  /// Opens a socket. Throws SourceRefusal, std::system_error.
  FlowLookup();

  /// Whether the kernel's table has this very flow now: its tuple and its CTA_ID. True also when the kernel had no memory to answer. Throws std::system_error.
  bool has(const FlowKey& key);

 private:
  enum class Answer { yes, no, none };
  Answer ask(const FlowKey& key, std::uint16_t zone);

  NetlinkSocket socket_;
  std::uint32_t sequence_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace vslog
