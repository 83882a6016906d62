#include "daemon/client_key.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/kept_file.h"
#include "wire/unique_fd.h"

namespace vslog {
namespace {

/// Longer than any first line that is a key.
constexpr std::size_t kLongest = 64;
constexpr std::string_view kIdText = "vslog: key's id.";

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Opens the file and checks what was opened, so that neither a link nor a rename in between changes what is read. O_NONBLOCK: a pipe without a writer must not stop us.
UniqueFd open_key(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat info{};
  if (fd.get() < 0 || fstat(fd.get(), &info) != 0) throw std::invalid_argument("the file " + path + " cannot be read: " + std::strerror(errno));
  if (!S_ISREG(info.st_mode)) throw std::invalid_argument(path + " is no regular file");
  if (info.st_uid != geteuid()) {
    throw std::invalid_argument("the file " + path + " belongs to user " + std::to_string(info.st_uid) + ", who could turn every hash back: it must belong to the user of the capture, " +
                                std::to_string(geteuid()) + " (chown " + std::to_string(geteuid()) + " " + path + ")");
  }
  if ((info.st_mode & 077) != 0) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", info.st_mode & 07777U);
    throw std::invalid_argument("the file " + path + " has mode " + mode + ", so others than its owner may use the key, and with it find out whom a hash means: chmod 600 " + path);
  }
  return fd;
}

}  // namespace

std::string key_id(const HashKey& key) {
  std::array<std::uint8_t, 16> text{};
  std::memcpy(text.data(), kIdText.data(), text.size());
  const std::array<std::uint8_t, 16> hash = siphash128(key, text);
  char id[9];
  std::snprintf(id, sizeof id, "%02x%02x%02x%02x", hash[0], hash[1], hash[2], hash[3]);
  return id;
}

ClientKey read_client_key(const std::string& path) {
  const UniqueFd fd = open_key(path);
  std::array<char, kLongest> bytes{};
  const ssize_t n = read(fd.get(), bytes.data(), bytes.size());
  const std::string_view text(bytes.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
  const std::string_view line = text.substr(0, text.find('\n'));
  ClientKey key;
  bool good = line.size() == 2 * key.bytes.size();
  for (std::size_t i = 0; good && i < key.bytes.size(); ++i) {
    const int high = digit(line[2 * i]);
    const int low = digit(line[2 * i + 1]);
    good = high >= 0 && low >= 0;
    if (good) key.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  if (!good) throw std::invalid_argument("the first line of " + path + " must be 32 hexadecimal digits; `vslog key rotate` makes such a file");
  key.id = key_id(key.bytes);
  return key;
}

std::string kept_key_path(const std::string& path, const std::string& id) { return path + "." + id; }

const HashKey& KeyRing::of(std::uint64_t conn_id) const {
  if (conn_id == 0 || conn_id >= held_.back().first) return held_.back().key.bytes;
  const auto next = std::upper_bound(held_.begin(), held_.end(), conn_id, [](std::uint64_t id, const Held& held) { return id < held.first; });
  return next == held_.begin() ? held_.front().key.bytes : std::prev(next)->key.bytes;
}

void KeyRing::rotate(ClientKey key, std::uint64_t seen) {
  if (earlier_.highest) seen = std::max(seen, earlier_.highest());
  held_.push_back({std::move(key), seen + 1});
  save();
}

std::string KeyRing::resume(Earlier earlier) {
  earlier_ = std::move(earlier);
  const ClientKey current = std::move(held_.back().key);
  held_.clear();
  std::string last;
  std::uint64_t first = 0;  // of the key that is added next
  const auto add = [&](const ClientKey& key) {
    held_.push_back({key, first});
    first = UINT64_MAX;
  };
  const KeptLines kept_lines = earlier_.state.empty() ? KeptLines{} : read_kept(earlier_.state, earlier_.boot_id);
  if (!kept_lines.trouble.empty()) earlier_.say(kept_lines.trouble + ": connections that began under an earlier key have another hash from here on.");
  for (const std::string& line : kept_lines.lines) {
    std::istringstream words(line);
    std::uint64_t begins = 0;
    if (!(words >> last >> begins)) break;
    first = std::min(first, begins);
    if (last == current.id) {
      add(current);
      continue;
    }
    try {
      const std::string path = kept_key_path(earlier_.key_path, last);
      const ClientKey kept = read_client_key(path);
      if (kept.id != last) throw std::invalid_argument(path + " has another key than its name says");
      add(kept);
    } catch (const std::invalid_argument& e) {
      earlier_.say("connections that began under the key " + last + " have another hash from here on: " + e.what() + ".");
    }
  }
  if (last != current.id) {
    const std::uint64_t lives = last.empty() ? 0 : earlier_.highest();
    if (lives == 0) held_.clear();
    first = held_.empty() ? 0 : lives + 1;
    add(current);
  }
  save();
  return last;
}

// One line a key: its id, and the first conn_id that it holds for. Connections of another boot are gone.
void KeyRing::save() const {
  if (earlier_.state.empty()) return;
  std::vector<std::string> lines;
  for (const Held& held : held_) lines.push_back(held.key.id + " " + std::to_string(held.first));
  const std::string trouble = write_kept(earlier_.state, earlier_.boot_id, lines);
  if (!trouble.empty()) earlier_.say(trouble + ": after a restart of the capture, connections that are open now may have another hash.");
}

}  // namespace vslog
