import { describe, expect, it } from 'vitest';
import { rowsText } from '../../../src/cli/sql-json.js';

const answer = (names: readonly string[], types: readonly string[], ...rows: readonly string[]): Buffer =>
  Buffer.from([JSON.stringify(names), JSON.stringify(types), ...rows, ''].join('\n'));

describe('rows of SQL as JSON', () => {
  it('have ids and what a double would round as text, everything else as it is', () => {
    const found = answer(
      ['conn_id', 'n', 'big', 'text'],
      ['UInt64', 'UInt64', 'UInt64', 'String'],
      '[7, 12, 18446744073709551615, "1234567890123456789 \\"9007199254740993\\""]',
      '[28063686480718239, 9007199254740991, -9007199254740993, ""]',
    );
    expect(JSON.parse(rowsText(found, 'json') ?? '')).toEqual([
      { conn_id: '7', n: 12, big: '18446744073709551615', text: '1234567890123456789 "9007199254740993"' },
      { conn_id: '28063686480718239', n: 9007199254740991, big: '-9007199254740993', text: '' },
    ]);
  });

  it('have times as RFC 3339, in their zone, in arrays too', () => {
    const found = answer(
      ['a', 'b', 'c', 'd', 'e'],
      ["DateTime64(9, 'UTC')", "Nullable(DateTime('Europe/Berlin'))", "Array(DateTime64(3, 'UTC'))", 'Date', 'Nullable(DateTime64(9))'],
      '["2026-01-31 12:00:30.123456789", "2026-07-01 12:00:00", ["2026-01-31 12:00:30.123"], "2026-01-31", null]',
    );
    expect(JSON.parse(rowsText(found, 'jsonl') ?? '')).toEqual({
      a: '2026-01-31T12:00:30.123456789Z',
      b: '2026-07-01T12:00:00+02:00',
      c: ['2026-01-31T12:00:30.123Z'],
      d: '2026-01-31',
      e: null,
    });
  });

  it('are an empty array, or nothing, where there is none', () => {
    expect(rowsText(answer(['a'], ['UInt8']), 'json')).toBe('[]\n');
    expect(rowsText(answer(['a'], ['UInt8']), 'jsonl')).toBe('');
  });

  it('are left alone in a format that the statement chose itself', () => {
    expect(rowsText(Buffer.from('{"a":1}\n'), 'json')).toBeUndefined();
    expect(rowsText(Buffer.from('a\n1\n'), 'jsonl')).toBeUndefined();
  });
});
