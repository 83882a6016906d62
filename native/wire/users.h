// What the people at the socket use of the capture: sessions, its thread's time, its memory. docs/wire.md, "Limits".
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>

#include "wire/share.h"

namespace vslog {

/// One user, by uid. Whoever is privileged is counted and never held up.
struct User {
  uid_t uid = 0;
  bool privileged = false;
  std::size_t sessions = 0;
  std::size_t live = 0;   ///< live subscriptions
  std::size_t bytes = 0;  ///< that its sessions hold
  Share share;
};

class Users {
 public:
  /// Of the capture's thread: one user may have an eighth, all who are not privileged together a quarter. A burst is what a list of all knobs costs, some times over.
  static constexpr std::uint64_t kUserPart = 8;
  static constexpr std::uint64_t kTogetherPart = 4;
  static constexpr std::uint64_t kBurstNs = 20'000'000;

  /// `max_bytes`: what the sessions of all who are not privileged may hold together; one user a quarter of that.
  explicit Users(std::size_t max_bytes) : max_bytes_(max_bytes), together_(kTogetherPart, kBurstNs) {}

  /// A session of that user begins.
  User& join(uid_t uid, bool privileged) {
    const auto [at, fresh] = users_.try_emplace({uid, privileged}, User{uid, privileged, 0, 0, 0, Share(kUserPart, kBurstNs)});
    ++at->second.sessions;
    return at->second;
  }
  void leave(User& user) { --user.sessions; }

  std::size_t sessions_of(uid_t uid) const {
    const auto at = users_.find({uid, false});
    return at == users_.end() ? 0 : at->second.sessions;
  }

  /// How long until its next request may be handled, ns; 0: now.
  std::uint64_t wait(User& user, std::uint64_t now) { return user.privileged ? 0 : std::max(user.share.wait(now), together_.wait(now)); }
  void spend(User& user, std::uint64_t now, std::uint64_t ns) {
    if (user.privileged) return;
    user.share.spend(now, ns);
    together_.spend(now, ns);
  }

  /// Whether its sessions may hold so many bytes more.
  bool has_room(const User& user, std::size_t more) const { return user.privileged || (bytes_ + more <= max_bytes_ && user.bytes + more <= max_bytes_ / 4); }
  void hold(User& user, std::ptrdiff_t more) {
    user.bytes += static_cast<std::size_t>(more);
    bytes_ += static_cast<std::size_t>(more);
  }
  /// All sessions together, privileged ones too.
  std::size_t bytes() const { return bytes_; }

  /// Forgets who is gone and owes nothing.
  void sweep(std::uint64_t now) {
    for (auto at = users_.begin(); at != users_.end();) {
      at = at->second.sessions == 0 && at->second.share.whole(now) ? users_.erase(at) : std::next(at);
    }
  }

 private:
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  Share together_;
  std::map<std::pair<uid_t, bool>, User> users_;
};

}  // namespace vslog
