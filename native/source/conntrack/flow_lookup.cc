#include "source/conntrack/flow_lookup.h"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "source/conntrack/flow_parser.h"

namespace vslog {
namespace {

/// A message about one flow is 700 bytes at most.
constexpr std::size_t kAnswerBytes = 4096;

}  // namespace

FlowLookup::FlowLookup() : buffer_(kAnswerBytes) {}

bool FlowLookup::has(const FlowKey& key) {
  Answer answer = ask(key, key.zone);
  // A zone of the answers' direction only is no part of the tuple that the kernel looks for.
  if (answer == Answer::no && key.zone != 0) answer = ask(key, 0);
  return answer != Answer::no;
}

FlowLookup::Answer FlowLookup::ask(const FlowKey& key, std::uint16_t zone) {
  socket_.ask_for_flow(key, zone, ++sequence_);
  for (;;) {
    const ssize_t n = recv(socket_.fd(), buffer_.data(), buffer_.size(), 0);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == ENOBUFS) return Answer::none;
      throw std::system_error(errno, std::generic_category(), "cannot read the answer about a flow");
    }
    const Bytes message = Bytes(buffer_).first(static_cast<std::size_t>(n));
    nlmsghdr head{};
    if (message.size() < sizeof head) continue;
    std::memcpy(&head, message.data(), sizeof head);
    if (head.nlmsg_seq != sequence_) continue;
    if (head.nlmsg_type == NLMSG_ERROR) {
      int error = 0;
      if (message.size() >= sizeof head + sizeof error) std::memcpy(&error, message.data() + sizeof head, sizeof error);
      return error == -ENOMEM || error == -ENOBUFS ? Answer::none : Answer::no;
    }
    Flow flow;
    return parse_flow(message, flow) == Parsed::flow && flow.id == key.id ? Answer::yes : Answer::no;
  }
}

}  // namespace vslog
