import { describe, expect, it } from 'vitest';
import { type FileName, formatFileName, parseFileName } from '../../../../src/sink/file/names.js';

const NAME: FileName = {
  record: 'conn',
  begunMs: Date.UTC(2026, 0, 1, 2, 3, 4, 5),
  segment: 42,
  format: 'jsonl',
  compression: 'gzip',
  node: undefined,
  epoch: undefined,
};

describe('names of files', () => {
  it.each([
    { name: NAME, text: 'conn-20260101T020304.005Z-000000000042.jsonl.gz' },
    { name: { ...NAME, record: 'control', compression: 'none' }, text: 'control-20260101T020304.005Z-000000000042.jsonl' },
    {
      name: { ...NAME, format: 'protobuf', compression: 'zstd', node: 'lb 1/@b', epoch: 'a-b-17' },
      text: 'conn-20260101T020304.005Z-000000000042@lb%201%2F%40b@a-b-17.pb.zst',
    },
  ] as const)('$text', ({ name, text }) => {
    expect(formatFileName(name)).toBe(text);
    expect(parseFileName(text)).toEqual(name);
  });

  it.each([
    'conn.jsonl',
    'conn-20260101T020304.005Z-000000000042.jsonl.gz.part',
    'conn-20260101T020304.005Z-000000000042.pb',
    'conn-20260101T020304.005Z-000000000042@a@b.jsonl',
    'conn-20260101T020304.005Z-000000000042@%@b.pb',
    'conn-20269901T020304.005Z-000000000042.jsonl',
    'mine-20260101T020304.005Z-000000000042.jsonl',
  ])('leaves %s alone', (text) => {
    expect(parseFileName(text)).toBeUndefined();
  });
});
