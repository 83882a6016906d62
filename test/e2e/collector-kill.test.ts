import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { verifySpool } from '../../src/spool/verify.js';
import { EPOCH, makeBatch } from '../unit/support/batches.js';
import { FakeCapture } from '../unit/support/fake-capture.js';
import { until, withDirectory } from '../unit/support/temporary.js';
import { deliveredRanges, end, killAll, startCollector } from './support/processes.js';

afterEach(killAll);

describe('a collector killed under load', () => {
  it.each(['always', 'interval:20', 'never'])('loses nothing and keeps nothing twice (fsync %s)', async (fsync) => {
    await withDirectory(async (dir) => {
      const [socket, spool, delivered] = [join(dir, 'capture.sock'), join(dir, 'spool'), join(dir, 'delivered')];
      const capture = new FakeCapture(socket);
      await capture.listen();
      let next = 1n;
      const publish = () => {
        const count = 1 + (Number(next) % 200);
        capture.publish(makeBatch(next, count, next % 7n === 0n ? 'control' : 'conn'));
        next += BigInt(count);
      };
      const load = setInterval(publish, 2);
      try {
        let collector = startCollector(socket, spool, delivered, fsync);
        for (let round = 0; round < 4; round++) {
          const acks = capture.acks.length;
          await until(() => capture.acks.length > acks + 5 + round * 3, 'the collector acknowledges', 60_000);
          await end(collector, 'SIGKILL');
          collector = startCollector(socket, spool, delivered, fsync);
        }
        clearInterval(load);
        const last = next - 1n;
        await until(() => capture.acks.at(-1)?.sequence === last, 'everything is acknowledged', 60_000);
        expect(await end(collector, 'SIGTERM')).toBe(0);
        const report = await verifySpool(spool);
        expect(report).toMatchObject({ complete: true, active: 0, epochs: [{ epoch: EPOCH, first: 1n, last }] });
        expect(report.epochs[0]?.count).toBe(Number(last));
        expect(deliveredRanges(delivered, EPOCH)).toEqual({ count: Number(last), first: 1n, next, gaps: 0 });
      } finally {
        clearInterval(load);
        await capture.close();
      }
    });
  });
});
