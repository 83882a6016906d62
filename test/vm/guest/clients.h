// The scenarios' clients: connections that stay open until told otherwise, and bursts.
#pragma once

#include <map>
#include <string>

#include "netns.h"
#include "sockets.h"

namespace hand {

/// Connections by name. All throw Refused when the network answered with an error, and another std::runtime_error for everything else that went wrong.
class Clients {
 public:
  /// Connects and stays open. UDP sends its first packet.
  void open(const std::string& name, const std::string& protocol, const Endpoint& from, const Endpoint& to);

  /// send: a byte, and waits for its echo; post: a byte, no waiting; close, reset: as they say; serverclose: the server first; halfclose, serverhalfclose: only the
  /// client's half, only the server's. `to_fail`: post waits for an error that an earlier packet brings.
  void act(const std::string& name, const std::string& verb, bool to_fail);

 private:
  std::map<std::string, Fd> connections_;
};

/// Connections one after the other, each from the next port, answered and then reset (TCP, SCTP) or left (UDP). Throws when one was not answered.
void burst(const std::string& protocol, int count, const std::string& from, int from_port, const Endpoint& to);

/// TCP SYNs, each from the next port; nobody waits for an answer.
void half_open(int count, const std::string& from, int from_port, const Endpoint& to);

/// Packets from one UDP socket; nobody waits for an answer.
void packets(int count, const Endpoint& from, const Endpoint& to);

}  // namespace hand
