#include "wire/folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "temp_dir.h"

namespace vslog {
namespace {

namespace fs = std::filesystem;

mode_t mode_of(const std::string& path) {
  struct stat info{};
  EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

std::string refusal(const std::string& file) {
  try {
    make_folder_of(file, "socket", 0700);
  } catch (const SetupError& e) {
    return e.what();
  }
  return "";
}

/// Everything under another umask.
class Folder : public testing::TestWithParam<mode_t> {
 protected:
  Folder() : mask_(umask(GetParam())) {}
  ~Folder() override { umask(mask_); }

  TempDir dir_;

 private:
  mode_t mask_;
};

INSTANTIATE_TEST_SUITE_P(Umask, Folder, testing::Values(mode_t{0}, mode_t{022}, mode_t{077}));

TEST_P(Folder, IsMadeWithItsParentsAndItsMode) {
  make_folder_of(dir_.file("a/b/socket"), "socket", 0711);
  EXPECT_EQ(mode_of(dir_.file("a")), mode_t{0711});
  EXPECT_EQ(mode_of(dir_.file("a/b")), mode_t{0711});
  make_folder_of(dir_.file("a/b/socket"), "socket", 0700);  // one that is there is left as it is
  EXPECT_EQ(mode_of(dir_.file("a/b")), mode_t{0711});
}

TEST_P(Folder, IsRefusedWhereEverybodyMayWrite) {
  fs::create_directory(dir_.file("open"));
  chmod(dir_.file("open").c_str(), 0777);
  EXPECT_EQ(refusal(dir_.file("open/socket")),
            "everybody may write to the folder " + dir_.file("open") + ": look what is in it, then chmod 700 " + dir_.file("open") + ", or name another place with --socket.");
  EXPECT_NE(refusal(dir_.file("open/below/socket")).find("and so replace"), std::string::npos);
  chmod(dir_.file("open").c_str(), 01777);
  EXPECT_EQ(refusal(dir_.file("open/below/socket")), "");  // like /tmp
}

TEST_P(Folder, MayBeALinkOfOurs) {
  fs::create_symlink("nowhere", dir_.file("link"));
  EXPECT_EQ(refusal(dir_.file("link/socket")), "");
  EXPECT_TRUE(fs::is_directory(dir_.file("nowhere")));
  fs::create_symlink(dir_.file("nowhere"), dir_.file("absolute"));
  EXPECT_EQ(refusal(dir_.file("absolute/below/../below/socket")), "");
  EXPECT_TRUE(fs::is_directory(dir_.file("nowhere/below")));
}

TEST_P(Folder, IsRefusedWhenItIsNone) {
  const JournalOptions options = journal_options(dir_);
  const Journal journal(options);
  EXPECT_EQ(refusal(options.path + "/socket"), options.path + " is no folder: remove it, or name another place with --socket.");
  fs::create_symlink("loop", dir_.file("loop"));
  EXPECT_NE(refusal(dir_.file("loop/socket")).find("too many links"), std::string::npos);
}

// That of another user: test/attack/files.test.ts, which has two.

}  // namespace
}  // namespace vslog
