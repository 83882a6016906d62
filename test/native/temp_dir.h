// A folder that goes with the test, and a journal in it.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "wire/journal.h"

namespace vslog {

class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "vslog-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline JournalOptions journal_options(const TempDir& dir) { return {dir.file("journal"), Journal::kMinSize, "11111111-2222-3333-4444-555555555555", 1790000000000}; }

/// Commits one batch of `count` connection events; `cursor` goes with it.
inline void put(Journal& journal, std::uint32_t count, std::uint64_t cursor = 0) {
  BatchBuilder b("node", journal.epoch(), journal.next_sequence());
  for (std::uint32_t i = 0; i < count; ++i) {
    ConnRecord r;
    r.kind = EventKind::create;
    r.time_ns = journal.next_sequence() + i;
    r.conn_id = i + 1;
    b.add(r);
  }
  JournalMark mark = journal.mark();
  mark.cursor = cursor;
  journal.commit(b.finish(), mark);
}

}  // namespace vslog
