// How long nobody has acknowledged anything.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace vslog {

/// Adds up the time in which no durable subscriber acknowledges, from one look to the next.
class Stall {
 public:
  /// However long it took from one look to the next on a busy machine, it counts as no more than this: the subscribers may have had no more of it.
  static constexpr std::uint64_t kMostOfALookNs = 100'000'000;

  /// `timeout_ns`: how much of such time is too much.
  explicit Stall(std::uint64_t timeout_ns) : timeout_ns_(timeout_ns) {}

  /// Looks: `acknowledged` grows whenever anybody acknowledges, `now_ns` is of a clock that does not go back. True: for too long it has not grown.
  bool is_over(std::uint64_t acknowledged, std::uint64_t now_ns) {
    const bool quiet = last_ && last_->acknowledged == acknowledged;
    quiet_ns_ = quiet ? quiet_ns_ + std::min(now_ns - last_->at_ns, kMostOfALookNs) : 0;
    last_ = Look{acknowledged, now_ns};
    return quiet_ns_ > timeout_ns_;
  }

 private:
  struct Look {
    std::uint64_t acknowledged;
    std::uint64_t at_ns;
  };

  std::uint64_t timeout_ns_;
  std::uint64_t quiet_ns_ = 0;
  std::optional<Look> last_;
};

}  // namespace vslog
