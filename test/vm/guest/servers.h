// The scenarios' real servers: they echo what comes.
#pragma once

#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "netns.h"

namespace hand {

/// Echo servers, all on one thread of their own. A stream connection is closed when its client has closed it. A 'q' makes the server close first, an 'h' close its
/// own half only, and after a 'k' its half stays open when the client has closed.
class Servers {
 public:
  Servers();
  Servers(const Servers&) = delete;
  Servers& operator=(const Servers&) = delete;
  ~Servers();

  /// Listens at a place of the calling thread's namespace.
  void add(const std::string& protocol, const std::string& address, int port);

  /// Waits until the servers have answered everything that had arrived. Their thread is scheduled at its own time: the next command could overtake an answer.
  void until_idle();

 private:
  enum class Kind { listener, stream, datagrams, mark, end };
  struct Socket {
    Kind kind;
    Fd fd;
    bool stays = false;
    std::list<Socket>::iterator self{};
  };

  void watch(Kind kind, Fd fd);
  void serve();
  /// False: nothing comes any more.
  static bool echo(Socket& socket);

  Fd epoll_, stop_;
  Fd mark_;  ///< until_idle() asks by it
  Fd idle_;  ///< the servers' thread answers by it
  std::mutex mutex_;  ///< of sockets_, which both threads change
  std::list<Socket> sockets_;
  std::thread thread_;
};

}  // namespace hand
