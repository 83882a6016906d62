// Writes the C++ header of the knobs from proto/knobs.json, the only definition of a knob.
// Usage: node scripts/knob-catalogue.mjs OUT.h KNOBS.json
import { readFileSync, writeFileSync } from 'node:fs';

const [out, file] = process.argv.slice(2);
if (out === undefined || file === undefined) {
  console.error('usage: node scripts/knob-catalogue.mjs OUT.h KNOBS.json');
  process.exit(2);
}

const { knobs } = JSON.parse(readFileSync(file, 'utf8'));
const word = (text) => text.replaceAll('-', '_');
const quote = (text) => JSON.stringify(text ?? '');
const members = (name) => [...new Set(knobs.map((knob) => word(knob[name])))];

/** Of an enumeration and of flags: the words, and what the kernel has for them. */
function words({ name, values = [] }) {
  const numbered = values.map(({ value, number }, at) => `{${quote(value)}, ${number ?? (/^\d+$/.test(value) ? value : at)}}`);
  return values.length === 0 ? [] : [`inline constexpr KnobWord kWordsOf_${name}[] = {${numbered.join(', ')}};`];
}

function entry(knob) {
  const fields = [
    `.name = ${quote(knob.name)}`,
    `.path = ${quote(knob.path)}`,
    `.backing = KnobBacking::${word(knob.backing)}`,
    `.type = KnobType::${word(knob.type)}_`,
    `.min = ${knob.min ?? 0}`,
    `.max = ${knob.max ?? 0}`,
    `.max_length = ${knob.maxLength ?? 0}`,
    `.power_of_two = ${knob.powerOfTwo === true}`,
    `.not_above = ${quote(knob.notAbove)}`,
    `.words = ${knob.values === undefined ? '{}' : `kWordsOf_${knob.name}`}`,
    `.flips = {${(knob.flips ?? ['', '']).map(quote).join(', ')}}`,
    `.global = ${knob.scope === 'global'}`,
    `.writable = ${knob.writable}`,
    `.live = ${knob.live}`,
    `.engine = ${knob.engine === true}`,
    `.option = ${quote(knob.option)}`,
    `.default_value = ${quote(knob.default)}`,
  ];
  return `    {${fields.join(', ')}},`;
}

writeFileSync(
  out,
  `// Made by scripts/knob-catalogue.mjs from proto/knobs.json. Do not edit.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace vslog {

enum class KnobBacking { ${members('backing').join(', ')} };
enum class KnobType { ${members('type')
    .map((type) => `${type}_`)
    .join(', ')} };

struct KnobWord {
  std::string_view word;
  std::uint32_t number;
};

struct Knob {
  std::string_view name;
  std::string_view path;
  KnobBacking backing;
  KnobType type;
  std::int64_t min;
  std::int64_t max;
  std::uint32_t max_length;
  bool power_of_two;
  std::string_view not_above;       ///< a knob whose value this one's may not exceed; empty: none
  std::span<const KnobWord> words;  ///< of an enumeration and of flags
  std::string_view flips[2];        ///< values between which the kernel goes by itself
  bool global;                      ///< one for the machine, not one a network namespace
  bool writable;
  bool live;
  bool engine;                      ///< the embedded balancer has it too
  std::string_view option;          ///< its name in the configuration; empty: none
  std::string_view default_value;   ///< empty: it depends on the machine
};

${knobs.flatMap(words).join('\n')}

inline constexpr Knob kKnobs[] = {
${knobs.map(entry).join('\n')}
};

}  // namespace vslog
`,
);
