// Where the messages about flows come from.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "source/conntrack/attributes.h"
#include "source/conntrack/conntrack_options.h"

namespace vslog {

/// The kernel's messages about flows, in their order. All calls come from one thread.
class FlowEvents {
 public:
  enum class Kind : std::uint8_t {
    message,  ///< a netlink message
    gap,      ///< some went missing, all of them before now
    barrier,  ///< everything that had happened when require_barrier() was called was given before this
  };
  struct Item {
    Kind kind = Kind::message;
    std::uint64_t time_ns = 0;  ///< wall clock: when it happened, or when it was read
    Bytes bytes;                ///< valid until the next call of next()
  };
  /// Messages that the kernel had no room for.
  struct Losses {
    std::uint64_t lost = 0;
    std::uint64_t first_ns = 0;  ///< wall clock, around the newest gap; 0: not known
    std::uint64_t last_ns = 0;
  };

  virtual ~FlowEvents() = default;

  /// Becomes readable when next() has something to give after it had nothing.
  virtual int poll_fd() const = 0;
  /// To be called before next() after poll_fd() was readable.
  virtual void woken() = 0;
  /// The next item. False: none now. Throws std::system_error when no more can come.
  virtual bool next(Item& out) = 0;
  virtual void require_barrier() = 0;
  virtual Losses losses() const = 0;
  /// Another number once messages have been lost, before any later message is given.
  virtual std::uint64_t gaps() const = 0;
  /// What a reader of a loss can do about it.
  virtual const char* remedy() const = 0;
  /// Bytes that may wait here, and that do.
  virtual std::uint64_t size() const = 0;
  virtual std::uint64_t used() const = 0;
  /// Called about once a second.
  virtual void tick() {}
};

/// The way that the options ask for. Begins to listen. `say`: told, in a sentence, when the cheaper way is not open here and the other is taken. Throws SourceRefusal, std::system_error.
std::unique_ptr<FlowEvents> open_flow_events(const ConntrackOptions& options, void (*say)(const std::string&));

}  // namespace vslog
