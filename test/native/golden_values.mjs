// Writes golden.json as a C++ header: one initialised struct an entry. Usage: node golden_values.mjs golden.json OUT.h
import { readFileSync, writeFileSync } from 'node:fs';

const [input, out] = process.argv.slice(2);
const entries = Object.entries(JSON.parse(readFileSync(input, 'utf8')));

/** Enumeration of a field, by its message. */
const ENUMS = {
  ConnEvent: { kind: 'EventKind', forward: 'ForwardMethod', reason: 'EndReason', scheduled_by: 'ScheduledBy' },
  ControlEvent: { kind: 'ControlKind', through: 'Through', where: 'LossPlace' },
  Erasure: { stage: 'EraseStage' },
  Subscribe: { mode: 'SubscriptionMode', groups: 'Group' },
  BatchHeader: { record: 'RecordType' },
};
const BYTES = /_addr$|^labels$/;
const STRUCTS = { ConnEvent: 'ConnRecord', ControlEvent: 'ControlRecord' };
const NESTED = { durable: 'DurableStatus', losses: 'LossCount' };

function literal(message, field, value) {
  const type = ENUMS[message]?.[field];
  if (Array.isArray(value))
    return `{${value.map((v) => (NESTED[field] ? nested(NESTED[field], v) : literal(message, field, v))).join(', ')}}`;
  if (type !== undefined) return `${type}::${value}`;
  if (BYTES.test(field))
    return `{${value
      .match(/../g)
      .map((b) => `0x${b}`)
      .join(', ')}}`;
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  return /^\d+$/.test(value) ? `${value}ULL` : JSON.stringify(value);
}

function nested(message, fields) {
  return `[] { ${message} m; ${assignments(message, fields)} return m; }()`;
}

function assignments(message, fields) {
  return Object.entries(fields)
    .filter(([field]) => field !== 'sequence' || STRUCTS[message] === undefined)
    .map(([field, value]) => `m.${field} = ${literal(message, field, value)};`)
    .join(' ');
}

const lines = [
  '// Made from test/contract/golden.json. Do not edit.',
  '#pragma once',
  '#include "event/control_record.h"',
  '#include "wire/messages.h"',
  'namespace vslog::golden {',
];
for (const [name, { message, fields }] of entries) {
  if (message === 'EventBatch') {
    const { crc32c, ...header } = fields.header;
    lines.push(`inline BatchHeader ${name}_header() { BatchHeader m; ${assignments('BatchHeader', header)} return m; }`);
    continue;
  }
  const struct = STRUCTS[message] ?? message;
  lines.push(
    `inline ${struct} ${name}() { ${struct} m; ${struct === message ? '' : defaults(message)}${assignments(message, fields)} return m; }`,
  );
  if (struct !== message) lines.push(`inline constexpr std::uint64_t ${name}_sequence = ${fields.sequence}ULL;`);
}
lines.push('}  // namespace vslog::golden', '');
writeFileSync(out, lines.join('\n'));

/** What is not named is protobuf's default, not the struct's. */
function defaults(message) {
  return message === 'ConnEvent' ? 'm.weight = 0; ' : 'm.uid = 0; m.login_uid = 0; ';
}
