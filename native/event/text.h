// Text from outside, made fit for a record: whoever names a program or a machine must not write on the terminal, or into the file, of whoever reads the log.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vslog {

/// Returns `bytes` as valid UTF-8 without a character that a terminal obeys or nobody sees, at most `limit` bytes long. What is replaced can be seen: a control character or a byte
/// that is no UTF-8 as `\x1b`, another hidden character (test/contract/hidden-characters.txt: C1, direction marks and overrides, what has no width) as `\u202e`.
/// The cut is before the first character, or replacement, that does not fit. Clean text comes back as it is, so what is done twice is as if done once.
std::string plain_text(std::string_view bytes, std::size_t limit);

/// Ends a text that was cut: U+2026.
inline constexpr std::string_view kCutMark = "\u2026";

/// Returns plain_text(), which ends in kCutMark where `limit` left something out. `limit` is kCutMark's size at least.
std::string cut_text(std::string_view bytes, std::size_t limit);

/// Whether plain_text() would return it as it is.
bool is_plain_text(std::string_view bytes, std::size_t limit);

/// Returns `bytes` without a last character of which a cut at a byte left only the first bytes.
std::string_view without_torn_end(std::string_view bytes);

/// As much of a process's command line goes into a record, bytes. The kernel side reads no more either.
inline constexpr std::size_t kLongestCommand = 255;

/// Returns a process's arguments, each of which ends with NUL, as one line with blanks between them, without control characters (cut_text()). `cut`: there was more, so the line
/// ends in kCutMark.
std::string command_line(std::string_view arguments, bool cut, std::size_t limit);

}  // namespace vslog
