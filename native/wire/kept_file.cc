#include "wire/kept_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

#include "wire/crc32c.h"
#include "wire/unique_fd.h"

namespace vslog {
namespace {

/// Before the checksum, in the last line. A file of an earlier version ends without it.
constexpr std::string_view kSum = "crc32c ";

std::string sum_line(std::string_view text) {
  std::array<char, 16> hex{};
  std::snprintf(hex.data(), hex.size(), "%08x", crc32c(text));
  return std::string(kSum) + hex.data();
}

}  // namespace

KeptLines read_kept(const std::string& path, const std::string& boot_id) {
  KeptLines kept;
  std::ifstream in(path, std::ios::binary);
  if (!in) return kept;
  std::stringstream all;
  all << in.rdbuf();
  std::string text = all.str();
  if (const std::size_t at = text.rfind("\n" + std::string(kSum)); at != std::string::npos) {
    const std::string sum = text.substr(at + 1);
    text.resize(at + 1);
    if (sum != sum_line(text) + "\n") kept.trouble = path + " is damaged";
  }
  std::istringstream lines(text);
  std::string line;
  if (!std::getline(lines, line) || line != boot_id) {
    // Of another boot, unless it is the damage that makes it look so.
    return kept;
  }
  while (kept.trouble.empty() && std::getline(lines, line)) kept.lines.push_back(line);
  return kept;
}

std::string write_kept(const std::string& path, const std::string& boot_id, const std::vector<std::string>& lines) {
  std::string text = boot_id + "\n";
  for (const std::string& line : lines) text += line + "\n";
  text += sum_line(text) + "\n";
  const std::string next = path + ".next";
  const auto failed = [&next, &path](int error) {
    unlink(next.c_str());
    return path + " cannot be written: " + std::generic_category().message(error);
  };
  UniqueFd fd(open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return failed(errno);
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t n = write(fd.get(), rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed(errno);
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  return std::rename(next.c_str(), path.c_str()) == 0 ? "" : failed(errno);
}

}  // namespace vslog
