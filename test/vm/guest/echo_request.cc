#include "echo_request.h"

#include <linux/icmp.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <stdexcept>

#include "sockets.h"
#include "wait.h"

namespace hand {
namespace {

/// RFC 1071.
unsigned short checksum(const icmphdr& header) {
  std::array<unsigned short, sizeof header / 2> words;
  std::memcpy(words.data(), &header, sizeof header);
  unsigned sum = 0;
  for (const unsigned short word : words) sum += word;
  sum = (sum >> 16) + (sum & 0xffff);
  return static_cast<unsigned short>(~(sum + (sum >> 16)));
}

}  // namespace

EchoRequest::EchoRequest() : fd_(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP)) {
  const icmp_filter only{~(1U << ICMP_ECHOREPLY)};
  if (fd_.get() < 0 || setsockopt(fd_.get(), SOL_RAW, ICMP_FILTER, &only, sizeof only) != 0) fail("raw socket");
}

void EchoRequest::settle(const std::string& address) {
  const Endpoint to = endpoint(address, 0);
  icmphdr request{};
  request.type = ICMP_ECHO;
  request.un.echo.sequence = ++sequence_;
  request.checksum = checksum(request);
  if (sendto(fd_.get(), &request, sizeof request, 0, reinterpret_cast<const sockaddr*>(&to.address), to.size) < 0) fail("echo request to " + address);
  for (;;) {
    std::array<char, 128> packet;
    const ssize_t n = receive(fd_.get(), packet.data(), packet.size());
    if (n < 0) fail("no echo from " + address);
    iphdr ip;
    icmphdr reply;
    if (n < static_cast<ssize_t>(sizeof ip + sizeof reply)) continue;
    std::memcpy(&ip, packet.data(), sizeof ip);
    std::memcpy(&reply, packet.data() + ip.ihl * 4, sizeof reply);
    if (reply.un.echo.sequence == sequence_) return;
  }
}

}  // namespace hand
