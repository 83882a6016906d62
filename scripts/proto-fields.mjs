// Writes the C++ header of field numbers and enumerations from proto/vslog/v1, so that a field is defined in one place.
// Usage: node scripts/proto-fields.mjs OUT.h FILE.proto...
import { writeFileSync } from 'node:fs';
import protobuf from 'protobufjs';

const [out, ...files] = process.argv.slice(2);
if (out === undefined || files.length === 0) {
  console.error('usage: node scripts/proto-fields.mjs OUT.h FILE.proto...');
  process.exit(2);
}

const lines = [
  '// Made by scripts/proto-fields.mjs from proto/vslog/v1. Do not edit.',
  '#pragma once',
  '',
  '#include <cstdint>',
  '#include <protozero/types.hpp>',
  '#include <string_view>',
  '',
];

/** An enumeration becomes `enum class Wrapper`, named by the message it sits in, with a to_string(). */
function writeEnum(name, values) {
  lines.push(`enum class ${name} : std::int32_t {`);
  for (const [key, number] of Object.entries(values)) lines.push(`  ${key} = ${number},`);
  lines.push('};', '', `constexpr std::string_view to_string(${name} value) {`, '  switch (value) {');
  for (const key of Object.keys(values)) lines.push(`    case ${name}::${key}: return "${key}";`);
  lines.push('  }', '  return "?";', '}', '');
}

/** A message becomes `namespace field::Message` with one tag a field. */
function writeMessage(type) {
  lines.push(`namespace field::${type.name} {`);
  for (const field of type.fieldsArray) lines.push(`inline constexpr protozero::pbf_tag_type ${field.name} = ${field.id};`);
  lines.push(`}  // namespace field::${type.name}`, '');
}

const root = new protobuf.Root();
for (const file of files) root.loadSync(file, { keepCase: true });
const space = root.lookup('vslog.v1');
lines.push('namespace vslog {', '');
for (const type of space.nestedArray) {
  const value = type.nested?.Value;
  if (value !== undefined) writeEnum(type.name, value.values);
  else writeMessage(type);
}
lines.push('}  // namespace vslog', '');
writeFileSync(out, lines.join('\n'));
