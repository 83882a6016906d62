// A connected UDP socket.
#pragma once

#include "socket.h"

namespace vslog::conformance {

class UdpSocket final : public Socket {
 public:
  using Socket::Socket;

  void connect() override { connected_ = true; }
  void accept(const Segment& first) override {
    connected_ = true;
    receive(first);
  }
  void receive(const Segment& s) override { deliver(s.data); }
  /// The next call of the program is told.
  void unreachable() override { failed_ = true; }
  bool write(char byte) override {
    if (failed_) return failed_ = false;
    Segment s = segment(0);
    s.data = byte;
    machine_.send(s);
    return true;
  }
  void shutdown() override { over_ = true; }
  void abort() override { over_ = true; }
  bool replaceable() const override { return true; }
};

}  // namespace vslog::conformance
