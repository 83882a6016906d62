// SCTP as far as a balancer can tell: one chunk a packet, no losses but that of INIT.
#pragma once

#include <memory>

#include "socket.h"

namespace vslog::conformance {

class SctpSocket final : public Socket, public std::enable_shared_from_this<SctpSocket> {
 public:
  using Socket::Socket;

  void connect() override;
  void accept(const Segment& first) override;
  void receive(const Segment& segment) override;
  void unreachable() override;
  bool write(char byte) override;
  void shutdown() override;
  void abort() override;

 private:
  void put(std::uint8_t chunk, char data = 0);
  void initiate(Time again_after);
  void end(bool failed);

  bool shutting_ = false;
};

}  // namespace vslog::conformance
