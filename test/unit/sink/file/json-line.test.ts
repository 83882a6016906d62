import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainEvent } from '../../../../src/cli/event-json.js';
import { lineWriter } from '../../../../src/sink/file/json-line.js';
import { toLong, v1 } from '../../../../src/wire/proto.js';

const word = fc.nat(0xffff_ffff);
const long = fc.bigInt(0n, (1n << 63n) - 1n).map(toLong);
/** What JSON holds as a number is exact below 2^53. */
const counter = fc.bigInt(0n, (1n << 53n) - 1n).map(toLong);
const address = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((v4) => Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...v4])),
  fc.constant(new Uint8Array(16)),
  fc.constant(new Uint8Array(0)),
);
const text = fc.oneof(fc.string(), fc.constantFrom('a"b\\c\n', '\u2028 é 漢'));

/** A value for every field of a message, by how it is shown. */
function fields(type: typeof v1.ConnEvent | typeof v1.ControlEvent): fc.Arbitrary<object> {
  const empty = type.toObject(type.decode(new Uint8Array(0)) as never, { defaults: true }) as Record<string, unknown>;
  const model: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [name, value] of Object.entries(empty)) {
    if (name === 'labels') model[name] = fc.oneof(fc.constant(new Uint8Array(0)), fc.uint8Array({ minLength: 16, maxLength: 16 }));
    else if (value instanceof Uint8Array || Array.isArray(value)) model[name] = address;
    else if (typeof value === 'string') model[name] = text;
    else if (typeof value === 'boolean') model[name] = fc.boolean();
    else if (typeof value === 'object')
      model[name] = name.endsWith('_id') || (name.endsWith('_ns') && name !== 'duration_ns') ? long : counter;
    else if (['kind', 'forward', 'reason', 'scheduled_by', 'through', 'where'].includes(name)) model[name] = fc.nat(20);
    else if (name === 'weight') model[name] = fc.integer();
    else model[name] = word;
  }
  return fc.record(model);
}

describe('lineWriter', () => {
  it.each([
    { record: 'conn', type: v1.ConnEvent },
    { record: 'control', type: v1.ControlEvent },
  ] as const)('writes a $record event exactly as vslog tail -o json shows it, all fields of it', ({ record, type }) => {
    void fc.assert(
      fc.property(fields(type), text, text, (values, node, epoch) => {
        const bytes = type.encode(values as never).finish();
        const event = type.decode(bytes);
        const expected = `${JSON.stringify(plainEvent({ node, epoch, record, event } as never))}\n`;
        expect(lineWriter(record, node, epoch)(bytes)).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('shows a time that lies in another second than the one before', () => {
    const line = lineWriter('conn', 'n', 'e');
    const at = (ns: bigint) => (JSON.parse(line(v1.ConnEvent.encode({ time_ns: toLong(ns) }).finish())) as { time: string }).time;
    expect(at(1_767_225_600_000_000_001n)).toBe('2026-01-01T00:00:00.000000001Z');
    expect(at(1_767_225_600_999_999_999n)).toBe('2026-01-01T00:00:00.999999999Z');
    expect(at(1_767_225_601_000_000_000n)).toBe('2026-01-01T00:00:01.000000000Z');
    expect(at(0n)).toBe('1970-01-01T00:00:00.000000000Z');
  });
});
