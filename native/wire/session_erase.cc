// What a session writes into the log of an erasure: who had a person's connections taken out of the log, why, and how many. Never whom.
#include <algorithm>
#include <cerrno>
#include <ctime>

#include "event/clock.h"
#include "event/text.h"
#include "wire/session.h"

namespace vslog {
namespace {

constexpr std::size_t kLongestName = 63;
constexpr std::size_t kLongestText = 400;

bool is_word(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [more](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || more.find(c) != std::string_view::npos; });
}

/// Some of the three words, separated by commas.
bool are_selectors(std::string_view text) {
  for (;;) {
    const std::size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    if (word != "address" && word != "network" && word != "hash") return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

void Session::note_erasure(const FrameHeader& header, std::string_view payload) {
  const Erasure m = decode<Erasure>(payload);
  if (!rights_.keep) {
    return error(header, EPERM,
                 "permission denied: only root, the capture's own user" + (exchange_.keeper_group.empty() ? std::string() : " and members of group " + exchange_.keeper_group) +
                     " may have an erasure written into the log.");
  }
  if (m.stage != EraseStage::ordered && m.stage != EraseStage::done) return error(header, EINVAL, "an erasure's stage is ordered or done.", "stage");
  if (m.id.empty() || m.id.size() > kLongestName || !is_word(m.id, "._-")) return error(header, EINVAL, "an erasure's id is 1 to 63 of A-Z a-z 0-9 . _ -", "id");
  if (!are_selectors(m.selectors) || m.selectors.size() > kLongestName) return error(header, EINVAL, "selectors are some of address, network and hash, separated by commas.", "selectors");
  if (m.reason.empty() || !is_plain_text(m.reason, kLongestText)) return error(header, EINVAL, "a reason is 1 to 400 bytes of plain text.", "reason");
  if (m.places.size() > kLongestText || !is_word(m.places, "=- ")) return error(header, EINVAL, "places are words and counts, such as spool=6, of at most 400 bytes.", "places");
  ControlRecord c;
  c.kind = m.stage == EraseStage::ordered ? ControlKind::erase_ordered : ControlKind::erased;
  c.time_ns = clock_ns(CLOCK_REALTIME);
  c.name = m.id;
  c.old_value = m.selectors;
  c.new_value = m.places;
  c.lost = m.events;
  c.last_ns = m.before_ns;
  c.detail = m.reason;
  Author author = author_of(peer_, fd_);
  // A command line names the person.
  if (!author.command.empty()) author.command = "vslog erase";
  sign(c, author);
  if (exchange_.log) exchange_.log(c);
  error(header, 0, "");
}

}  // namespace vslog
