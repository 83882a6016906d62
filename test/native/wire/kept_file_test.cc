#include "wire/kept_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "temp_dir.h"

namespace vslog {
namespace {

using Lines = std::vector<std::string>;

std::string content(const std::string& path) {
  std::stringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

TEST(KeptFile, GivesBackWhatWasWrittenInTheSameBoot) {
  TempDir dir;
  EXPECT_EQ(read_kept(dir.file("kept"), "boot").lines, Lines{});
  for (const Lines& lines : {Lines{}, Lines{"one\t1", "two\t2 3"}}) {
    EXPECT_EQ(write_kept(dir.file("kept"), "boot", lines), "");
    EXPECT_EQ(read_kept(dir.file("kept"), "boot").lines, lines);
    EXPECT_EQ(read_kept(dir.file("kept"), "another").lines, Lines{});
    EXPECT_EQ(read_kept(dir.file("kept"), "another").trouble, "") << "that is no damage";
  }
  EXPECT_FALSE(std::filesystem::exists(dir.file("kept.next")));
}

TEST(KeptFile, OfAnyDamagedByteNothingIsTaken) {
  TempDir dir;
  write_kept(dir.file("kept"), "boot", {"one\t1", "two\t2"});
  const std::string good = content(dir.file("kept"));
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 4);
    std::ofstream(dir.file("kept"), std::ios::trunc) << bad;
    const KeptLines kept = read_kept(dir.file("kept"), "boot");
    for (const std::string& line : kept.lines) EXPECT_TRUE(line == "one\t1" || line == "two\t2" || at >= good.rfind("\ncrc32c")) << at << ": " << line;
    const bool in_sum = at >= good.rfind("crc32c") - 1 && at < good.rfind("crc32c") + 7;
    if (!in_sum) EXPECT_NE(kept.trouble.find("is damaged"), std::string::npos) << at;
  }
}

TEST(KeptFile, TakesAnEarlierVersionsWithoutAChecksum) {
  TempDir dir;
  std::ofstream(dir.file("kept")) << "boot\none\t1\n";
  EXPECT_EQ(read_kept(dir.file("kept"), "boot").lines, Lines{"one\t1"});
}

TEST(KeptFile, SaysWhyItCannotBeWrittenAndKeepsWhatThereWas) {
  TempDir dir;
  EXPECT_NE(write_kept(dir.file("none/kept"), "boot", {"x"}).find("cannot be written: No such file"), std::string::npos);
  write_kept(dir.file("kept"), "boot", {"one"});
  std::filesystem::create_directory(dir.file("kept.next"));
  EXPECT_NE(write_kept(dir.file("kept"), "boot", {"two"}), "");
  EXPECT_EQ(read_kept(dir.file("kept"), "boot").lines, Lines{"one"});
}

}  // namespace
}  // namespace vslog
