// A netlink socket to the connection tracking of this network namespace.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "source/conntrack/conntrack_options.h"
#include "source/conntrack/flow.h"

struct mnl_socket;

namespace vslog {

class NetlinkSocket {
 public:
  /// Opens one, non-blocking. Throws SourceRefusal when the kernel has no such thing, std::system_error otherwise.
  NetlinkSocket();

  int fd() const;

  /// Subscribes to groups of multicast (NFNLGRP_*). Throws SourceRefusal when it is not permitted here.
  void join(const std::vector<unsigned>& groups);
  /// Attaches a filter. Before it, events of every flow come. Throws std::system_error.
  void attach(std::vector<sock_filter> program);
  /// Attaches a loaded program in the same place.
  void attach_program(int program);
  /// The kernel counts an event that found no room as not delivered, and offers an end again later.
  void require_delivery();

  /// Sets the receive buffer, bytes as the kernel counts them (an event takes some 1 to 2 KiB). Returns what it is then: without the right to go beyond net.core.rmem_max, less.
  std::uint64_t grow_buffer(std::uint64_t bytes);
  std::uint64_t buffer() const;

  struct Memory {
    std::uint64_t used = 0;   ///< bytes of the receive buffer
    std::uint32_t drops = 0;  ///< messages that found no room, since the socket was made; wraps
  };
  /// Throws std::system_error.
  Memory memory() const;

  /// Asks for the whole table. Answers come as messages until NLMSG_DONE.
  void ask_for_table();
  /// The same for flows that are not in the table any more and whose end was not delivered yet.
  void ask_for_undelivered();
  /// Asks for one flow by its original tuple. The answer, a message or an error (ENOENT: no such flow), has come when this returns; it has the number `sequence`.
  void ask_for_flow(const FlowKey& key, std::uint16_t zone, std::uint32_t sequence);

 private:
  struct Close {
    void operator()(mnl_socket* socket) const;
  };
  void ask(unsigned message);

  std::unique_ptr<mnl_socket, Close> socket_;
};

/// The groups of the wanted events.
std::vector<unsigned> event_groups(const ConntrackOptions& options);

}  // namespace vslog
