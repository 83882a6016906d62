#include "event/text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace vslog {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

/// What a terminal obeys (Unicode's category Cc), what has no shape or turns the direction of reading (Cf), and other ends of a line (Zl, Zp).
/// test/contract/hidden-characters.txt holds the same list; a test compares.
constexpr std::array<Range, 21> kHidden{{
    {0x0000, 0x001f}, {0x007f, 0x009f}, {0x00ad, 0x00ad}, {0x0600, 0x0605}, {0x061c, 0x061c}, {0x06dd, 0x06dd}, {0x070f, 0x070f},
    {0x0890, 0x0891}, {0x08e2, 0x08e2}, {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff},
    {0xfff9, 0xfffb}, {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe007f},
}};

bool is_hidden(char32_t character) {
  return std::any_of(kHidden.begin(), kHidden.end(), [character](const Range& r) { return character >= r.first && character <= r.last; });
}

/// One character of UTF-8, or a byte that is none.
struct Decoded {
  char32_t character = 0;
  std::size_t size = 1;
  bool valid = false;
  bool torn = false;  ///< the bytes end before the character does
};

/// RFC 3629: nothing longer than it must be, no surrogates, nothing beyond U+10FFFF.
Decoded decode(std::string_view bytes) {
  const auto byte = [bytes](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1, true, false};
  std::size_t size = 0;
  if (first >= 0xc2 && first <= 0xdf) size = 2;
  else if (first >= 0xe0 && first <= 0xef) size = 3;
  else if (first >= 0xf0 && first <= 0xf4) size = 4;
  else return {};
  char32_t character = first & (0x7fU >> size);
  for (std::size_t at = 1; at < size; ++at) {
    if (at == bytes.size()) return {0, 1, false, true};
    const unsigned char next = byte(at);
    // The second byte's range is smaller after some first bytes.
    const unsigned char lowest = at == 1 && first == 0xe0 ? 0xa0 : at == 1 && first == 0xf0 ? 0x90 : 0x80;
    const unsigned char highest = at == 1 && first == 0xed ? 0x9f : at == 1 && first == 0xf4 ? 0x8f : 0xbf;
    if (next < lowest || next > highest) return {};
    character = character << 6 | (next & 0x3fU);
  }
  return {character, size, true, false};
}

std::string escaped(char32_t character, bool valid) {
  std::array<char, 16> text{};
  const char* const form = !valid || character < 0x80 ? "\\x%02x" : character < 0x10000 ? "\\u%04x" : "\\u{%x}";
  std::snprintf(text.data(), text.size(), form, static_cast<unsigned>(character));
  return text.data();
}

/// Nearly all text is this, and needs no second look.
bool is_printable_ascii(char c) { return c >= ' ' && c <= '~'; }

/// plain_text() of the front of `bytes`, which is then what did not fit.
std::string take_plain(std::string_view& bytes, std::size_t limit) {
  if (bytes.size() <= limit && std::all_of(bytes.begin(), bytes.end(), is_printable_ascii)) return std::string(std::exchange(bytes, {}));
  std::string out;
  while (!bytes.empty()) {
    const Decoded next = decode(bytes);
    const bool kept = next.valid && !is_hidden(next.character);
    const std::string shown = kept ? std::string(bytes.substr(0, next.size)) : escaped(next.valid ? next.character : static_cast<unsigned char>(bytes[0]), next.valid);
    if (out.size() + shown.size() > limit) break;
    out += shown;
    bytes.remove_prefix(next.size);
  }
  return out;
}

}  // namespace

std::string plain_text(std::string_view bytes, std::size_t limit) { return take_plain(bytes, limit); }

std::string cut_text(std::string_view bytes, std::size_t limit) {
  std::string_view rest = bytes;
  std::string text = take_plain(rest, limit);
  if (rest.empty()) return text;
  rest = bytes;
  return take_plain(rest, limit - kCutMark.size()).append(kCutMark);
}

bool is_plain_text(std::string_view bytes, std::size_t limit) { return plain_text(bytes, limit) == bytes; }

std::string_view without_torn_end(std::string_view bytes) {
  constexpr std::size_t kLongest = 4;
  for (std::size_t back = 1; back < kLongest && back <= bytes.size(); ++back) {
    if (decode(bytes.substr(bytes.size() - back)).torn) return bytes.substr(0, bytes.size() - back);
  }
  return bytes;
}

std::string command_line(std::string_view arguments, bool cut, std::size_t limit) {
  std::string line(cut ? without_torn_end(arguments) : arguments);
  std::replace(line.begin(), line.end(), '\0', ' ');
  while (!line.empty() && line.back() == ' ') line.pop_back();
  if (!cut) return cut_text(line, limit);
  return plain_text(line, limit - kCutMark.size()).append(kCutMark);
}

}  // namespace vslog
