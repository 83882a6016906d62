import { setTimeout as sleep } from 'node:timers/promises';
import { toBigInt, v1 } from '../../src/wire/proto.js';
import { percentile, rounded, Setup } from './setup.js';

export interface FreshnessOptions {
  /** Events a second. */
  readonly rate: number;
  readonly seconds: number;
}

interface Seen {
  readonly sequence: number;
  /** Wall clock of the event, ms. */
  readonly time: number;
}

/** Nanoseconds since 1970 as milliseconds. */
const milliseconds = (ns: bigint): number => Number(ns / 1000n) / 1000;
const wallNow = (): number => performance.timeOrigin + performance.now();

/** How long after an event its row can be queried, and how long until `tail` has it: one event of every batch that comes by. */
export async function freshness(options: FreshnessOptions, say: (line: string) => void): Promise<Record<string, unknown>> {
  const setup = new Setup();
  const stop = new AbortController();
  try {
    say('starting the collector and its store');
    await setup.startCollector();
    await setup.introduce();
    const seen: Seen[] = [];
    const tailMs: number[] = [];
    const tail = setup.api.tail(
      ['conn_create', 'conn_expire'],
      {
        onBatch: (batch) => {
          if (batch.record !== 'conn') return;
          const event = v1.ConnEvent.decodeDelimited(batch.body);
          const time = milliseconds(toBigInt(event.time_ns));
          tailMs.push(wallNow() - time);
          seen.push({ sequence: Number(toBigInt(event.sequence)), time });
        },
        onMissed: () => undefined,
      },
      stop.signal,
    );
    say(`${options.rate} events a second for ${options.seconds} s`);
    await setup.startCapture(['--source', 'engine', '--load', '--load-rate', String(Math.max(1, Math.round(options.rate / 2)))]);
    // The answer to each question says up to where the log could be queried when it was asked.
    const answers: { readonly at: number; readonly upTo: number }[] = [];
    for (const end = wallNow() + options.seconds * 1000; wallNow() < end; await sleep(5)) {
      const upTo = await setup.number('SELECT max(sequence) FROM vslog.conn_events');
      answers.push({ at: wallNow(), upTo });
    }
    stop.abort();
    await tail;
    const last = answers.at(-1)?.upTo ?? 0;
    const rowMs: number[] = [];
    let answer = 0;
    for (const { sequence, time } of seen) {
      if (sequence > last) break;
      while ((answers[answer]?.upTo ?? last) < sequence) ++answer;
      rowMs.push((answers[answer]?.at ?? Number.NaN) - time);
    }
    if (rowMs.length < 20)
      throw new Error(`only ${rowMs.length} events became queryable: nothing to be said of ${options.rate} events a second`);
    return {
      rate: options.rate,
      row_ms: { p50: rounded(percentile(rowMs, 0.5), 1), p99: rounded(percentile(rowMs, 0.99), 1) },
      tail_ms: { p50: rounded(percentile(tailMs, 0.5), 1), p99: rounded(percentile(tailMs, 0.99), 1) },
    };
  } finally {
    stop.abort();
    await setup.end();
  }
}
