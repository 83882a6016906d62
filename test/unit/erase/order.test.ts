import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { admitReaders } from '../../../src/access/readers.js';
import { type EraseOrder, makeOrders, readOrders, removeOrder, writeOrder } from '../../../src/erase/order.js';
import { targetOf } from '../support/people.js';
import { withDirectory } from '../support/temporary.js';

const ORDER: EraseOrder = {
  ...{ id: 'a1', target: targetOf(['203.0.113.7']), selectors: 'address', reason: 'case 17', dryRun: false },
  ...{ author: { uid: 0, loginUid: 1000, pid: 7 }, told: true, progress: {} },
};
const mask = process.umask();

afterEach(() => {
  admitReaders(undefined);
  process.umask(mask);
});

describe('an order', () => {
  it('is for us alone, also where others may read the log, and is gone when it is done', async () => {
    await withDirectory(async (dir) => {
      admitReaders(process.getegid?.());
      const folder = join(dir, 'erase');
      makeOrders(folder);
      await writeOrder(folder, ORDER);
      expect(statSync(folder).mode & 0o7777).toBe(0o700);
      expect(statSync(join(folder, 'a1.json')).mode & 0o7777).toBe(0o600);
      const next = { ...ORDER, progress: { position: ['e', '12'] as const, counts: { spool: 3 } } };
      await writeOrder(folder, next);
      expect(await readOrders(folder)).toEqual([{ version: 1, ...next }]);
      await removeOrder(folder, 'a1');
      expect(readdirSync(folder)).toEqual([]);
      chmodSync(folder, 0o750);
      makeOrders(folder);
      expect(statSync(folder).mode & 0o7777).toBe(0o700);
    });
  });

  it('is passed over where it is not ours alone, no order, or of another version', async () => {
    await withDirectory(async (folder) => {
      await writeOrder(folder, ORDER);
      const good = readFileSync(join(folder, 'a1.json'), 'utf8');
      const put = (name: string, text: string, mode = 0o600): void => writeFileSync(join(folder, name), text, { mode });
      put('open.json', good, 0o644);
      put('torn.json', good.slice(0, 30));
      put('newer.json', good.replace('"version":1', '"version":2'));
      put('.a2.tmp', good);
      put('a1.json.txt', good);
      symlinkSync(join(folder, 'a1.json'), join(folder, 'link.json'));
      const notes: string[] = [];
      expect((await readOrders(folder, (line) => notes.push(line))).map(({ id }) => id)).toEqual(['a1']);
      expect(notes.map((line) => /erase\/|\/(\w+)\.json is not carried out: /.exec(line)?.[1]).sort()).toEqual([
        'link',
        'newer',
        'open',
        'torn',
      ]);
      expect(await readOrders(join(folder, 'absent'))).toEqual([]);
    });
  });
});
