import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Segment } from '../../src/spool/segment.js';
import { Spool } from '../../src/spool/spool.js';
import { verifySpool } from '../../src/spool/verify.js';
import { nextEvent } from '../../src/wire/batch.js';
import { CaptureClient, type SourceStatus } from '../../src/wire/client.js';
import { toBigInt, v1 } from '../../src/wire/proto.js';
import { until } from '../support/patience.js';
import { withDirectory } from '../unit/support/temporary.js';
import { deliveredRanges, end, killAll, start, startCollector } from './support/processes.js';

const CAPTURE = join(import.meta.dirname, '../../build/native/vslog-capture');
/** Events that are made after the last kill. */
const REST = 50_000;

/** How the capture says it is; undefined while it is not there. */
async function askCapture(path: string): Promise<SourceStatus | undefined> {
  const client = new CaptureClient({ path });
  try {
    await client.connect();
    return await client.sourceStatus();
  } catch {
    return undefined;
  } finally {
    client.close();
  }
}

/** Sequences of a segment's events, and how many of them the scripted source made itself. */
function readSequences(segment: Segment): { sequences: bigint[]; scripted: number } {
  const body = readFileSync(segment.path);
  const sequences: bigint[] = [];
  let scripted = 0;
  for (let at = 0; at < body.length; ) {
    const { start: from, end: to } = nextEvent(body, at);
    const bytes = body.subarray(from, to);
    if (segment.record === 'conn') {
      sequences.push(toBigInt(v1.ConnEvent.decode(bytes).sequence));
      scripted++;
    } else {
      const event = v1.ControlEvent.decode(bytes);
      sequences.push(toBigInt(event.sequence));
      if (event.kind === v1.ControlKind.Value.knob_changed) scripted++;
    }
    at = to;
  }
  return { sequences, scripted };
}

afterEach(killAll);

describe('capture and collector killed in turn under load', () => {
  it('lose nothing and keep nothing twice', async () => {
    await withDirectory(async (dir) => {
      const [socket, spool, delivered] = [join(dir, 'capture.sock'), join(dir, 'spool'), join(dir, 'delivered')];
      // Without an end, unless one is given: it must not run dry before the last kill, however long the rounds take.
      const startCapture = (events = 0) =>
        start(CAPTURE, [
          ...['--socket', socket, '--journal', join(dir, 'journal'), '--node', 'node-a'],
          ...['--source', 'scripted', '--scripted-events', String(events), '--scripted-rate', '30000'],
        ]);
      const acknowledged = async () => toBigInt((await askCapture(socket))?.durable[0]?.acknowledged);

      let capture = startCapture();
      let collector = startCollector(socket, spool, delivered);
      let seen = 0n;
      const progress = async (what: string) => {
        seen = await until(what, async () => {
          const now = await acknowledged();
          return now > seen && now;
        });
      };
      for (let round = 0; round < 4; round++) {
        await progress('the collector acknowledges');
        await end(capture, 'SIGKILL');
        capture = startCapture();
        await progress('it goes on after the capture was killed');
        await end(collector, 'SIGKILL');
        collector = startCollector(socket, spool, delivered);
        if (round === 2) {
          await progress('it goes on after the collector was killed');
          await Promise.all([end(capture, 'SIGKILL'), end(collector, 'SIGKILL')]);
          capture = startCapture();
          collector = startCollector(socket, spool, delivered);
        }
      }
      // Told to make one event, it makes no more than it has made by now; so it can be told to make a number that it has not reached.
      await end(capture, 'SIGKILL');
      capture = startCapture(1);
      const soFar = await until('it says how many it has made', () => askCapture(socket));
      await end(capture, 'SIGKILL');
      const events = Number(toBigInt(soFar.next_sequence)) + REST;
      capture = startCapture(events);
      const status = await until('the whole script is acknowledged', async () => {
        const now = await askCapture(socket);
        const made = toBigInt(now?.next_sequence) - 1n;
        // Connected too: one that is still coming up would be ended before it knows how to end.
        return made >= BigInt(events) && toBigInt(now?.durable[0]?.acknowledged) === made && now?.durable[0]?.connected === true && now;
      });
      const last = toBigInt(status.next_sequence) - 1n;
      const { epoch } = status;
      expect(await end(collector, 'SIGTERM')).toBe(0);
      await end(capture, 'SIGTERM');

      const report = await verifySpool(spool);
      expect(report).toMatchObject({
        complete: true,
        active: 0,
        damaged: [],
        epochs: [{ node: 'node-a', epoch, first: 1n, last, count: Number(last) }],
      });
      expect(deliveredRanges(delivered, epoch)).toEqual({ count: Number(last), first: 1n, next: last + 1n, gaps: 0 });

      // The events themselves: every sequence once, and as many as the source was told to make.
      const opened = await Spool.open(spool);
      const sequences: bigint[] = [];
      let scripted = 0;
      for (let segment = await opened.next(0); segment !== undefined; segment = await opened.next(segment.id)) {
        const part = readSequences(segment);
        scripted += part.scripted;
        sequences.push(...part.sequences);
      }
      await opened.close();
      sequences.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
      expect(sequences.length).toBe(Number(last));
      expect(sequences.findIndex((sequence, i) => sequence !== BigInt(i + 1))).toBe(-1);
      expect(scripted).toBe(events);
    });
  });
});
