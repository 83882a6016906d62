import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Plot } from '../../../src/plot/plot.js';
import { drawPlot } from '../../../src/plot/terminal.js';
import { valueText } from '../../../src/plot/text.js';
import { plainLines } from '../../../src/text/plain.js';
import { widthOf } from '../../../src/text/table.js';

const PLAIN = { width: 50, ascii: true, colours: false, zone: 'UTC' };

test('bars are as long as their values, in parts, with a legend', () => {
  const plot: Plot = {
    kind: 'bars',
    title: 'ends',
    unit: 'count',
    bars: [
      {
        label: 'a',
        parts: [
          { name: 'timeout', value: 30 },
          { name: 'nodest', value: 10 },
        ],
      },
      { label: 'bb', parts: [{ name: 'timeout', value: 20 }] },
    ],
  };
  const lines = drawPlot(plot, PLAIN).split('\n');
  expect(lines[0]).toBe('ends');
  const of = (line: string | undefined, character: string): number => (line ?? '').split(character).length - 1;
  expect(of(lines[1], '#') + of(lines[1], '=')).toBe(42);
  expect(of(lines[1], '#')).toBe(32);
  expect(of(lines[2], '#')).toBe(21);
  expect(lines[1]).toMatch(/^a .* 40$/);
  expect(lines[3]).toBe('# timeout   = nodest');
});

test('lines rise to their highest value, and what happened is pointed at', () => {
  const plot: Plot = {
    kind: 'lines',
    title: 't',
    begin: Date.UTC(2026, 0, 30),
    step: 3_600_000,
    lines: [{ name: 'open', unit: 'count', values: [0, 4, 8, 0] }],
    marks: [{ at: Date.UTC(2026, 0, 30, 2), text: 'weight 0' }],
  };
  expect(drawPlot(plot, { ...PLAIN, ascii: false })).toBe(
    ['t', 'open   ▄█   max 8', '        ▲', '      01-30 00:00', '      ▲ 2026-01-30 02:00:00 weight 0', ''].join('\n'),
  );
});

test('a heat map is darker where there is more, and says what is not known', () => {
  const plot: Plot = {
    kind: 'heat',
    title: 'h',
    unit: 'count',
    rows: ['Mon', 'Tue'],
    columns: ['0', '1'],
    cells: [
      [0, 10],
      [5, null],
    ],
  };
  const [, head, monday, tuesday, legend] = drawPlot(plot, PLAIN).split('\n');
  expect(head).toBe('     0  1');
  expect(monday).toBe('Mon     ###');
  expect(tuesday).toBe('Tue  :::?');
  expect(legend).toBe('     from 0 (blank) to 10 (#)');
});

test('spans stand where they were, and one that goes on has a point', () => {
  const plot: Plot = {
    kind: 'spans',
    title: 's',
    begin: 0,
    end: 1000,
    spans: [
      { label: 'a', begin: 0, end: 499, note: 'x' },
      { label: 'b', begin: 500, end: null, note: '' },
    ],
  };
  const [, a = '', b = ''] = drawPlot(plot, { ...PLAIN, width: 46 }).split('\n');
  expect(a).toBe(`a  ${'='.repeat(20)}${' '.repeat(20)}  x`);
  expect(b).toBe(`b  ${' '.repeat(20)}${'='.repeat(19)}>`);
});

test('whatever is drawn, no line is wider than the terminal', () => {
  const value = fc.double({ min: 0, max: 1e15, noNaN: true });
  const text = fc.string({ maxLength: 60, unit: fc.constantFrom('a', 'W', ' ', '日', ';') });
  const part = fc.record({ name: text, value });
  const moment = fc.integer({ min: 0, max: 86_400_000 });
  const end = 86_400_000;
  const bars = fc.array(fc.record({ label: text, parts: fc.array(part, { maxLength: 12 }) }), { maxLength: 6 });
  const line = fc.record({
    name: text,
    unit: fc.constantFrom('count' as const, 'seconds' as const),
    values: fc.array(value, { maxLength: 300 }),
  });
  const span = fc.record({ label: text, begin: moment, end: fc.constantFrom(null, end), note: text });
  const plots: fc.Arbitrary<Plot> = fc.oneof(
    fc.record({ kind: fc.constant('bars' as const), title: text, unit: fc.constant('bytes' as const), bars }),
    fc.record({
      kind: fc.constant('lines' as const),
      title: text,
      begin: fc.constant(0),
      step: fc.constant(60_000),
      lines: fc.array(line, { maxLength: 4 }),
      marks: fc.array(fc.record({ at: moment, text }), { maxLength: 30 }),
    }),
    fc.record({
      kind: fc.constant('spans' as const),
      title: text,
      begin: fc.constant(0),
      end: fc.constant(end),
      spans: fc.array(span, { maxLength: 5 }),
    }),
  );
  fc.assert(
    fc.property(plots, fc.integer({ min: 40, max: 200 }), fc.boolean(), (plot, width, ascii) => {
      const drawn = drawPlot(plot, { width, ascii, colours: false, zone: 'UTC' });
      for (const row of drawn.split('\n')) expect(widthOf(row), row).toBeLessThanOrEqual(width);
    }),
  );
});

test('names make room for large figures', () => {
  const lines = [
    { name: '', unit: 'count' as const, values: [9999999999.95] },
    { name: 'a日aa日aa', unit: 'count' as const, values: [] },
    { name: '', unit: 'count' as const, values: [0, 0, 0, 0, 0, 0, 0, 0] },
  ];
  const drawn = drawPlot({ kind: 'lines', title: '', begin: 0, step: 60_000, lines, marks: [] }, { ...PLAIN, width: 40 });
  for (const row of drawn.split('\n')) expect(widthOf(row), row).toBeLessThanOrEqual(40);
});

test('of many marks the first ten are told, and how many more there are', () => {
  const marks = Array.from({ length: 12 }, (_, i) => ({ at: i * 60_000, text: `change ${i}` }));
  const plot: Plot = { kind: 'lines', title: 't', begin: 0, step: 60_000, lines: [{ name: 'n', unit: 'count', values: [1, 2] }], marks };
  const text = drawPlot(plot, PLAIN);
  expect(text.match(/change \d+/g)).toHaveLength(10);
  expect(text).toMatch(/\n +and 2 more\n$/);
});

test('values are written in their unit', () => {
  expect([valueText(1234567, 'count'), valueText(1536, 'bytes'), valueText(61, 'seconds')]).toEqual(['1,234,567', '1.5 KiB', '1 min 1 s']);
});

test('times are in the zone of whoever looks', () => {
  const plot: Plot = { kind: 'spans', title: 's', begin: Date.UTC(2026, 0, 30, 23), end: Date.UTC(2026, 0, 31, 1), spans: [] };
  expect(drawPlot(plot, { ...PLAIN, zone: 'Asia/Tokyo' })).toMatch(/01-31 08:00 +01-31 10:00/);
});

test('labels, notes and marks cannot draw, or turn what follows', () => {
  const bad = 'a\x1b[2J\u202e';
  const spans = { kind: 'spans', title: bad, begin: 0, end: 100, spans: [{ label: bad, begin: 1, end: null, note: bad }] } as const;
  const text = drawPlot(spans, { ...PLAIN, width: 120 });
  expect(text.split('a\\x1b[2J\\u202e')).toHaveLength(4);
  expect(plainLines(text)).toBe(text);
});
