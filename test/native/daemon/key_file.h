// A file as `vslog key rotate` makes it.
#pragma once

#include <sys/stat.h>

#include <fstream>
#include <string>

namespace vslog {

inline void write_key(const std::string& path, const std::string& text, mode_t mode = 0600) {
  std::ofstream(path, std::ios::trunc) << text << '\n';
  chmod(path.c_str(), mode);
}

}  // namespace vslog
