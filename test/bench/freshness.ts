import { randomInt } from 'node:crypto';
import { Reader } from 'protobufjs/minimal.js';
import type { Batch } from '../../src/wire/batch.js';
import { toBigInt, v1 } from '../../src/wire/proto.js';
import { pause, until, WAIT_MS } from '../support/patience.js';
import { percentile, rounded, Setup } from './setup.js';

/** The first events of a start are not what comes after. */
const WARM_UP_MS = 1000;
/** Fewer say nothing: then it is measured for longer. */
const MIN_SAMPLES = 20;

export interface FreshnessOptions {
  /** Events a second. */
  readonly rate: number;
  readonly seconds: number;
}

interface Sample {
  readonly sequence: number;
  /** Wall clock of the event, ms. */
  readonly time: number;
  /** And of when `tail` had it. */
  readonly tailed: number;
}

/** Nanoseconds since 1970 as milliseconds. */
const milliseconds = (ns: bigint): number => Number(ns / 1000n) / 1000;
const wallNow = (): number => performance.timeOrigin + performance.now();

/** One event of a batch, each as likely: the first one alone would always be the one that has waited longest. */
function anyEvent(batch: Batch): ReturnType<typeof v1.ConnEvent.decodeDelimited> {
  const reader = Reader.create(batch.body);
  for (let before = randomInt(batch.count); before > 0; --before) reader.skip(reader.uint32());
  return v1.ConnEvent.decodeDelimited(batch.body.subarray(reader.pos));
}

/** How long after an event its row can be queried, and how long until `tail` has it: a random event of every batch that comes by. */
export async function freshness(options: FreshnessOptions, say: (line: string) => void): Promise<Record<string, unknown>> {
  const setup = new Setup();
  const stop = new AbortController();
  try {
    say('starting the collector and its store');
    await setup.startCollector();
    await setup.introduce();
    // A connection is two events.
    await setup.startCapture(['--source', 'engine', '--load', '--load-rate', String(Math.max(1, Math.round(options.rate / 2)))]);
    await until('a connected collector', async () => (await setup.api.status()).capture.connected, { everyMs: 20 });

    const samples: Sample[] = [];
    const begin = wallNow() + WARM_UP_MS;
    const end = begin + options.seconds * 1000;
    let sampling = true;
    let missed = 0n;
    let failure: unknown;
    const tail = setup.api
      .tail(
        { groups: ['conn_create', 'conn_expire'] },
        {
          onBatch: (batch) => {
            const tailed = wallNow();
            if (batch.record !== 'conn' || tailed < begin || !sampling) return;
            const event = anyEvent(batch);
            samples.push({ sequence: Number(toBigInt(event.sequence)), time: milliseconds(toBigInt(event.time_ns)), tailed });
          },
          onMissed: (overrun) => {
            missed += overrun.missed;
          },
        },
        stop.signal,
      )
      .catch((error: unknown) => {
        failure = error;
      });
    say(`${options.rate} events a second for ${options.seconds} s`);

    // Each answer says up to where the log could be queried then. Asked until the last sample is there, or the slowest ones would be left out.
    const answers: { readonly at: number; readonly upTo: number }[] = [];
    const queryable = (): boolean => (answers.at(-1)?.upTo ?? 0) >= (samples.at(-1)?.sequence ?? 0);
    for (; sampling || !queryable(); await pause(randomInt(2, 10), 'a query costs time, too')) {
      if (failure !== undefined) throw failure;
      if (wallNow() >= end && samples.length >= MIN_SAMPLES) sampling = false;
      if (wallNow() > end + WAIT_MS)
        throw new Error(
          sampling
            ? `only ${samples.length} batches came by: measure at a higher rate`
            : `${options.rate} events a second are too many: rows come ever later`,
        );
      const upTo = await setup.number('SELECT max(sequence) FROM vslog.conn_events');
      answers.push({ at: wallNow(), upTo });
    }
    stop.abort();
    await tail;
    if (missed > 0n) say(`${missed} events were too fast for tail: they are in no figure`);

    const [first, last] = [samples[0], samples.at(-1)];
    if (first === undefined || last === undefined) throw new Error('No batch came by.');
    let answer = 0;
    const rowMs = samples.map(({ sequence, time }) => {
      while ((answers[answer]?.upTo ?? Number.NaN) < sequence) ++answer;
      return (answers[answer]?.at ?? Number.NaN) - time;
    });
    const tailMs = samples.map(({ time, tailed }) => tailed - time);
    const both = (values: readonly number[]): Record<string, number> => ({
      p50: rounded(percentile(values, 0.5), 1),
      p99: rounded(percentile(values, 0.99), 1),
    });
    return {
      // What came, not what was asked for.
      rate: Math.round(((last.sequence - first.sequence) * 1000) / (last.time - first.time)),
      row_ms: both(rowMs),
      tail_ms: both(tailMs),
    };
  } finally {
    stop.abort();
    await setup.end();
  }
}
