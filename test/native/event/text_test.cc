#include "event/text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <random>
#include <set>
#include <sstream>
#include <string>

#include "contract.h"

namespace vslog {
namespace {

constexpr std::size_t kPlenty = 1 << 20;

/// A code point as UTF-8, surrogates too.
std::string utf8(std::uint32_t c) {
  const auto byte = [](std::uint32_t b) { return static_cast<char>(b); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xc0 | c >> 6), byte(0x80 | (c & 0x3f))};
  if (c < 0x10000) return {byte(0xe0 | c >> 12), byte(0x80 | (c >> 6 & 0x3f)), byte(0x80 | (c & 0x3f))};
  return {byte(0xf0 | c >> 18), byte(0x80 | (c >> 12 & 0x3f)), byte(0x80 | (c >> 6 & 0x3f)), byte(0x80 | (c & 0x3f))};
}

/// The code points of text, by a reader of this test's own. False: it is no UTF-8.
bool code_points(const std::string& text, std::set<std::uint32_t>& found) {
  for (std::size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    const std::size_t size = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
    if (size == 0 || at + size > text.size()) return false;
    std::uint32_t c = size == 1 ? first : first & (0x7fU >> size);
    for (std::size_t i = 1; i < size; ++i) c = c << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3fU);
    if (utf8(c) != text.substr(at, size) || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return false;
    found.insert(c);
    at += size;
  }
  return true;
}

std::set<std::uint32_t> hidden_characters() {
  std::set<std::uint32_t> hidden;
  std::istringstream lines(test::read_contract("hidden-characters.txt"));
  for (std::string line; std::getline(lines, line);) {
    unsigned first = 0;
    unsigned last = 0;
    EXPECT_EQ(std::sscanf(line.c_str(), "%x-%x", &first, &last), 2) << line;
    for (unsigned c = first; c <= last; ++c) hidden.insert(c);
  }
  return hidden;
}

TEST(PlainText, CleanTextStaysAsItIs) {
  for (const char* text : {"", "sysctl -w net.ipv4.vs.drop_entry=1", "Größe, größer: naïve", "\\x1b is no escape", "日本語 русский ελληνικά", "😀"}) {
    EXPECT_EQ(plain_text(text, kPlenty), text);
    EXPECT_TRUE(is_plain_text(text, kPlenty)) << text;
  }
}

TEST(PlainText, WhatATerminalObeysIsShown) {
  EXPECT_EQ(plain_text("\x1b]0;owned\x07\x1b[2J\r\n\t", kPlenty), "\\x1b]0;owned\\x07\\x1b[2J\\x0d\\x0a\\x09");
  EXPECT_EQ(plain_text(std::string("a\0b\x7f", 4), kPlenty), "a\\x00b\\x7f");
  EXPECT_EQ(plain_text("\u009b31m", kPlenty), "\\u009b31m") << "CSI as one character";
  EXPECT_EQ(plain_text("abc\u202e\u2066\u200f\u061cdef", kPlenty), "abc\\u202e\\u2066\\u200f\\u061cdef");
  EXPECT_EQ(plain_text("a\U000e0041", kPlenty), "a\\u{e0041}");
}

TEST(PlainText, WhatIsNoUtf8IsShownAByteAtATime) {
  EXPECT_EQ(plain_text("\xff\x9b" "a", kPlenty), "\\xff\\x9ba");
  EXPECT_EQ(plain_text("\xc0\x9b", kPlenty), "\\xc0\\x9b") << "longer than it must be";
  EXPECT_EQ(plain_text("\xe0\x80\x9b", kPlenty), "\\xe0\\x80\\x9b");
  EXPECT_EQ(plain_text("\xed\xa0\x80", kPlenty), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(plain_text("\xf4\x90\x80\x80", kPlenty), "\\xf4\\x90\\x80\\x80") << "beyond U+10FFFF";
  EXPECT_EQ(plain_text("caf\xc3", kPlenty), "caf\\xc3");
}

TEST(PlainText, IsCutBeforeTheCharacterThatDoesNotFit) {
  EXPECT_EQ(plain_text("abcdef", 3), "abc");
  EXPECT_EQ(plain_text("aöö", 4), "aö");
  EXPECT_EQ(plain_text("a\x1b" "b", 4), "a") << "no half of a replacement";
  EXPECT_EQ(plain_text("a\x1b" "b", 5), "a\\x1b");
  EXPECT_EQ(plain_text("abc", 0), "");
  EXPECT_FALSE(is_plain_text("abcdef", 3));
}

TEST(PlainText, ACutCanBeSeen) {
  EXPECT_EQ(cut_text("abcdef", 6), "abcdef");
  EXPECT_EQ(cut_text("abcdefg", 6), "abc…");
  EXPECT_EQ(cut_text("abö\x1b" "d", 7), "abö…") << "no half of a character or replacement";
  EXPECT_EQ(cut_text(cut_text("abcdefg", 6), 6), "abc…");
  EXPECT_TRUE(is_plain_text(kCutMark, kPlenty));
}

TEST(PlainText, EveryCharacterIsShownOrHiddenAsTheListSays) {
  const std::set<std::uint32_t> hidden = hidden_characters();
  ASSERT_GT(hidden.size(), 200U);
  for (std::uint32_t c = 0; c <= 0x10ffff; ++c) {
    if (c == 0x20000) c = 0xe0000;   // planes of nothing but ideographs
    if (c == 0xe1000) c = 0x10f000;  // and of what everybody may use as he likes
    const bool stays = !hidden.contains(c) && (c < 0xd800 || c > 0xdfff);
    ASSERT_EQ(plain_text(utf8(c), kPlenty) == utf8(c), stays) << std::hex << c;
  }
}

TEST(PlainText, OfAnyBytesIsCleanUtf8WithinItsLimit) {
  const std::set<std::uint32_t> hidden = hidden_characters();
  std::mt19937 random(7);
  // Bytes that are likelier to make something than any.
  const std::array<const char*, 12> pieces{"\x1b[", "\xc3", "\xe2\x80\xae", "\xe2\x80", "\xf0\x9f\x98\x80", "\xf0\x9f", "\xc2\x9b", "\xed\xa0\x80", "\xff", "é", "\x7f", "abc"};
  for (int round = 0; round < 4'000; ++round) {
    std::string bytes;
    const auto parts = random() % 24;
    for (std::uint32_t i = 0; i < parts; ++i) {
      if (random() % 2 == 0) bytes += pieces[random() % pieces.size()];
      else bytes += static_cast<char>(random() & 0xff);
    }
    const std::size_t limit = random() % 80;
    const std::string text = plain_text(bytes, limit);
    ASSERT_LE(text.size(), limit);
    std::set<std::uint32_t> found;
    ASSERT_TRUE(code_points(text, found)) << testing::PrintToString(bytes);
    ASSERT_TRUE(std::none_of(found.begin(), found.end(), [&hidden](std::uint32_t c) { return hidden.contains(c); })) << testing::PrintToString(bytes);
    ASSERT_EQ(plain_text(text, limit), text);
    ASSERT_TRUE(is_plain_text(text, limit));
  }
}

TEST(PlainText, ACutLeavesNoPieceOfACharacter) {
  EXPECT_EQ(without_torn_end("abc"), "abc");
  EXPECT_EQ(without_torn_end("ab\xc3"), "ab");
  EXPECT_EQ(without_torn_end("ab\xe2\x80"), "ab");
  EXPECT_EQ(without_torn_end("ab\xf0\x9f\x98"), "ab");
  EXPECT_EQ(without_torn_end("abö"), "abö");
  EXPECT_EQ(without_torn_end("ab\x80"), "ab\x80") << "no cut makes this";
  EXPECT_EQ(without_torn_end("\xe2"), "");
  EXPECT_EQ(without_torn_end(""), "");
}

TEST(CommandLine, HasBlanksBetweenArgumentsAndShowsTheRest) {
  const auto line = [](std::string_view arguments) { return command_line(arguments, false, kPlenty); };
  EXPECT_EQ(line(std::string_view("sysctl\0-w\0a=1\0", 14)), "sysctl -w a=1");
  EXPECT_EQ(line(std::string_view("a\nb\0\0\0", 6)), "a\\x0ab");
  EXPECT_EQ(line(std::string_view("\0\0", 2)), "");
  EXPECT_EQ(command_line("caf\xc3", true, kPlenty), "caf…");
  EXPECT_EQ(command_line("caf\xc3", false, kPlenty), "caf\\xc3");
  EXPECT_EQ(command_line("abcdef", false, 5), "ab…");
}

}  // namespace
}  // namespace vslog
