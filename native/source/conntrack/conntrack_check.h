// What of connection tracking is switched on here.
#pragma once

#include <string>
#include <vector>

namespace vslog {

/// Throws SourceRefusal when nothing could be recorded here at all: no connection tracking, not permitted, events switched off, and no hook that tracks anything.
void check_conntrack();

/// As check_conntrack(), but a missing hook is no reason to refuse: it may come later. Returns what is switched off, a sentence each with what that costs.
std::vector<std::string> examine_conntrack();

}  // namespace vslog
