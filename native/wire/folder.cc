#include "wire/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <deque>
#include <filesystem>
#include <system_error>

#include "wire/journal.h"

namespace vslog {
namespace {

/// As many links as the kernel follows.
constexpr int kMostLinks = 40;

std::string reason(int error) { return std::generic_category().message(error); }

bool trusted(uid_t uid) { return uid == 0 || uid == geteuid(); }

void put_before(std::deque<std::string>& rest, const std::filesystem::path& path) {
  auto at = rest.begin();
  for (const auto& part : path.relative_path()) {
    if (!part.empty() && part != ".") at = std::next(rest.insert(at, part.string()));
  }
}

/// Walks a path from the root, one name at a time.
class Walk {
 public:
  Walk(std::string option, mode_t mode) : option_(std::move(option)), mode_(mode) { look("/"); }

  void follow(const std::filesystem::path& path) {
    put_before(rest_, path);
    while (!rest_.empty()) step();
    if (!trusted(info_.st_uid)) refuse("the folder " + at_ + " belongs to user " + std::to_string(info_.st_uid) + ", and not to us: run the capture as that user, or");
    if ((info_.st_mode & S_IWOTH) != 0) refuse("everybody may write to the folder " + at_ + ": look what is in it, then chmod 700 " + at_ + ", or");
    if ((info_.st_mode & S_IWGRP) != 0 && info_.st_gid != 0 && info_.st_gid != getegid()) {
      refuse("group " + std::to_string(info_.st_gid) + " may write to the folder " + at_ + ": chmod g-w " + at_ + ", or");
    }
  }

 private:
  [[noreturn]] void refuse(const std::string& sentence) const { throw SetupError(sentence + " name another place with --" + option_ + "."); }

  bool look(const std::string& path) {
    struct stat found{};
    if (lstat(path.c_str(), &found) != 0) {
      if (errno == ENOENT) return false;
      refuse(path + " cannot be looked at: " + reason(errno) + ";");
    }
    info_ = found;
    at_ = path;
    return true;
  }

  void step() {
    const std::string next = (std::filesystem::path(at_) / rest_.front()).lexically_normal().string();
    rest_.pop_front();
    const bool shared = (info_.st_mode & S_IWOTH) != 0;
    if (shared && (info_.st_mode & S_ISVTX) == 0) refuse("everybody may write to " + at_ + ", and so replace " + next + ": chmod o-w " + at_ + ", or");
    const std::string before = at_;
    if (!look(next)) {
      make(next);
      return;
    }
    if (shared && !trusted(info_.st_uid)) refuse(next + " belongs to user " + std::to_string(info_.st_uid) + ", and not to us: it was put there by somebody else. Remove it, or");
    if (S_ISLNK(info_.st_mode)) {
      enter_link(next, before);
    } else if (!S_ISDIR(info_.st_mode)) {
      refuse(next + " is no folder: remove it, or");
    }
  }

  void make(const std::string& path) {
    if (mkdir(path.c_str(), mode_) == 0) {
      // Whatever the umask is. The folder is ours, so its name cannot lead elsewhere by now.
      if (chmod(path.c_str(), mode_) != 0) refuse("the folder " + path + " cannot get its mode: " + reason(errno) + ";");
    } else if (errno != EEXIST) {
      refuse("the folder " + path + " cannot be made: " + reason(errno) + ";");
    }
    rest_.push_front(std::filesystem::path(path).filename().string());  // and is looked at as one that was there
  }

  void enter_link(const std::string& link, const std::string& before) {
    if (++links_ > kMostLinks) refuse(link + " leads through too many links;");
    std::array<char, PATH_MAX> text{};
    const ssize_t length = readlink(link.c_str(), text.data(), text.size());
    if (length < 0) refuse(link + " cannot be read: " + reason(errno) + ";");
    const std::filesystem::path target(std::string(text.data(), static_cast<std::size_t>(length)));
    put_before(rest_, target);
    look(target.is_absolute() ? "/" : before);
  }

  std::string option_;
  mode_t mode_;
  std::deque<std::string> rest_;
  std::string at_;
  struct stat info_{};
  int links_ = 0;
};

}  // namespace

void make_folder_of(const std::string& file, const char* option, mode_t mode) {
  std::error_code failed;
  const std::filesystem::path path = std::filesystem::absolute(file, failed);
  if (failed) throw SetupError("--" + std::string(option) + " " + file + " cannot be found: " + failed.message() + "; name it from the root.");
  Walk(option, mode).follow(path.lexically_normal().parent_path());
}

}  // namespace vslog
