import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawBlocks, drawTable, shortened, type TableColumn, widthOf } from '../../../src/text/table.js';

const PIPE = { width: undefined, bold: (text: string) => text };
const wide = (width: number) => ({ ...PIPE, width });
const COLUMNS: readonly TableColumn[] = [
  { title: 'client' },
  { title: 'virtual service', priority: 3 },
  { title: 'bytes', right: true, priority: 4 },
  { title: 'command', min: 8, priority: 2 },
];
const ROWS = [
  ['10.0.0.101:1001', 'tcp 10.0.0.2:80', '1,000', 'ipvsadm -e -t 10.0.0.2:80 -r 10.0.0.11:8080 -w 0'],
  ['[2001:db8::1]:1', 'udp 10.0.0.2:53', '7', 'vslog'],
];

describe('a table', () => {
  it('is aligned columns without a frame, as wide as they are in a pipe', () => {
    expect(drawTable(COLUMNS, ROWS, PIPE).text).toBe(
      [
        'client           virtual service  bytes  command',
        '10.0.0.101:1001  tcp 10.0.0.2:80  1,000  ipvsadm -e -t 10.0.0.2:80 -r 10.0.0.11:8080 -w 0',
        '[2001:db8::1]:1  udp 10.0.0.2:53      7  vslog',
        '',
      ].join('\n'),
    );
    expect(drawTable(COLUMNS, ROWS, { ...PIPE, headers: false }).text).toMatch(/^10\.0\.0\.101:1001 {2}tcp/);
    expect(drawTable(COLUMNS, [], PIPE).text).toBe('client  virtual service  bytes  command\n');
  });

  it('shortens what may be, then leaves out the least important, and says which', () => {
    const at80 = drawTable(COLUMNS, ROWS, wide(80));
    expect(at80.text.split('\n')[1]).toBe('10.0.0.101:1001  tcp 10.0.0.2:80  1,000  ipvsadm -e -t 10.0.0.2:80 -r 10.0.0.11…');
    expect(at80.hidden).toEqual([]);
    const at45 = drawTable(COLUMNS, ROWS, wide(45));
    expect([at45.text.split('\n')[1], at45.hidden]).toEqual(['10.0.0.101:1001  tcp 10.0.0.2:80  ipvsadm -e…', ['bytes']]);
    expect(drawTable(COLUMNS, ROWS, wide(30)).hidden).toEqual(['virtual service', 'bytes']);
    expect(drawTable(COLUMNS, ROWS, wide(16)).hidden).toEqual(['virtual service', 'bytes', 'command']);
  });

  it('becomes blocks where one row is too wide all the same', () => {
    const { text, vertical, hidden } = drawTable(COLUMNS, ROWS, wide(10));
    expect([vertical, hidden]).toEqual([true, []]);
    expect(text).toBe(drawBlocks(COLUMNS, ROWS, wide(10)));
    expect(text.split('\n').slice(3, 8)).toEqual([
      'command          ipvsadm -e -t 10',
      '                 .0.0.2:80 -r 10.',
      '                 0.0.11:8080 -w 0',
      '',
      'client           [2001:db8::1]:1',
    ]);
    expect(drawBlocks([{ title: 'a' }], [['日'.repeat(10)]], wide(19))).toBe('a  日日日日日日日日\n   日日\n');
    expect(drawBlocks(COLUMNS, ROWS, PIPE)).toContain('\ncommand          ipvsadm -e -t 10.0.0.2:80 -r 10.0.0.11:8080 -w 0\n');
  });

  it('knows wide characters and our colours', () => {
    expect([widthOf('日本'), widthOf('\x1b[1mab\x1b[22m'), widthOf('e\u0301')]).toEqual([4, 2, 1]);
    expect(['👩‍👩‍👧', '🇦🇹', '☎️', '…', '→', '░', 'ß', '\u200b', '한국'].map(widthOf)).toEqual([2, 2, 2, 1, 1, 1, 1, 0, 4]);
    expect([shortened('日本語', 4), shortened('\x1b[1mabcdef\x1b[22m', 4), shortened('abc', 3)]).toEqual([
      '日…',
      '\x1b[1mabc…\x1b[22m',
      'abc',
    ]);
    expect(
      drawTable(
        [{ title: 'a' }, { title: 'b' }],
        [
          ['日本', 'x'],
          ['\x1b[2mab\x1b[22m', 'y'],
        ],
        PIPE,
      ).text,
    ).toBe('a     b\n日本  x\n\x1b[2mab\x1b[22m    y\n');
  });

  it('is never wider than the terminal, and loses nothing that has room', () => {
    const cell = fc.string({ maxLength: 30, unit: fc.constantFrom('a', '1', ' ', '語', '.') });
    const column = fc.record(
      {
        title: fc.string({ minLength: 1, maxLength: 10, unit: fc.constantFrom('a', 'b') }),
        right: fc.boolean(),
        priority: fc.nat(5),
        min: fc.integer({ min: 1, max: 10 }),
      },
      { requiredKeys: ['title'] },
    );
    fc.assert(
      fc.property(
        fc.array(column, { minLength: 1, maxLength: 6 }),
        fc.array(fc.array(cell, { minLength: 6, maxLength: 6 }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 120 }),
        (columns, rows, width) => {
          const narrow = drawTable(columns as TableColumn[], rows, wide(width));
          if (!narrow.vertical) for (const line of narrow.text.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(width);
          const all = drawTable(columns as TableColumn[], rows, PIPE);
          const widest = Math.max(...all.text.split('\n').map(widthOf));
          if (width >= widest + 40) expect(narrow).toEqual(all);
        },
      ),
    );
  });
});
