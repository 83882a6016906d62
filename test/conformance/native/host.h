// A machine at one side of the balancer: its sockets, its servers, and the answer to packets that nobody on it knows.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "socket.h"

namespace vslog::conformance {

class Host final : public Machine {
 public:
  /// `send` puts a packet on the wire.
  Host(Clock& clock, std::function<void(const Segment&)> send) : clock_(clock), send_(std::move(send)) {}

  Clock& clock() override { return clock_; }
  void send(const Segment& segment) override { send_(segment); }

  /// A server that echoes, and obeys bytes as test/vm/flows/flows.cc has them.
  void serve(std::uint8_t protocol, const Endpoint& at);

  /// A client's socket. Null: its addresses are in use, or in TIME_WAIT.
  std::shared_ptr<Socket> open(std::uint8_t protocol, std::uint8_t family, const Endpoint& from, const Endpoint& to);

  void receive(const Segment& segment);
  /// An ICMP error for a packet that one of its sockets had sent to `asked`.
  void unreachable(const Segment& segment);

  /// What a machine says to a packet that nobody on it knows; nothing to a reset, and for UDP `unreachable` is to be called at the sender's.
  static bool refusal(const Segment& segment, Segment& answer);

 private:
  struct Server {
    std::uint8_t protocol;
    Endpoint at;
  };

  std::shared_ptr<Socket> find(std::uint8_t protocol, const Endpoint& local, const Endpoint& remote);
  std::shared_ptr<Socket> make(std::uint8_t protocol, std::uint8_t family, const Endpoint& local, const Endpoint& remote);
  bool serves(const Segment& segment) const;

  Clock& clock_;
  std::function<void(const Segment&)> send_;
  std::vector<Server> servers_;
  std::vector<std::shared_ptr<Socket>> sockets_;
};

}  // namespace vslog::conformance
