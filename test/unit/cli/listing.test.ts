import { describe, expect, it } from 'vitest';
import { type Listing, separated } from '../../../src/cli/listing.js';

interface Row {
  readonly name: string;
  readonly size: number;
}

const LISTING: Listing<Row> = {
  columns: [
    { name: 'name', title: 'name', cell: ({ name }) => name },
    { name: 'size', title: 'size', right: true, cell: ({ size }) => `${size} B` },
  ],
  one: 'row',
  none: 'Nothing.',
  plain: ({ name, size }) => ({ name, size }),
};

describe('rows for machines', () => {
  it('have their titles without any row, too', () => {
    expect(separated(LISTING, [], { output: 'csv' }, 'csv')).toBe('name,size\r\n');
    expect(separated(LISTING, [], { output: 'tsv' }, 'tsv')).toBe('name\tsize\n');
    expect(separated(LISTING, [], { output: 'csv', columns: 'size' }, 'csv')).toBe('size\r\n');
    expect(separated(LISTING, [], { output: 'csv', headers: false }, 'csv')).toBe('');
  });

  it('are values, not what people read', () => {
    expect(separated(LISTING, [{ name: 'a,b', size: 3 }], { output: 'csv' }, 'csv')).toBe('name,size\r\n"a,b",3\r\n');
  });
});
