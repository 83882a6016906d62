// What a capture gives up once everything is loaded, opened and bound.
#pragma once

#include <string>
#include <string_view>

#include "confine/capabilities.h"

namespace vslog {

/// What the capture goes on doing.
struct Duties {
  std::string_view source;   ///< its name
  bool other_netns = false;  ///< knobs, services and connections of other network namespaces
};

/// The capabilities of those that it has which these duties take. docs/deploy.md tells what each is for.
Capabilities needed_capabilities(const Duties& duties, Capabilities permitted);

/// Gives up the rest, in the calling thread, and in all threads every system call that a started capture does not make. Returns a sentence when the kernel does not have that; else nothing.
/// Throws std::system_error when it has and refuses.
std::string confine(const Duties& duties);

}  // namespace vslog
