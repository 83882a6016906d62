// Who asked for a change.
#pragma once

#include <cstdint>
#include <string>

#include "event/control_record.h"

namespace vslog {

/// Of a process: as it was when it asked.
struct Author {
  Through through = Through::vslog;
  std::uint32_t uid = kNoUid;
  std::uint32_t login_uid = kNoUid;
  std::uint32_t pid = 0;
  std::string command;             ///< command line, arguments separated by blanks
  std::uint32_t parent_pid = 0;
  std::string parent_command;      ///< its short name
};

/// The same process, asking for somebody whom it let in itself; empty: for itself.
inline Author on_behalf(Author author, const std::string& whom) {
  if (!whom.empty()) author.command = "for " + whom + ": " + author.command;
  return author;
}

/// Writes the author into a record.
inline void sign(ControlRecord& record, const Author& author) {
  record.through = author.through;
  record.uid = author.uid;
  record.login_uid = author.login_uid;
  record.pid = author.pid;
  record.command = author.command;
  record.parent_pid = author.parent_pid;
  record.parent_command = author.parent_command;
}

}  // namespace vslog
