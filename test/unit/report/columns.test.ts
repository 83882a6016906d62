import { describe, expect, it } from 'vitest';
import { bytes, cellsOf, count, duration, moment, numberOf, series, share, titleOf, words } from '../../../src/report/columns.js';
import { columnsOf } from '../../../src/store/columns.js';
import { loadMigrations } from '../../../src/store/migrate.js';
import { v1 } from '../../../src/wire/proto.js';

describe('a column of a kind', () => {
  it.each([
    ['words', words, 'tcp 10.0.0.1:80', 'tcp 10.0.0.1:80', false],
    ['a count', count, 1234567, '1,234,567', true],
    ['a count that the store writes as a text', count, '1234567', '1,234,567', true],
    ['a mean', count, 0.25, '0.3', true],
    ['bytes', bytes, 1536, '1.5 KiB', true],
    ['a time of seconds', duration, 185, '3 min 5 s', true],
    ['a moment', moment, Date.UTC(2026, 0, 30, 10, 5, 7), '2026-01-30 11:05:07', false],
    ['a part of one', share, 0.1234, '12.3 %', true],
    ['nothing counted', count, 0, '0', true],
  ] as const)('shows %s', (_what, column, value, text, right) => {
    const { title, cell, right: side } = column('title', 'name');
    expect([title, cell({ name: value, other: 'x' }, 'Europe/Berlin'), side ?? false]).toEqual(['title', text, right]);
  });

  it.each([words, count, bytes, duration, moment, share])('shows nothing where there is no value: %o', (column) => {
    const { cell } = column('title', 'name');
    expect([cell({ name: null }, 'UTC'), cell({}, 'UTC')]).toEqual(['', '']);
  });
});

describe('a column of times', () => {
  const time = moment('from', 'at');
  const [winter, summer] = [Date.UTC(2026, 9, 25, 2), Date.UTC(2026, 9, 25, 0)];

  it('has the zone in its title', () => {
    expect(titleOf(time, [{ at: winter }, { at: null }], 'Europe/Berlin')).toBe('from (+01:00)');
    expect([titleOf(time, [{ at: winter }], 'UTC'), titleOf(time, [], 'Europe/Berlin')]).toEqual(['from (UTC)', 'from (UTC)']);
    expect(titleOf(words('what', 'at'), [{ at: 1 }], 'UTC')).toBe('what');
  });

  it('has it in each cell where summer time ends among the rows', () => {
    const rows = [{ at: winter }, { at: summer }, { at: null }];
    expect(titleOf(time, rows, 'Europe/Berlin')).toBe('from');
    expect(cellsOf(time, rows, 'Europe/Berlin')).toEqual(['2026-10-25 03:00:00 +01:00', '2026-10-25 02:00:00 +02:00', '']);
    expect(cellsOf(time, rows.slice(0, 1), 'Europe/Berlin')).toEqual(['2026-10-25 03:00:00']);
  });
});

describe('rows at steps of time', () => {
  it('are series; a step without a row is 0, or what was before', () => {
    const rows = [
      { at: 60_000, made: 2, open: '5' },
      { at: 120_000, made: 1, open: '6' },
      { at: 300_000, made: 4, open: '1' },
    ];
    const { begin, values } = series(rows, 60_000, ['made', 'open'], new Set(['open']));
    expect(begin).toBe(60_000);
    expect(values.get('made')).toEqual([2, 1, 0, 0, 4]);
    expect(values.get('open')).toEqual([5, 6, 6, 6, 1]);
  });

  it('are in whatever order, and a value that is missing is 0', () => {
    const { begin, values } = series([{ at: 20, a: 1 }, { at: 0 }], 10, ['a', 'b']);
    expect([begin, values.get('a'), values.get('b')]).toEqual([0, [0, 0, 1], [0, 0, 0]]);
    expect(series([], 10, ['a']).values.get('a')).toEqual([]);
  });

  it('have numbers for texts, and 0 for none', () => {
    expect([numberOf({ a: '7' }, 'a'), numberOf({ a: null }, 'a'), numberOf({}, 'a')]).toEqual([7, 0, 0]);
  });
});

describe('the reasons', () => {
  it('are each counted by a column of rs_minute, beside the cut ones', () => {
    const counted = columnsOf(loadMigrations(), 'rs_minute').flatMap(({ name }) => /^ends_(.*)$/.exec(name)?.[1] ?? []);
    const reasons = Object.keys(v1.EndReason.Value).filter((name) => name !== 'none' && !/^\d+$/.test(name));
    expect([...counted].sort()).toEqual([...reasons, 'cut'].sort());
  });
});
