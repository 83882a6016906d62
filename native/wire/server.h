// The unix stream socket and its sessions.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "wire/session.h"
#include "wire/unique_fd.h"

namespace vslog {

struct ServerOptions {
  std::string path;
  std::string group;  ///< name or number; empty: the process's own
  std::string admin_group{};  ///< whose members may set; empty: nobody's
};

class Server {
 public:
  static constexpr std::size_t kMaxSessions = 256;
  /// Of those, so many of people who may only read knobs and services: they cannot keep the others out.
  static constexpr std::size_t kMaxStrangers = 64;

  /// Listens. Throws InUse when another process listens there, SetupError when the path or the group cannot be used.
  Server(const ServerOptions& options, Exchange& exchange);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Readable when handle() has something to do.
  int poll_fd() const { return epoll_.get(); }
  /// Takes what came in and sends what can be sent. Never blocks.
  void handle();
  /// A batch was committed to the journal.
  void published(const KeptBatch& batch);
  /// Sends what the sockets take, after one or more published().
  void flush();
  /// Every session has got all there is for it.
  bool idle() const;

 private:
  struct Connection {
    UniqueFd fd;
    std::unique_ptr<Session> session;
    std::uint32_t interest = 0;
    bool stranger = false;
  };

  void listen_at(const std::string& path);
  void accept_all();
  bool receive(Connection& connection);
  /// Flushes and tells epoll what to wait for. False: the session is over.
  bool settle(std::uint32_t port, Connection& connection);

  Exchange& exchange_;
  std::string path_;
  gid_t group_;
  std::optional<gid_t> admin_group_;
  UniqueFd epoll_;
  UniqueFd listener_;
  std::map<std::uint32_t, Connection> connections_;
  std::uint32_t next_port_ = 1;
};

}  // namespace vslog
