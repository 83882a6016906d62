import { expect, it } from 'vitest';
import { csvText } from '../../../web/save.ts';

it('writes lines of CSV that no spreadsheet runs', () => {
  expect(
    csvText([
      ['client', 'bytes'],
      ['=cmd()', 12],
      ['a "b", c', -1],
      [null, undefined],
    ]),
  ).toBe('client,bytes\r\n\'=cmd(),12\r\n"a ""b"", c",-1\r\n,\r\n');
});
