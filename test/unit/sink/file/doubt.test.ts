import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Pump } from '../../../../src/sink/pump.js';
import { Spool } from '../../../../src/spool/spool.js';
import { until } from '../../../support/patience.js';
import { makeBatch } from '../../support/batches.js';
import { withDirectory } from '../../support/temporary.js';
import { makeSink, sequencesIn, upTo } from './files.js';

const SLOW = { segmentAgeMs: 3_600_000 };

async function fill(spool: Spool, from: bigint): Promise<void> {
  for (let i = 0n; i < 3n; i++) {
    await spool.append([makeBatch(from + i * 50n, 50)]);
    await spool.seal();
  }
}

async function pumped(spool: Spool, dir: string): Promise<Pump> {
  const pump = new Pump(spool, makeSink(dir));
  await pump.start();
  await until('the files have everything', () => pump.status().lagSegments === 0);
  return pump;
}

it.each(['set back', 'damaged', 'removed'])('doubles nothing in the files when its cursor was %s', (how) =>
  withDirectory(async (dir) => {
    const cursor = join(dir, 'spool/cursors/file.cursor');
    const first = await Spool.open(join(dir, 'spool'), SLOW, ['file']);
    const old = readFileSync(cursor);
    await fill(first, 1n);
    await (await pumped(first, dir)).stop();
    await first.close();
    if (how === 'set back') writeFileSync(cursor, old);
    else if (how === 'damaged') writeFileSync(cursor, Buffer.alloc(8192, 1));
    else rmSync(cursor);
    const again = await Spool.open(join(dir, 'spool'), SLOW, ['file']);
    expect(again.sinks.get('file').doubt).not.toBeUndefined();
    await fill(again, 151n);
    const pump = await pumped(again, dir);
    expect(pump.status()).toMatchObject({ deliveredEvents: 150, doubt: undefined });
    await pump.stop();
    await again.close();
    expect(sequencesIn(dir)).toEqual(upTo(300));
  }),
);
