import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { verifySpool } from '../../src/spool/verify.js';
import { pause, until } from '../support/patience.js';
import { EPOCH, makeBatch } from '../unit/support/batches.js';
import { FakeCapture } from '../unit/support/fake-capture.js';
import { withDirectory } from '../unit/support/temporary.js';
import { deliveredRanges, end, killAll, startCollector } from './support/processes.js';

afterEach(killAll);

/** So many events may wait for the collector: on a slow machine it would never be done with more. */
const WAITING = 100_000n;

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
      let loading = true;
      const load = (async () => {
        while (loading) {
          if (next - (capture.acks.at(-1)?.sequence ?? 0n) < WAITING) publish();
          await pause(2, 'the pace of the load');
        }
      })();
      try {
        let collector = startCollector(socket, spool, delivered, fsync);
        let before = 0;
        for (let round = 0; round < 4; round++) {
          const acks = capture.acks.length;
          await until('acknowledgements', () => capture.acks.length > acks + 5 + round * 3, { everyMs: 5 });
          await end(collector, 'SIGKILL');
          before = capture.subscriptions.length;
          collector = startCollector(socket, spool, delivered, fsync);
        }
        loading = false;
        await load;
        const last = next - 1n;
        // Where it stands after a kill it says when it subscribes, which acknowledges as much.
        await until('the last acknowledgement', () => {
          const subscribed = capture.subscriptions.slice(before);
          return subscribed.length > 0 && (capture.acks.at(-1)?.sequence === last || subscribed.at(-1)?.after === last);
        });
        expect(await end(collector, 'SIGTERM')).toBe(0);
        const report = await verifySpool(spool);
        expect(report).toMatchObject({ complete: true, active: 0 });
        // Beside it each start says that the capture's clock is years behind.
        const made = report.epochs.filter(({ local }) => !local);
        expect(made).toMatchObject([{ epoch: EPOCH, first: 1n, last, count: Number(last) }]);
        expect(deliveredRanges(delivered, EPOCH)).toEqual({ count: Number(last), first: 1n, next, gaps: 0 });
      } finally {
        loading = false;
        await load;
        await capture.close();
      }
    });
  });
});
