// Files of test/contract, which both languages read.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace vslog::test {

/// A file of test/contract, whole. The checkout is found from this program's place in it, so that the program is the same in every checkout.
inline std::string read_contract(const std::string& name) {
  std::filesystem::path folder = std::filesystem::canonical("/proc/self/exe");
  while (folder != folder.root_path() && !std::filesystem::exists(folder / "test/contract")) folder = folder.parent_path();
  std::ifstream in(folder / "test/contract" / name, std::ios::binary);
  EXPECT_TRUE(in) << "test/contract/" << name << " cannot be read";
  std::stringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

}  // namespace vslog::test
