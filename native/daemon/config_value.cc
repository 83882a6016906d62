#include "daemon/config_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <utility>

namespace vslog {
namespace {

using Unit = std::pair<std::string_view, double>;

constexpr std::array<Unit, 5> kBytes{{{"", 1}, {"K", 1024}, {"M", 1024.0 * 1024}, {"G", 1024.0 * 1024 * 1024}, {"T", 1024.0 * 1024 * 1024 * 1024}}};
constexpr std::array<Unit, 5> kTimes{{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
/// What a double holds exactly.
constexpr double kLargest = 9'007'199'254'740'991;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool digits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }); }

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

/// "64", "64M", "64 MiB", "64mb": the letter.
std::string byte_unit(std::string_view unit) {
  std::string letters;
  for (const char c : unit) letters += upper(c);
  if (letters.ends_with('B')) letters.pop_back();
  if (letters.size() > 1 && letters.ends_with('I')) letters.pop_back();
  return letters;
}

/// A number with or without a part behind the point, and the unit after it.
std::optional<std::string> in_units(std::string_view written, const std::array<Unit, 5>& units, bool bytes) {
  written = trimmed(written);
  const std::size_t end = std::min(written.find_first_not_of("0123456789."), written.size());
  const std::string_view number = written.substr(0, end);
  const std::size_t point = number.find('.');
  if (!digits(number.substr(0, point)) || (point != std::string_view::npos && !digits(number.substr(point + 1)))) return std::nullopt;
  const std::string_view rest = trimmed(written.substr(end));
  const std::string unit = bytes ? byte_unit(rest) : std::string(rest);
  const auto found = std::find_if(units.begin(), units.end(), [&unit](const Unit& one) { return one.first == unit; });
  if (found == units.end()) return std::nullopt;
  double value = 0;
  if (std::from_chars(number.data(), number.data() + number.size(), value).ec != std::errc()) return std::nullopt;
  value = std::round(value * found->second);
  if (value > kLargest) return std::nullopt;
  return std::to_string(static_cast<std::uint64_t>(value));
}

}  // namespace

std::optional<std::string> config_value(ConfigType type, std::string_view written) {
  switch (type) {
    case ConfigType::text: return std::string(written);
    case ConfigType::number: return digits(trimmed(written)) ? std::optional(std::string(trimmed(written))) : std::nullopt;
    case ConfigType::bytes: return in_units(written, kBytes, true);
    case ConfigType::duration: return written == "0" ? std::optional<std::string>("0") : in_units(written, kTimes, false);
    case ConfigType::boolean:
      if (written == "true" || written == "yes" || written == "1") return "true";
      if (written == "false" || written == "no" || written == "0") return "false";
      return std::nullopt;
  }
  return std::nullopt;
}

std::string_view wanted(ConfigType type) {
  switch (type) {
    case ConfigType::text: return "a string";
    case ConfigType::number: return "a whole number";
    case ConfigType::bytes: return "a size, such as 4K, 16M or 2G";
    case ConfigType::duration: return "a time, such as 500ms, 2s or 1h";
    case ConfigType::boolean: return "true or false";
  }
  return "";
}

}  // namespace vslog
