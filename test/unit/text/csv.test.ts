import { describe, expect, it } from 'vitest';
import { csvCell } from '../../../src/text/csv.js';
import { withoutFormulas } from '../../../src/text/csv-bytes.js';

describe('a cell of CSV', () => {
  it.each([
    ['=cmd|calc', "'=cmd|calc"],
    ['+1+1', "'+1+1"],
    ['-2+3', "'-2+3"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['＝1+1', "'＝1+1"],
    ['\t=1', "'\t=1"],
    ['=1,"2"', '"\'=1,""2"""'],
  ])('is no formula: %s', (text, cell) => {
    expect(csvCell(text)).toBe(cell);
  });

  it.each([
    [-5, '-5'],
    [-5.25, '-5.25'],
    ['-12345678901234567890', '-12345678901234567890'],
    ['-1.5e-3', '-1.5e-3'],
    [null, ''],
    [undefined, ''],
    [true, 'true'],
    [['a', 'b'], '"[""a"",""b""]"'],
    ['a=b', 'a=b'],
    ['a\nb', '"a\nb"'],
    ['\r=1', '\\x0d=1'],
    ['\x1b[31m\u202e', '\\x1b[31m\\u202e'],
  ])('is %j as %s', (value, cell) => {
    expect(csvCell(value)).toBe(cell);
  });
});

describe("the store's CSV", () => {
  const made = (text: string): string => withoutFormulas(Buffer.from(text)).toString();

  it('gets a single quote before texts alone', () => {
    expect(made('"name","n"\n"=1+1",-5\n"ok","@x"\n')).toBe('"name","n"\n"\'=1+1",-5\n"ok","\'@x"\n');
  });

  it('is not deceived by quotes, commas and lines within a text', () => {
    const tricky = '"a"",""=1","b\n""=2""",-1\n';
    expect(made(tricky)).toBe(tricky);
    expect(made('"=""x"""')).toBe('"\'=""x"""');
    expect(made('"","-x"')).toBe('"","\'-x"');
  });

  it('stays the same bytes where there is nothing to do', () => {
    const bytes = Buffer.from([0x22, 0xff, 0x22, 0x0a]);
    expect(withoutFormulas(bytes)).toBe(bytes);
    expect(withoutFormulas(Buffer.alloc(0))).toHaveLength(0);
  });
});
