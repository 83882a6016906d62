// TCP of the engine on real sockets: accept is the SYN, data the ACKs; FIN and RST are themselves.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "source/engine/sockets.h"

namespace vslog {

class TcpRelay {
 public:
  /// `now` is the engine's clock.
  TcpRelay(engine::Engine& engine, int epoll, std::function<engine::Time()> now);

  /// Takes over a listening socket.
  void add_service(const engine::ServiceKey& key, UniqueFd listener);

  /// Epoll says that something can be done.
  void service_ready(std::uint32_t index);
  void client_ready(std::uint32_t user, std::uint32_t events);
  void real_ready(std::uint32_t user, std::uint32_t events);

  /// The engine's entry is gone: both ends are reset. `user` may be one that has ended long ago.
  void cut(std::uint32_t user);

 private:
  enum Side : std::size_t { kClient, kReal };
  struct End {
    UniqueFd fd;
    std::string out;             ///< waits to be sent
    bool finished = false;       ///< it sent its FIN
    bool fin_passed = false;     ///< and the engine let it go on
    bool shut = false;           ///< it was sent the other's
    std::uint32_t interest = 0;
  };
  struct Pair {
    std::array<End, 2> ends;
    engine::ConnRef conn;
    engine::Endpoint client;
    engine::Endpoint real;
    const engine::ServiceKey* service = nullptr;
    bool connected = false;
  };
  struct Listener {
    engine::ServiceKey key;
    UniqueFd fd;
  };

  void accept_one(const Listener& listener, UniqueFd fd, const SocketAddress& from);
  /// Shows the engine a packet; false: it must not go on.
  engine::Verdict tell(const Pair& pair, Side from, std::uint8_t flags, std::size_t bytes);
  void ready(std::uint32_t user, Side side, std::uint32_t events);
  bool connected(Pair& pair);
  bool read_from(Pair& pair, Side side);
  bool send_to(Pair& pair, Side side);
  void settle(std::uint32_t user, Pair& pair);
  void erase(std::uint32_t user);

  engine::Engine& engine_;
  int epoll_;
  std::function<engine::Time()> now_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::map<std::uint32_t, Pair> pairs_;
  std::uint32_t next_user_ = 1;
};

}  // namespace vslog
