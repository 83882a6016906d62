// Source `conntrack`: flows of the kernel's connection tracking, by ctnetlink. docs/architecture.md, "Source conntrack".
#pragma once

#include <memory>

#include "source/conntrack/conntrack_options.h"
#include "source/source.h"

namespace vslog {

std::unique_ptr<Source> make_conntrack_source(const ConntrackOptions& options);

}  // namespace vslog
