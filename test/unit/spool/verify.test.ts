import { copyFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bodyName, indexName } from '../../../src/spool/layout.js';
import type { SpoolOptions } from '../../../src/spool/options.js';
import { Spool } from '../../../src/spool/spool.js';
import { verifySpool } from '../../../src/spool/verify.js';
import { EPOCH, makeBatch, makeLog } from '../support/batches.js';
import { withDirectory } from '../support/temporary.js';

const SLOW: SpoolOptions = { segmentAgeMs: 3_600_000 };

it('takes no sequence for missing of which one segment shows more than the other, read earlier, could', async () => {
  await withDirectory(async (dir) => {
    await withDirectory(async (seen) => {
      const spool = await Spool.open(dir, SLOW);
      await spool.append(
        makeLog([
          { count: 3, record: 'conn' },
          { count: 1, record: 'control' },
        ]),
      );
      const mark = spool.mark();
      const copy = (record: 'conn' | 'control', id: number): void => {
        for (const name of [bodyName(id, record), indexName(id, record)]) copyFileSync(join(dir, name), join(seen, name));
      };
      copy('conn', 1);
      await spool.append(
        makeLog(
          [
            { count: 5, record: 'conn' },
            { count: 1, record: 'control' },
          ],
          5n,
        ),
      );
      copy('control', 2);
      await spool.close();
      // So it looks to who reads the one segment before the other: 5 to 9 are not there, 10 is.
      expect(await verifySpool(seen)).toMatchObject({ complete: false, epochs: [{ gaps: [{ first: 5n, last: 9n }] }] });
      expect(await verifySpool(seen, { mark })).toMatchObject({ complete: true, events: 4, epochs: [{ first: 1n, last: 4n }] });
    });
  });
});

it('looks at no segment that came after the mark', async () => {
  await withDirectory(async (dir) => {
    const spool = await Spool.open(dir, SLOW);
    await spool.append([makeBatch(1n, 10)]);
    await spool.seal();
    const mark = spool.mark();
    await spool.append([makeBatch(11n, 10)]);
    await spool.seal();
    expect(await verifySpool(dir, { mark })).toMatchObject({ complete: true, segments: 1, events: 10 });
    // One that is being made has an index before it has a body.
    writeFileSync(join(dir, indexName(9, 'conn')), '');
    expect(await verifySpool(dir, { mark: spool.mark() })).toMatchObject({ complete: true, segments: 2, damaged: [] });
    expect(await verifySpool(dir)).toMatchObject({ complete: true, events: 20, damaged: [] });
    // One with a body that is not empty held something.
    writeFileSync(join(dir, bodyName(9, 'conn')), 'x');
    expect(await verifySpool(dir)).toMatchObject({ complete: false, damaged: [{ id: 9 }] });
    await spool.close();
  });
});

it('makes no gap of segments that are removed while it reads', async () => {
  await withDirectory(async (dir) => {
    const spool = await Spool.open(dir, SLOW);
    for (const first of [1n, 11n, 21n, 31n]) {
      await spool.append([makeBatch(first, 10)]);
      await spool.seal();
    }
    const [one, two] = spool.sealed();
    const report = await verifySpool(dir, {
      onProgress: ({ segment }) => {
        // The first was read; the second is gone before it is.
        if (segment !== 1) return;
        for (const id of [one?.id ?? 0, two?.id ?? 0])
          for (const name of [indexName(id, 'conn'), bodyName(id, 'conn')]) rmSync(join(dir, name));
      },
    });
    expect(report).toMatchObject({ damaged: [], epochs: [{ first: 21n, last: 40n, gaps: [] }] });
    await spool.close();
  });
});

it('makes no gap of what every sink had, beside the oldest segment of its run that is left', async () => {
  await withDirectory(async (dir) => {
    const spool = await Spool.open(dir, { ...SLOW, maxSegments: 3 }, ['a']);
    const run = [
      { count: 1, record: 'control' },
      { count: 3, record: 'conn' },
      { count: 2, record: 'control' },
    ] as const;
    for (const first of [1n, 7n]) {
      await spool.append(makeLog(run, first));
      await spool.seal();
    }
    for (const first of [13n, 14n]) {
      await spool.append([makeBatch(first, 1)]);
      await spool.seal();
    }
    for (const segment of spool.sealed()) await spool.advance('a', segment);
    await spool.close();
    expect(spool.sealed().map(({ id }) => id)).toEqual([4, 5, 6]);
    expect(await verifySpool(dir)).toMatchObject({ complete: true, epochs: [{ first: 8n, last: 14n, gaps: [] }] });
    // What is missing behind that run is a gap.
    for (const name of [bodyName(5, 'conn'), indexName(5, 'conn')]) rmSync(join(dir, name));
    expect(await verifySpool(dir)).toMatchObject({ complete: false, epochs: [{ gaps: [{ first: 13n, last: 13n }] }] });
  });
});

it('counts no copy of what recovery cut off as a segment that was set aside', async () => {
  await withDirectory(async (dir) => {
    await withDirectory(async (crashed) => {
      const spool = await Spool.open(dir, SLOW);
      for (const first of [1n, 6n, 11n]) await spool.append([makeBatch(first, 5)]);
      cpSync(dir, crashed, { recursive: true });
      await spool.close();
      // The second batch is damaged, the third is whole behind it: no torn end.
      const path = join(crashed, bodyName(1, 'conn'));
      const body = readFileSync(path);
      body[Math.floor(body.length / 2)] = (body[Math.floor(body.length / 2)] ?? 0) ^ 1;
      writeFileSync(path, body);
      const again = await Spool.open(crashed, SLOW);
      expect(again.lastDurable()).toEqual({ epoch: EPOCH, sequence: 5n });
      await again.append([makeBatch(6n, 10)]);
      await again.close();
      expect(readdirSync(join(crashed, 'quarantine'))).toHaveLength(2);
      expect(await verifySpool(crashed)).toMatchObject({ complete: true, quarantined: [], events: 15 });
    });
  });
});
