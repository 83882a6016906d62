// The thread that empties the kernel's buffer. It only copies, so that the buffer is empty again before the next burst.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <latch>
#include <thread>

#include "source/conntrack/event_queue.h"
#include "source/conntrack/netlink_socket.h"

namespace vslog {

class EventReader {
 public:
  /// Starts to read. `socket` and `queue` must outlive this. `max_buffer`: how far the receive buffer may grow, bytes.
  EventReader(NetlinkSocket& socket, EventQueue& queue, std::uint64_t max_buffer);
  ~EventReader();
  EventReader(const EventReader&) = delete;
  EventReader& operator=(const EventReader&) = delete;

  /// Puts a barrier into the queue behind everything that the socket holds now.
  void require_barrier();

  /// Events that the kernel had no room for.
  struct Losses {
    std::uint64_t lost = 0;
    std::uint64_t first_ns = 0;  ///< wall clock: of the last event read before the newest gap, and of the first read after it
    std::uint64_t last_ns = 0;
  };
  Losses losses() const;
  /// How often the kernel had no room; it counts what was lost when the gap is closed.
  std::uint64_t overruns() const { return overruns_.load(std::memory_order_acquire); }

  /// True when the thread ended by an error, which rethrow() throws.
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  void rethrow() const { std::rethrow_exception(error_); }

 private:
  /// A place in the stream of messages that is surely passed when the socket was found empty, or when so many messages were read as its buffer could hold.
  class Horizon {
   public:
    void set(std::uint64_t read, std::uint64_t used);
    bool passed(std::uint64_t read, bool empty);

   private:
    bool open_ = false;
    std::uint64_t at_ = 0;
  };

  void give_up_rights();
  void run();
  /// Reads until the socket is empty. Returns how many messages came.
  std::uint64_t read_all();
  void make_room();
  void overrun();
  void close_gap();
  void count_drops();
  void check_horizons(bool empty);
  void put(EventQueue::Kind kind, std::uint64_t time_ns, Bytes bytes);

  NetlinkSocket& socket_;
  EventQueue& queue_;
  std::uint64_t max_buffer_;
  UniqueFd stop_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> barrier_wanted_{false};
  std::atomic<bool> failed_{false};
  std::exception_ptr error_;
  std::exception_ptr refused_;  ///< the thread could not give up its rights; written before gave_up_ is counted down
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<std::uint64_t> overruns_{0};
  std::atomic<std::uint64_t> first_ns_{0};
  std::atomic<std::uint64_t> last_ns_{0};
  std::uint64_t read_ = 0;
  std::uint64_t look_at_ = 0;
  std::uint64_t last_read_ns_ = 0;
  std::uint32_t drops_ = 0;
  std::uint32_t drops_before_ = 0;
  bool gap_open_ = false;
  Horizon gap_;
  Horizon barrier_;
  struct Batch;
  Batch* batch_ = nullptr;
  std::latch gave_up_{1};  ///< the thread has no rights but its own
  std::thread thread_;
};

}  // namespace vslog
