// Capabilities of the calling thread: capabilities(7).
#pragma once

#include <cstdint>

namespace vslog {

/// A set of capabilities, a bit each: 1 << CAP_NET_ADMIN and so on.
using Capabilities = std::uint64_t;

constexpr Capabilities capability(unsigned number) { return Capabilities{1} << number; }

/// What the calling thread may use at any time. 0 when the kernel does not say.
Capabilities permitted_capabilities();

/// Gives up all that is not in `kept`, for good, in the calling thread: permitted, effective, inheritable, ambient and, where that may be done, bounding set. Other threads keep
/// theirs. What the thread does not have it does not get. Throws std::system_error.
void keep_capabilities(Capabilities kept);

/// No program that this process starts gets rights that it does not have (PR_SET_NO_NEW_PRIVS). Every kernel that vslog runs on has that.
void no_new_rights();

}  // namespace vslog
