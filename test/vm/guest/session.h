// What one connection of the host is told to do in the guest.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "clients.h"
#include "echo_request.h"
#include "netns.h"
#include "servers.h"

namespace hand {

/**
 * Reads batches and answers each. A batch is a line "batch COUNT" and COUNT commands, one a line; `feed` and `script` have BYTES of input behind their line. A batch ends
 * at the first command that fails. The answer is "done BYTES" or "failed INDEX BYTES", and so many bytes of what there is to say. When the host hangs up all sockets
 * are closed and all namespaces are forgotten.
 *
 *   namespaces NAME ECHO                d_NAME, c_NAME and s_NAME: director, clients, servers; below they are d, c and s. Says the director's inode number.
 *   pair NS DEVICE NS DEVICE            address NS DEVICE ADDRESS/BITS        up NS DEVICE...      ready NS DEVICE...
 *   route NS ADDRESS/BITS GATEWAY [DEVICE]      write NS FILE VALUE          (below /proc/sys/net)
 *   run NS WORD...                      feed NS BYTES WORD...                 a program, the second one with input. It must exit with 0.
 *   start NS FOLDER WORD...             a program in the background, until it says "ready"      signal FOLDER NUMBER [gone]      to it
 *   serve PROTOCOL ADDRESS PORT         open NAME PROTOCOL FROM PORT TO PORT  send|post|close|reset|serverclose|halfclose|serverhalfclose NAME
 *   burst PROTOCOL COUNT FROM PORT TO PORT      halfopen COUNT FROM PORT TO PORT      packets COUNT FROM PORT TO PORT
 *   unanswered PROTOCOL FROM PORT TO PORT       a client that connects; it must have had no answer when those to later packets have arrived
 *   timeouts TCP TCPFIN UDP             sleep MILLISECONDS                    markers NS MARK      (says how many)
 *   removedirector                      its namespace forgotten, and the kernel done with it
 *   remove                              the devices off, the sockets closed, the namespaces forgotten
 *   script BYTES                        by bash in the guest's own namespace. Says the exit code on a line of its own, and the output.
 *
 * After a command that sends something every packet has arrived, and so has what was answered: at ECHO, the address that "namespaces NAME ECHO" has named.
 *
 * NS: d, c, s, or - for the guest's own namespace. "fails" before open, or before what is done to an open connection: an error must be answered (Refused of sockets.h).
 * Nothing else that goes wrong is the expected failure, and an error that never comes is waited for until the host hangs up.
 */
class Session {
 public:
  /// `number`: all threads of a session stay on one processor, so that its packets keep their order; sessions are dealt to the processors in turn.
  Session(int connection, unsigned number);

  /// Until the host hangs up.
  void serve();

 private:
  using Words = std::vector<std::string>;

  bool read_line(std::string& line);
  std::string read_bytes(std::size_t count);
  void answer(const std::string& head, const std::string& text);
  void batch(int count);
  /// Returns what there is to say.
  std::string perform(Words words, bool to_fail);
  std::string do_network(const Words& words);
  void do_traffic(const Words& words, bool to_fail);
  std::string namespaces(const std::string& name, const std::string& echo);
  void remove_director();
  void remove();
  /// Of d, c or s.
  int ns(const std::string& letter) const;

  Fd connection_;
  std::string unread_;
  std::string name_, echo_;
  std::map<std::string, Fd> namespaces_;
  std::unique_ptr<Servers> servers_;
  std::unique_ptr<Clients> clients_;
  std::unique_ptr<EchoRequest> echo_request_;
};

}  // namespace hand
