#include "source/conntrack/table_dump.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "source/conntrack/flow_parser.h"

namespace vslog {
namespace {

/// The kernel fills at most 32 KiB at once: net/netlink/af_netlink.c, netlink_dump().
constexpr std::size_t kPiece = 32 << 10;
/// The kernel answers from its table at once; a piece that does not come at all is a fault.
constexpr int kPatienceMs = 10'000;

}  // namespace

TableDump::TableDump(const FlowFilter& filter, bool with_undelivered) : filter_(filter), undelivered_too_(with_undelivered), buffer_(kPiece) { socket_.ask_for_table(); }

FlowListing::Progress TableDump::next(const std::function<void(const Flow&)>& each) {
  Progress progress;
  pollfd ready{socket_.fd(), POLLIN, 0};
  if (poll(&ready, 1, kPatienceMs) == 0) throw std::system_error(ETIMEDOUT, std::generic_category(), "the kernel does not go on with its table of flows");
  const ssize_t n = recv(socket_.fd(), buffer_.data(), buffer_.size(), 0);
  if (n < 0) {
    if (errno == EINTR || errno == EAGAIN) return progress;
    throw std::system_error(errno, std::generic_category(), "cannot read the table of flows");
  }
  progress.read = true;
  Bytes rest = Bytes(buffer_).first(static_cast<std::size_t>(n));
  while (rest.size() >= sizeof(nlmsghdr)) {
    nlmsghdr head{};
    std::memcpy(&head, rest.data(), sizeof head);
    if (head.nlmsg_len < sizeof head || head.nlmsg_len > rest.size()) {
      ++progress.malformed;
      break;
    }
    if (head.nlmsg_type == NLMSG_DONE) {
      progress.done = !undelivered_too_;
      // In this order, so that a flow which ends meanwhile is seen in one of the two.
      if (undelivered_too_) socket_.ask_for_undelivered();
      undelivered_too_ = false;
      break;
    }
    if (head.nlmsg_type == NLMSG_ERROR) {
      int error = EPROTO;
      if (head.nlmsg_len >= sizeof head + sizeof error) {
        std::memcpy(&error, rest.data() + sizeof head, sizeof error);
        error = -error;
      }
      throw std::system_error(error, std::generic_category(), "the kernel does not show its table of flows");
    }
    Flow flow;
    const Parsed parsed = parse_flow(rest.first(head.nlmsg_len), flow);
    if (parsed == Parsed::malformed) ++progress.malformed;
    if (parsed == Parsed::flow && filter_.takes(flow)) {
      ++progress.flows;
      each(flow);
    }
    rest = rest.subspan(std::min<std::size_t>(NLMSG_ALIGN(head.nlmsg_len), rest.size()));
  }
  return progress;
}

}  // namespace vslog
