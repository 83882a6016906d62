#include "source/conntrack/socket_events.h"

#include <unistd.h>

#include <algorithm>

#include "source/conntrack/event_queue.h"
#include "source/conntrack/event_reader.h"
#include "source/conntrack/flow_filter.h"
#include "source/conntrack/netlink_socket.h"

namespace vslog {
namespace {

/// The receive buffer at the start; it grows when it fills.
constexpr std::uint64_t kFirstBuffer = 8 << 20;

class SocketEvents final : public FlowEvents {
 public:
  explicit SocketEvents(const ConntrackOptions& options) : queue_(options.queue_bytes), reader_(listening(options), queue_, options.buffer_bytes) {}

  int poll_fd() const override { return queue_.fd(); }

  void woken() override {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t ignored = read(queue_.fd(), &count, sizeof count);
  }

  bool next(Item& out) override {
    if (reader_.failed()) reader_.rethrow();
    EventQueue::Item item;
    if (!queue_.next(item)) return false;
    out = {kind_of(item.kind), item.time_ns, item.bytes};
    return true;
  }

  void require_barrier() override { reader_.require_barrier(); }

  Losses losses() const override {
    const EventReader::Losses l = reader_.losses();
    return {l.lost, l.first_ns, l.last_ns};
  }

  std::uint64_t gaps() const override { return reader_.overruns(); }

  const char* remedy() const override { return "Give the capture a bigger --conntrack-buffer, or wish for fewer events (--conntrack-protocol, --conntrack-address)"; }

  std::uint64_t size() const override { return queue_.size(); }
  std::uint64_t used() const override { return queue_.used(); }

 private:
  NetlinkSocket& listening(const ConntrackOptions& options) {
    socket_.attach(FlowFilter(options).program());
    if (options.reliable) socket_.require_delivery();
    socket_.grow_buffer(std::min(options.buffer_bytes, kFirstBuffer));
    socket_.join(event_groups(options));
    return socket_;
  }

  static Kind kind_of(EventQueue::Kind kind) {
    switch (kind) {
      case EventQueue::Kind::gap: return Kind::gap;
      case EventQueue::Kind::barrier: return Kind::barrier;
      default: return Kind::message;
    }
  }

  NetlinkSocket socket_;
  EventQueue queue_;
  EventReader reader_;  // after what it uses: it ends first
};

}  // namespace

std::unique_ptr<FlowEvents> make_socket_events(const ConntrackOptions& options) { return std::make_unique<SocketEvents>(options); }

}  // namespace vslog
