// What the capture says of itself while it runs.
#pragma once

#include <cstdio>
#include <string>

namespace vslog {

inline void log(const std::string& sentence) { std::fprintf(stderr, "vslog-capture: %s\n", sentence.c_str()); }

}  // namespace vslog
