// The unix stream socket and its sessions. docs/wire.md, "Limits".
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "event/clock.h"
#include "wire/session.h"
#include "wire/unique_fd.h"
#include "wire/users.h"

namespace vslog {

struct ServerOptions {
  std::string path;
  std::string group;             ///< who may subscribe live and list connections; name or number; empty: the process's own
  std::string admin_group{};     ///< whose members may set; empty: nobody's
  std::string keeper_group{};    ///< the collector's: whose members may subscribe durably; empty: nobody's
  std::size_t max_memory = 64 << 20;  ///< what the sessions of all who are not privileged may hold, bytes
};

class Server {
 public:
  static constexpr std::size_t kMaxSessions = 256;
  /// Of those, so many are for root, the capture's own user and the collector alone.
  static constexpr std::size_t kKept = 32;
  /// And so many at most are of people who may only read knobs and services: they cannot keep the others out.
  static constexpr std::size_t kMaxStrangers = 64;
  /// Of one user: a stranger, and whoever may subscribe.
  static constexpr std::size_t kStrangerSessions = 16;
  static constexpr std::size_t kReaderSessions = 32;
  /// Whoever has not said hello by then is not listened to. Ns.
  static constexpr std::uint64_t kGreetingNs = 5'000'000'000;
  /// When strangers have all their places, one that asked nothing for so long gives up its own. Ns.
  static constexpr std::uint64_t kIdleNs = 10'000'000'000;
  /// Processor time that requests may take between two looks at the source. Ns.
  static constexpr std::uint64_t kTurnNs = 1'000'000;

  /// Listens. Throws InUse when another process listens there, SetupError when the path or the group cannot be used.
  Server(const ServerOptions& options, Exchange& exchange);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Readable when handle() has something new to do.
  int poll_fd() const { return epoll_.get(); }
  /// Takes what came in, handles requests for one turn, and sends what can be sent. Never blocks.
  void handle() { handle(clock_ns(CLOCK_MONOTONIC)); }
  /// `now`: CLOCK_MONOTONIC, ns; deadlines go by it.
  void handle(std::uint64_t now);
  /// When handle() has something to do that poll_fd() does not tell: in so many milliseconds; -1: nothing.
  int wait_ms(std::uint64_t now);
  /// About once a second.
  void tick(std::uint64_t now);
  /// A batch was committed to the journal.
  void published(const KeptBatch& batch);
  /// Sends what the sockets take, after one or more published().
  void flush();
  /// Every subscriber has got all there is for it.
  bool idle() const;
  std::size_t sessions() const { return connections_.size(); }

 private:
  struct Connection {
    UniqueFd fd;
    std::unique_ptr<Session> session;
    std::uint32_t interest = 0;
    bool stranger = false;
    bool queued = false;
    std::uint64_t since_ns = 0;  ///< of its last request, or its beginning
  };
  using Connections = std::map<std::uint32_t, Connection>;

  void listen_at(const std::string& path);
  void accept_some(std::uint64_t now);
  void admit(UniqueFd fd, std::uint64_t now);
  /// Why one more session of this peer is not let in; empty: it is.
  std::string refusal(const Peer& peer, bool privileged, bool stranger, std::uint64_t now);
  bool drop_idle_stranger(std::uint64_t now);
  /// False: the session is over.
  bool receive(Connection& connection);
  void hung_up(Connections::iterator at);
  void turns(std::uint64_t now);
  /// Handles what stands in a queue while there is time. Returns the time used, ns.
  void turns_of(std::deque<std::uint32_t>& queue, std::uint64_t now, std::uint64_t& used);
  void queue(std::uint32_t port, Connection& connection);
  /// Flushes, queues and tells epoll what to wait for. False: the session is over.
  bool settle(std::uint32_t port, Connection& connection);

  Exchange& exchange_;
  std::string path_;
  Groups groups_;
  Users users_;
  UniqueFd epoll_;
  UniqueFd listener_;
  UniqueFd spare_;  // given up for a moment when there is no descriptor left, so that a client can be turned away
  Connections connections_;
  std::deque<std::uint32_t> first_;  // privileged sessions that want a turn
  std::deque<std::uint32_t> rest_;   // all others that do
  std::uint32_t next_port_ = 1;
};

}  // namespace vslog
