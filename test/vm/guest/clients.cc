#include "clients.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "wait.h"

namespace hand {
namespace {

void send_byte(int fd, const char* byte) {
  if (send(fd, byte, 1, MSG_NOSIGNAL) != 1) fail_in_network("not sent");
}

void echo(int fd, const char* byte) {
  send_byte(fd, byte);
  std::array<char, 256> buffer;
  const ssize_t n = receive(fd, buffer.data(), buffer.size());
  if (n < 0) fail_in_network("no answer");
  if (n == 0) throw std::runtime_error("no answer: the server has closed");
}

/// Until the server has closed its half.
void until_closed(int fd) {
  std::array<char, 256> buffer;
  ssize_t n = 1;
  while (n > 0) n = receive(fd, buffer.data(), buffer.size());
  if (n < 0 && errno != ENOTCONN) fail_in_network("the server did not close");  // SCTP: both ends have closed
}

}  // namespace

void Clients::open(const std::string& name, const std::string& protocol, const Endpoint& from, const Endpoint& to) {
  Fd fd = connect_from(protocol, from, to);
  if (protocol == "udp") send_byte(fd.get(), "p");
  connections_.insert_or_assign(name, std::move(fd));
}

void Clients::act(const std::string& name, const std::string& verb, bool to_fail) {
  const auto found = connections_.find(name);
  if (found == connections_.end()) throw std::runtime_error("no connection is called " + name);
  const int fd = found->second.get();
  if (verb == "send") return echo(fd, "p");
  if (verb == "post") {
    if (to_fail) until_told(fd, 0);
    return send_byte(fd, "p");
  }
  if (verb == "serverhalfclose") {
    send_byte(fd, "h");
    return until_closed(fd);
  }
  if (verb == "halfclose") {
    echo(fd, "k");
    shutdown(fd, SHUT_WR);
    return;
  }
  Fd last = std::move(found->second);
  connections_.erase(found);
  if (verb == "reset") return reset(std::move(last));
  if (verb == "close") shutdown(fd, SHUT_WR);
  else if (verb == "serverclose") send_byte(fd, "q");
  else throw std::runtime_error("no such command: " + verb);
  until_closed(fd);
}

void burst(const std::string& protocol, int count, const std::string& from, int from_port, const Endpoint& to) {
  for (int i = 0; i < count; ++i) {
    Fd fd = connect_from(protocol, endpoint(from, from_port + i), to);
    echo(fd.get(), "p");
    if (protocol != "udp") reset(std::move(fd));
  }
}

void half_open(int count, const std::string& from, int from_port, const Endpoint& to) {
  for (int i = 0; i < count; ++i) {
    connecting_from("tcp", endpoint(from, from_port + i), to);
  }
}

void packets(int count, const Endpoint& from, const Endpoint& to) {
  const Fd fd = connect_from("udp", from, to);
  for (int i = 0; i < count; ++i) {
    // An ICMP answer to an earlier packet is reported here: the packet is then sent again.
    if (send(fd.get(), "p", 1, 0) < 0) send(fd.get(), "p", 1, 0);
    pause(20ms, "the answer to this packet, an error too, before the next");
  }
}

}  // namespace hand
