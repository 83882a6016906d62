// TCP of the engine on real sockets: accept is the SYN, data the ACKs; FIN and RST are themselves.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"
#include "source/engine/conduit.h"
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

  /// The engine's entry is gone: both ends are reset.
  void cut(std::uint32_t user);

  /// Accepts again when it was stopped for want of descriptors. Many times a second.
  void tick();

  /// No new connections of that service, if it has one here.
  void close_service(const engine::ServiceKey& key);

  /// No new connections from here on.
  void close_services() {
    for (const auto& listener : listeners_) listener->fd.reset();
  }

 private:
  enum Side : std::size_t { kClient, kReal };
  struct End {
    UniqueFd fd;
    Conduit said;                ///< came from it and waits for the other
    bool finished = false;       ///< it sent its FIN
    bool fin_passed = false;     ///< and the engine let it go on
    bool shut = false;           ///< it was sent the other's
    bool over = false;           ///< nothing more goes either way; its socket is closed
    bool watched = false;
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
  /// Shows the engine a packet.
  engine::Outcome show(const Pair& pair, Side from, std::uint8_t flags, std::size_t bytes);
  engine::Verdict tell(const Pair& pair, Side from, std::uint8_t flags, std::size_t bytes = 0) { return show(pair, from, flags, bytes).verdict; }
  void ready(std::uint32_t user, Side side, std::uint32_t events);
  // These return false when the connection is to be reset on both sides.
  bool connected(Pair& pair);
  bool read_from(Pair& pair, Side side);
  bool send_to(Pair& pair, Side side);
  bool broken(Pair& pair, Side side);
  void settle(std::uint32_t user, Pair& pair);
  void watch_end(std::uint32_t user, Side side, End& end, std::uint32_t interest);
  void abort(std::uint32_t user);
  void erase(std::uint32_t user);
  void stop_accepting();
  void watch_listeners(std::uint32_t events);

  engine::Engine& engine_;
  int epoll_;
  std::function<engine::Time()> now_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  PipePool pipes_;  // before those who borrow
  std::map<std::uint32_t, Pair> pairs_;
  std::unordered_map<std::uint64_t, std::uint32_t> by_conn_;
  std::uint32_t next_user_ = 1;
  engine::Time accept_again_ = 0;  ///< 0: accepting
  bool shortage_said_ = false;
};

}  // namespace vslog
