import { describe, expect, it } from 'vitest';
import { bytesText, countText, durationText, percentText } from '../../../src/text/format.ts';
import { order, sortKey } from '../../../web/sort.ts';

/** Texts in the order that a table gives them. */
const sorted = (texts: readonly string[], descending = false): (string | undefined)[] =>
  order(
    texts.map((text) => sortKey(text)),
    descending,
  ).map((i) => texts[i]);

const shuffled = <T>(list: readonly T[]): T[] => [
  ...list.filter((_one, i) => i % 2 === 1),
  ...list.filter((_one, i) => i % 2 === 0).reverse(),
];

describe('a column that is sorted', () => {
  it.each([
    ['counts', [0, 7, 99, 1000, 12_345, 1_000_000], countText],
    ['bytes', [0, 999, 1024, 1536, 2 ** 20, 3 * 2 ** 30, 2 ** 40], bytesText],
    ['lengths of time', [0, 0.0004, 0.02, 0.9, 1.5, 12, 59, 61, 3599, 3660, 86_399, 90_000, 864_000], durationText],
    ['shares', [0, 0.004, 0.09, 0.1, 0.99, 1], percentText],
  ] as const)('has %s in the order of what they say', (_of, values, text) => {
    const texts = values.map((value) => text(value));
    expect(sorted(shuffled(texts))).toEqual(texts);
    expect(sorted(shuffled(texts), true)).toEqual([...texts].reverse());
  });

  it.each([
    ['addresses', ['9.0.0.1:80', '10.0.0.2:9', '10.0.0.2:80', '10.0.0.10:8', '192.0.2.1:80']],
    ['services', ['tcp 10.0.0.9:80', 'tcp 10.0.0.10:80', 'udp 10.0.0.1:53']],
    ['IPv6 addresses', ['[2001:db8::9]:80', '[2001:db8::a]:9', '[2001:db8::a]:80', '[2001:db8::10]:80', '[2001:db8:1::]:80', 'fe80::1']],
    ['times', ['2026-01-30 09:59:59', '2026-01-30 10:00:00', '2026-02-01 00:00:00']],
    ['numbers with a word', ['3 events', '20 events', '1,000 events']],
    ['words', ['closed', 'Idle', 'reset']],
  ])('has %s in the order that people mean', (_of, texts) => {
    expect(sorted(shuffled(texts))).toEqual(texts);
  });

  it('has empty cells last, whichever way it is sorted', () => {
    expect(sorted(['', '2', '–', '1'])).toEqual(['1', '2', '', '–']);
    expect(sorted(['', '2', '–', '1'], true)).toEqual(['2', '1', '', '–']);
  });

  it('leaves what is equal in the order of the answer', () => {
    expect(
      order(
        ['1', '0', '1', '0'].map((text) => sortKey(text)),
        true,
      ),
    ).toEqual([0, 2, 1, 3]);
  });

  it('goes by the value where the answer has one', () => {
    expect(sortKey('1.5 GiB', 7)).toEqual({ kind: 'number', value: 7 });
    expect(sortKey('never', Number.NaN)).toBeUndefined();
  });
});
