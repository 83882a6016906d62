// The kernel's table of flows, as far as it can be asked.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "source/conntrack/flow.h"

namespace vslog {

/// A list of flows that the kernel gives a piece at a time.
class FlowListing {
 public:
  virtual ~FlowListing() = default;

  struct Progress {
    std::size_t flows = 0;      ///< that were shown
    std::size_t malformed = 0;  ///< messages that could not be read
    bool read = false;          ///< a piece came
    bool done = false;          ///< it was the last one
  };
  /// Shows the next piece, some hundred flows at most. The kernel made it at the end of the call that read the piece before: it shows no later moment.
  /// Throws std::system_error when the kernel refuses to go on.
  virtual Progress next(const std::function<void(const Flow&)>& each) = 0;
};

class KernelTable {
 public:
  virtual ~KernelTable() = default;

  /// Begins a list. Throws SourceRefusal, std::system_error.
  virtual std::unique_ptr<FlowListing> list() = 0;
  /// Whether this very flow is there now. One whose timer has run out is not: the kernel ends it as it looks for it, so its end was told before the answer. Throws std::system_error.
  virtual bool has(const FlowKey& key) = 0;
};

}  // namespace vslog
