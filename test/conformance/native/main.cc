// Plays a scenario on the embedded balancer, in virtual time: reads commands, a line each, from stdin; writes the events that came of each as EVENT_BATCH frames to
// stdout, then a CONTROL_ERROR frame: code 0 and what there is to say, or EPROTO and what went wrong. Frames as in docs/wire.md.
//
//   own ADDRESS                                    an address of the balancer's
//   mark PROTOCOL PORT MARK                        packets to this port get a firewall mark
//   serve PROTOCOL ADDRESS PORT                    a real server listens
//   direct-replies                                 real servers answer the clients past the balancer
//   service add|edit|delete KEY [NAME=VALUE]...    KEY: PROTOCOL ADDRESS PORT, or mark NUMBER FAMILY; scheduler, persistent, netmask, flag
//   real add|edit|delete KEY ADDRESS PORT [NAME=VALUE]...   weight, forward, upper, lower
//   knob NAME VALUE
//   open NAME PROTOCOL FROM PORT TO PORT           a client connects; UDP sends a packet
//   send|post|close|reset|serverclose|halfclose|serverhalfclose NAME
//   packets N FROM PORT TO PORT                    from one UDP socket
//   burst PROTOCOL N FROM PORT TO PORT             answers how many had an echo
//   halfopen N FROM PORT TO PORT                   SYNs
//   sleep MS                                       time passes
//   wait MS                                        time passes until something is told; else answers the time
//   check                                          answers what is inconsistent in the engine
#include <cerrno>
#include <cstdio>
#include <iostream>
#include <string>

#include "commands.h"
#include "wire/frame.h"
#include "wire/messages.h"

int main() {
  using namespace vslog;
  conformance::Commands commands;
  for (std::string line; std::getline(std::cin, line);) {
    ErrorReply reply;
    try {
      reply.message = commands.obey(line);
    } catch (const std::exception& error) {
      reply.code = EPROTO;
      reply.message = error.what();
    }
    std::string out = commands.log().take();
    append_frame(out, FrameType::control_error, 0, 0, 0, encode(reply));
    if (std::fwrite(out.data(), 1, out.size(), stdout) != out.size() || std::fflush(stdout) != 0) return 1;
  }
  return 0;
}
