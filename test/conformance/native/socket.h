// One end of a connection, as a process on a Linux machine has it.
#pragma once

#include <cstdint>
#include <functional>

#include "clock.h"
#include "segment.h"

namespace vslog::conformance {

/// What a socket asks of the machine that it is on.
class Machine {
 public:
  virtual ~Machine() = default;
  virtual Clock& clock() = 0;
  virtual void send(const Segment& segment) = 0;
};

class Socket {
 public:
  Socket(Machine& machine, std::uint8_t protocol, std::uint8_t family, const Endpoint& local, const Endpoint& remote)
      : machine_(machine), protocol_(protocol), family_(family), local_(local), remote_(remote) {}
  virtual ~Socket() = default;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  /// A client begins.
  virtual void connect() = 0;
  /// A server begins, with the client's first packet.
  virtual void accept(const Segment& first) = 0;
  virtual void receive(const Segment& segment) = 0;
  /// An ICMP error came for one of its packets.
  virtual void unreachable() = 0;
  /// Sends a byte. False: there is an error to be told first, or the connection is over.
  virtual bool write(char byte) = 0;
  /// No more bytes will be sent.
  virtual void shutdown() = 0;
  /// Ends it at once and tells the other end so.
  virtual void abort() = 0;

  bool connected() const { return connected_; }
  /// Nothing more will come or go; the machine may forget the socket.
  bool over() const { return over_; }
  bool failed() const { return failed_; }
  /// The other end has closed.
  bool at_end() const { return at_end_; }
  /// A new connection with these addresses may take this one's place.
  virtual bool replaceable() const { return over_; }
  /// Takes one byte that has come; false: there is none.
  bool read() {
    if (unread_ == 0) return false;
    --unread_;
    return true;
  }

  const Endpoint& local() const { return local_; }
  const Endpoint& remote() const { return remote_; }
  std::uint8_t protocol() const { return protocol_; }

  /// The server's program: called with each byte, and with 0 when the client has closed.
  std::function<void(Socket&, char)> on_read;

 protected:
  Segment segment(std::uint8_t flags) const {
    Segment s;
    s.packet.source = local_;
    s.packet.destination = remote_;
    s.packet.protocol = protocol_;
    s.packet.family = family_;
    s.packet.flags = flags;
    s.asked = remote_;
    return s;
  }
  void deliver(char byte) {
    if (byte == 0) at_end_ = true;
    else ++unread_;
    if (on_read) on_read(*this, byte);
  }

  Machine& machine_;
  bool connected_ = false;
  bool over_ = false;
  bool failed_ = false;
  bool at_end_ = false;

 private:
  std::uint8_t protocol_;
  std::uint8_t family_;
  Endpoint local_;
  Endpoint remote_;
  unsigned unread_ = 0;
};

}  // namespace vslog::conformance
