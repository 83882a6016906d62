// The lines that a scenario is told with. One line, one command, one answer; docs are at the head of main.cc.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "network.h"

namespace vslog::conformance {

class Commands {
 public:
  /// Obeys a line. Returns what there is to say of it. Throws std::runtime_error when it could not be done.
  std::string obey(const std::string& line);

  EventLog& log() { return network_.log; }

 private:
  using Words = std::vector<std::string>;

  std::string traffic(const Words& words);
  std::string passage_of_time(const Words& words);
  void set_up(const Words& words);
  void configure(const Words& words);
  void open(const Words& words);
  void act(const std::string& verb, const std::string& name);
  unsigned burst(const Words& words);
  void packets(const Words& words);
  void half_open(const Words& words);

  std::shared_ptr<Socket> client(std::uint8_t protocol, const Endpoint& from, const Endpoint& to);
  bool echoed(Socket& socket, char byte);
  /// Until the packets on the wires have arrived.
  void settle();

  Network network_;
  std::unordered_map<std::string, std::shared_ptr<Socket>> open_;
};

}  // namespace vslog::conformance
