import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { removeTornMutations } from '../../../../src/store/embedded/torn-mutations.js';
import { withDirectory } from '../../support/temporary.js';

it('removes the records of mutations that a full disk left empty, and nothing else', async () => {
  await withDirectory(async (dir) => {
    const table = join(dir, 'store/1ae/1aedffcf-3e1b-4307-993c-f6327af32461');
    mkdirSync(join(table, 'all_1_1_0'), { recursive: true });
    for (const name of ['mutation_2.txt', 'mutation_10.txt', 'format_version.txt']) writeFileSync(join(table, name), '');
    writeFileSync(join(table, 'mutation_3.txt'), 'format version: 1\n');
    expect(removeTornMutations(dir)).toBe(2);
    expect(readdirSync(table).sort()).toEqual(['all_1_1_0', 'format_version.txt', 'mutation_3.txt']);
    expect(removeTornMutations(join(dir, 'absent'))).toBe(0);
  });
});
