// A small file of lines beside the journal that means something in one boot: values of knobs, limits of keys.
#pragma once

#include <string>
#include <vector>

namespace vslog {

/// The lines of such a file.
struct KeptLines {
  std::vector<std::string> lines;
  std::string trouble;  ///< why what is there cannot be used, "FILE is damaged"; empty: there is nothing, or it is another boot's, or all is well
};

/// Reads what write_kept() wrote in the same boot.
KeptLines read_kept(const std::string& path, const std::string& boot_id);

/// Replaces the file as a whole. Returns why it could not, "FILE cannot be written: REASON"; empty: it is done.
std::string write_kept(const std::string& path, const std::string& boot_id, const std::vector<std::string>& lines);

}  // namespace vslog
