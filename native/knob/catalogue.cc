#include "knob/catalogue.h"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <vector>

#include "event/text.h"
#include "wire/requests.h"

namespace vslog {
namespace {

bool whole(std::string_view text, std::int64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool in_range(const Knob& knob, std::string_view text, std::int64_t& out) { return whole(text, out) && out >= knob.min && out <= knob.max; }

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find_first_of(separators);
    if (end != 0 && !text.empty()) parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

const KnobWord* find_word(const Knob& knob, std::string_view word) {
  const auto found = std::find_if(knob.words.begin(), knob.words.end(), [word](const KnobWord& w) { return w.word == word; });
  return found == knob.words.end() ? nullptr : &*found;
}

bool are_flags(const Knob& knob, std::string_view value) {
  if (value == "none") return true;
  const std::vector<std::string_view> words = split(value, ",");
  for (auto w = words.begin(); w != words.end(); ++w) {
    if (find_word(knob, *w) == nullptr || std::find(words.begin(), w, *w) != w) return false;
  }
  return !words.empty() && value.front() != ',' && value.back() != ',' && value.find(",,") == std::string_view::npos;
}

bool is_netmask(std::string_view value) {
  std::int64_t prefix = 0;
  if (whole(value, prefix)) return prefix >= 1 && prefix <= 128;
  in_addr mask{};
  if (inet_pton(AF_INET, std::string(value).c_str(), &mask) != 1) return false;
  const std::uint32_t bits = ntohl(mask.s_addr);
  return bits != 0 && std::countl_one(bits) + std::countr_zero(bits) == 32;
}

/// lib/bitmap.c, bitmap_parselist(): as much of it as the documentation names.
bool is_cpu_list(std::string_view value) {
  const std::vector<std::string_view> parts = split(value, ",");
  return !parts.empty() && std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
    const std::size_t dash = part.find('-');
    std::int64_t first = 0;
    std::int64_t last = 0;
    if (!whole(part.substr(0, dash), first) || first < 0) return false;
    return dash == std::string_view::npos || (whole(part.substr(dash + 1), last) && last >= first);
  });
}

/// As much of what somebody sent as a sentence repeats, bytes.
constexpr std::size_t kRepeated = 100;

std::string list(const Knob& knob, std::string_view last) {
  std::string text;
  for (std::size_t i = 0; i < knob.words.size(); ++i) text.append(i == 0 ? "" : i + 1 == knob.words.size() ? last : ", ").append(knob.words[i].word);
  return text;
}

}  // namespace

std::span<const Knob> knobs() { return kKnobs; }

const Knob* find_knob(std::string_view name) {
  const auto* const found = std::find_if(std::begin(kKnobs), std::end(kKnobs), [name](const Knob& k) { return k.name == name; });
  return found == std::end(kKnobs) ? nullptr : found;
}

const Knob& need_knob(std::string_view name) {
  const Knob* knob = find_knob(name);
  if (knob == nullptr) throw RequestError(ENOENT, plain_text(name, kRepeated), "there is no knob " + plain_text(name, kRepeated) + ".");
  return *knob;
}

const Knob* find_sysctl(std::string_view path) {
  const auto* const found = std::find_if(std::begin(kKnobs), std::end(kKnobs), [path](const Knob& k) {
    return (k.backing == KnobBacking::sysctl_ipvs || k.backing == KnobBacking::sysctl_conntrack) && k.path == path;
  });
  return found == std::end(kKnobs) ? nullptr : found;
}

std::string allowed(const Knob& knob) {
  const std::string range = std::to_string(knob.min) + " to " + std::to_string(knob.max);
  switch (knob.type) {
    case KnobType::bool_: return "0 or 1";
    case KnobType::enum_: return list(knob, " or ");
    case KnobType::flags_: return "none, or one or more of " + list(knob, " and ") + ", separated by commas";
    case KnobType::pair_: return "two numbers from " + range;
    case KnobType::size_: return (knob.power_of_two ? "a power of two from " : "a size from ") + range + " bytes";
    case KnobType::int_:
    case KnobType::duration_: return "a number from " + range;
    case KnobType::cpulist_: return "a list of CPUs, such as 0-3,8";
    case KnobType::netmask_: return "an IPv4 netmask such as 255.255.255.0, or the length of an IPv6 prefix from 1 to 128";
    case KnobType::string_: return "a text of " + std::to_string(knob.max_length) + " characters at most";
  }
  return "nothing";
}

std::string checked_value(const Knob& knob, std::string_view value) {
  std::int64_t number = 0;
  bool good = false;
  switch (knob.type) {
    case KnobType::bool_: good = value == "0" || value == "1"; break;
    case KnobType::enum_: good = find_word(knob, value) != nullptr; break;
    case KnobType::flags_: good = are_flags(knob, value); break;
    case KnobType::int_:
    case KnobType::duration_: good = in_range(knob, value, number); break;
    case KnobType::size_: good = in_range(knob, value, number) && (!knob.power_of_two || std::has_single_bit(static_cast<std::uint64_t>(number))); break;
    case KnobType::pair_: {
      const std::vector<std::string_view> two = split(value, " \t");
      good = two.size() == 2 && in_range(knob, two[0], number) && in_range(knob, two[1], number);
      break;
    }
    case KnobType::cpulist_: good = is_cpu_list(value) && value.size() <= knob.max_length; break;
    case KnobType::netmask_: good = is_netmask(value); break;
    case KnobType::string_: good = is_plain_text(value, knob.max_length); break;
  }
  if (!good) throw RequestError(EINVAL, std::string(knob.name), std::string(knob.name) + " takes " + allowed(knob) + ", not \"" + plain_text(value, kRepeated) + "\".");
  return std::string(value);
}

std::uint32_t flag_bits(const Knob& knob, std::string_view value) {
  std::uint32_t bits = 0;
  for (const std::string_view word : split(value, ",")) {
    if (const KnobWord* w = find_word(knob, word)) bits |= w->number;
  }
  return bits;
}

std::string flag_words(const Knob& knob, std::uint32_t bits) {
  std::string text;
  for (const KnobWord& w : knob.words) {
    if ((bits & w.number) != 0) text.append(text.empty() ? "" : ",").append(w.word);
  }
  return text.empty() ? "none" : text;
}

std::uint32_t word_number(const Knob& knob, std::string_view word) {
  const KnobWord* w = find_word(knob, word);
  return w == nullptr ? 0 : w->number;
}

std::string_view number_word(const Knob& knob, std::uint32_t number) {
  const auto found = std::find_if(knob.words.begin(), knob.words.end(), [number](const KnobWord& w) { return w.number == number; });
  return found == knob.words.end() ? std::string_view() : found->word;
}

bool flips_by_itself(const Knob& knob, std::string_view from, std::string_view to) {
  return !knob.flips[0].empty() && ((from == knob.flips[0] && to == knob.flips[1]) || (from == knob.flips[1] && to == knob.flips[0]));
}

}  // namespace vslog
