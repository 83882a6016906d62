// The knobs of proto/knobs.json, and what each takes.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "vslog_knobs.h"

namespace vslog {

/// Every knob, in the order of the catalogue.
std::span<const Knob> knobs();

/// Null when there is none of that name.
const Knob* find_knob(std::string_view name);
/// Throws RequestError (ENOENT).
const Knob& need_knob(std::string_view name);

/// The value as the backing is given it. Throws RequestError (EINVAL) at one that the knob cannot take: the sentence tells what it takes. src/knob/value.ts has the same
/// rules, and takes what people write.
std::string checked_value(const Knob& knob, std::string_view value);

/// What a knob takes, for a sentence: "0 or 1", "a number from 0 to 3".
std::string allowed(const Knob& knob);

/// "a,b" as the bits of the knob's words; "none" is 0. The value must be one that was checked.
std::uint32_t flag_bits(const Knob& knob, std::string_view value);
/// The other way. Bits without a word are left out.
std::string flag_words(const Knob& knob, std::uint32_t bits);
/// The number of an enumeration's word, which must be one of them.
std::uint32_t word_number(const Knob& knob, std::string_view word);
/// The word for a number; empty when there is none.
std::string_view number_word(const Knob& knob, std::uint32_t number);

/// Whether the kernel goes from one to the other by itself (drop_entry, drop_packet and secure_tcp between 1 and 2).
bool flips_by_itself(const Knob& knob, std::string_view from, std::string_view to);

/// The knob of a sysctl's path below /proc/sys; null when there is none.
const Knob* find_sysctl(std::string_view path);

}  // namespace vslog
