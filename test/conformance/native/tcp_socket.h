// TCP as far as a balancer between two Linux machines can tell: handshake, acknowledged bytes, retransmission with back-off, FINs and resets.
#pragma once

#include <deque>
#include <memory>

#include "socket.h"

namespace vslog::conformance {

class TcpSocket final : public Socket, public std::enable_shared_from_this<TcpSocket> {
 public:
  using Socket::Socket;

  void connect() override;
  void accept(const Segment& first) override;
  void receive(const Segment& segment) override;
  void unreachable() override;
  bool write(char byte) override;
  void shutdown() override;
  void abort() override;
  bool replaceable() const override { return over_ || time_wait_; }

 private:
  struct Item {
    std::uint8_t flags;
    char data;
  };

  void push(std::uint8_t flags, char data);
  void transmit(std::size_t index);
  void acknowledge();
  void acknowledged(std::uint32_t ack);
  void arm();
  void timer(std::uint64_t generation);
  void finish_when_closed();
  void die(bool failed);

  std::deque<Item> outstanding_;    // sent and not acknowledged, from number una_ on
  std::uint32_t una_ = 1;
  std::uint32_t expected_ = 0;      // the number that comes next from the other end
  bool server_ = false;
  bool fin_sent_ = false;
  bool closed_first_ = false;
  bool time_wait_ = false;
  Time rto_ = kSecond;
  unsigned tries_ = 0;
  std::uint64_t generation_ = 0;
};

}  // namespace vslog::conformance
