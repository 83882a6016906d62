import { mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { begunMs, excusable } from '../../../src/api/excused.js';
import { lossesInSpool, quarantinedBefore } from '../../../src/api/losses.js';
import { Spool } from '../../../src/spool/spool.js';
import { makeBatch } from '../support/batches.js';
import { withDirectory } from '../support/temporary.js';

const NODE = 'lb1';

/** A spool whose control segment has two losses, with events beside them. */
async function withLosses(action: (dir: string) => Promise<void>): Promise<void> {
  await withDirectory(async (dir) => {
    const spool = await Spool.open(dir, { segmentAgeMs: 3_600_000 });
    await spool.append([makeBatch(1n, 5), makeBatch(6n, 2, 'control')]);
    await spool.recordLoss({ where: 'ring', lost: 3n, detail: 'The ring was full.' }, NODE);
    await spool.recordLoss({ where: 'ring', lost: 4n, detail: 'The ring was full.' }, NODE);
    await spool.recordLoss({ where: 'spool', lost: 10n, detail: 'A segment was damaged.' }, NODE);
    await spool.close();
    await action(dir);
  });
}

it('the losses of a spool are summed by place, and judged from a time on', () =>
  withLosses(async (dir) => {
    const ring = { where: 'ring', lost: 7, records: 2 };
    const spool = { where: 'spool', lost: 10, records: 1 };
    expect(await lossesInSpool(dir, undefined)).toEqual({ judged: [ring, spool], before: [], spoolBefore: new Map() });
    expect(await lossesInSpool(dir, Date.now() - 3_600_000)).toMatchObject({ judged: [ring, spool], before: [] });
    expect(await lossesInSpool(dir, 2 * Date.now())).toEqual({
      judged: [],
      before: [ring, spool],
      spoolBefore: new Map([[NODE, 10]]),
    });
  }));

it('losses whose records every sink has, and that were removed since, count still', () =>
  withDirectory(async (dir) => {
    const spool = await Spool.open(dir, { segmentAgeMs: 3_600_000, maxSegments: 1 }, ['a']);
    await spool.recordLoss({ where: 'ring', lost: 3n, detail: 'The ring was full.', id: 'ring:1' }, NODE);
    await spool.seal();
    await spool.recordLoss({ where: 'ring', lost: 4n, detail: 'The ring was full.', id: 'ring:2' }, NODE);
    await spool.append([makeBatch(1n, 5)]);
    await spool.seal();
    for (const segment of spool.sealed()) await spool.advance('a', segment);
    await spool.close();
    expect(spool.sealed()).toHaveLength(1);
    expect((await lossesInSpool(dir, undefined)).judged).toEqual([{ where: 'ring', lost: 7, records: 0 }]);
  }));

it('segments in quarantine are old when they were last written before the time', () =>
  withDirectory(async (dir) => {
    expect(await quarantinedBefore(dir, [1], Date.now())).toEqual(new Set());
    const quarantine = join(dir, 'quarantine');
    mkdirSync(quarantine);
    const write = (name: string, ms: number): void => {
      writeFileSync(join(quarantine, `${name}.new`), 'x');
      utimesSync(join(quarantine, `${name}.new`), ms / 1000, ms / 1000);
      renameSync(join(quarantine, `${name}.new`), join(quarantine, name));
    };
    for (const [id, ms] of [
      [1, 1_000_000],
      [2, 3_000_000],
      [3, 1_000_000],
    ] as const)
      for (const end of ['pb', 'idx']) write(`00000000000${id}.conn.${end}`, ms);
    expect(await quarantinedBefore(dir, [1, 2], 2_000_000)).toEqual(new Set([1]));
  }));

it('an epoch tells when it began, where its name does', () => {
  expect(begunMs('0f1e2d3c-1700000000000')).toBe(1_700_000_000_000);
  for (const epoch of ['e', '', 'boot-17', 'boot-1700000000000-x']) expect(begunMs(epoch)).toBeUndefined();
});

it('missing sequences are excused as far as losses of the node account for them, oldest epoch first', () => {
  const epochs = [
    { node: 'a', epoch: 'x-1700000000002', missing: 4 },
    { node: 'a', epoch: 'x-1700000000001', missing: 6 },
    { node: 'b', epoch: 'x-1700000000000', missing: 1 },
    { node: 'a', epoch: 'x-1700000000003', missing: 0 },
  ];
  const excused = (lost: [string, number][]): string[] =>
    excusable(epochs, ({ missing }) => missing, new Map(lost)).map(({ epoch }) => epoch);
  expect(excused([['a', 10]])).toEqual(['x-1700000000001', 'x-1700000000002']);
  expect(excused([['a', 9]])).toEqual(['x-1700000000001']);
  expect(excused([['a', 5]])).toEqual(['x-1700000000002']);
  expect(excused([])).toEqual([]);
});
