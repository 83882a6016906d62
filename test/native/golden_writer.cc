// Writes the golden files. Usage: golden-writer DIRECTORY
#include <cstdio>
#include <fstream>

#include "golden.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: golden-writer DIRECTORY\n", stderr);
    return 2;
  }
  for (const auto& [name, bytes] : vslog::golden::files()) {
    std::ofstream out(std::string(argv[1]) + "/" + name + ".bin", std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!out.flush()) {
      std::fprintf(stderr, "golden-writer: %s.bin cannot be written in %s.\n", name.c_str(), argv[1]);
      return 1;
    }
  }
  return 0;
}
