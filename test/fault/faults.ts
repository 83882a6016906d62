import { randomInt } from 'node:crypto';
import type { RecordedLoss } from '../../src/api/losses.js';
import { pause, until } from '../support/patience.js';
import type { SinkCount } from './counts.js';
import { type Fault, faultsOf } from './deck.js';
import { FaultStage } from './stage.js';

export interface FaultOptions {
  readonly rounds: number;
  /** Events a second. */
  readonly rate: number;
  /** The same seed chooses the same faults and times. */
  readonly seed: number;
}

export interface FaultFigures {
  readonly rounds: number;
  readonly seed: number;
  /** Times that each came. */
  readonly struck: Readonly<Record<string, number>>;
  /** Events that the capture made, by its own account: sequences of its one epoch. */
  readonly made: number;
  /** Of that epoch, in each sink, counted there: all copies, and how many different ones. */
  readonly sinks: Readonly<Record<string, SinkCount>>;
  /** Events that were made and that a sink has not, or the other way round, over all sinks. */
  readonly lost: number;
  readonly duplicated: number;
  /** What the log tells as lost: nothing may be, since the capture's journal still holds all that an older copy of the disk lacks. */
  readonly told: readonly RecordedLoss[];
  /** What `vslog verify` said. */
  readonly complete: boolean;
  readonly seconds: number;
}

/** Whether it came out as it must. */
export function isRight({ lost, duplicated, told, complete }: FaultFigures): boolean {
  return lost === 0 && duplicated === 0 && told.length === 0 && complete;
}

/** Numbers from 0 to 1 that follow from the seed (mulberry32). */
function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const anySeed = (): number => randomInt(1, 2 ** 31);

/** Lets one thing after the other go wrong under a steady load, lets everything come to rest, and compares what was made with what every sink has. */
export async function runFaults({ rounds, rate, seed }: FaultOptions, say: (line: string) => void): Promise<FaultFigures> {
  const began = performance.now();
  const stage = await FaultStage.begin(rate);
  const left = (): void => stage.endAtOnce();
  process.once('exit', left);
  try {
    await stage.keepCopy();
    const struck = await strikeAll(stage, rounds, seed, say);
    // All is well again, also by the clock.
    await stage.collector.end('SIGTERM');
    stage.clock.set(0);
    stage.configure([]);
    await stage.collector.revive();
    const { made, epoch: name } = await allDelivered(stage, say);
    say('comparing what was made with what every sink has');
    const counts = await stage.counts(name);
    // Only now is somebody there to be asked.
    const reasons = [...(await stage.reasons()), ...(await stage.overlaps())];
    if ((await stage.collector.end('SIGTERM')) !== 0) throw new Error(`The collector did not end well: ${stage.collector.complaint}`);
    await stage.capture.end('SIGTERM');
    const report = await stage.verified();
    const epoch = report.spool.epochs.find((one) => !one.local && one.epoch === name);
    if (epoch === undefined) throw new Error('Nothing of the capture is in the spool.');
    const repeated = epoch.duplicates.reduce((sum, { first, last }) => sum + Number(last - first) + 1, 0);
    const missing = epoch.gaps.reduce((sum, { first, last }) => sum + Number(last - first) + 1, 0);
    // On a full disk the spool removes what every sink has: it counts from its first sequence on.
    const spool = { events: Number(epoch.last) - missing + repeated, distinct: Number(epoch.last) - missing };
    const sinks = { spool, ...counts };
    const lost = Object.values(sinks).reduce((sum, { distinct }) => sum + Math.abs(made - distinct), 0);
    const duplicated = Object.values(sinks).reduce((sum, { events, distinct }) => sum + events - distinct, 0);
    const told = report.losses;
    const seconds = Math.round((performance.now() - began) / 1000);
    const figures = { rounds, seed, struck, made, sinks, lost, duplicated, told, complete: report.complete, seconds };
    if (!isRight(figures)) for (const reason of reasons) say(reason);
    if (!isRight(figures)) say(`verify: ${JSON.stringify({ ...report, spool: { ...report.spool, epochs: undefined } })}`);
    return figures;
  } finally {
    process.off('exit', left);
    await stage.end();
  }
}

/** Resolves to how often each fault came. */
async function strikeAll(stage: FaultStage, rounds: number, seed: number, say: (line: string) => void): Promise<Record<string, number>> {
  const roll = dice(seed);
  const between = (low: number, high: number): number => Math.floor(low + roll() * (high - low));
  const faults = faultsOf(stage, between);
  const deck: Fault[] = [];
  const struck: Record<string, number> = {};
  for (let round = 1; round <= rounds; round++) {
    // Dealt like cards, so that a short run hits each, too.
    if (deck.length === 0) deck.push(...faults);
    const [fault] = deck.splice(between(0, deck.length), 1) as [Fault];
    await pause(between(50, 1500), 'another moment in each round');
    struck[fault.name] = (struck[fault.name] ?? 0) + 1;
    say(`round ${round}: ${fault.name}`);
    await fault.strike();
    // What is behind is brought up now and then, so that the end is not the only time that it is.
    if (round % 10 === 0) {
      const now = await until('an answer of the collector', () => stage.status(), { detail: () => stage.collector.complaint });
      const behind = now.sinks.map((sink) => `${sink.name} ${sink.lag_events}`).join(', ');
      say(`round ${round}: ${now.counters.events} events received since its start, behind: ${behind}`);
    }
  }
  return struck;
}

/** Has the capture come to an end, a few events on, and waits as long as it goes on until every sink has all that it made; resolves to how many events, and to their epoch. */
async function allDelivered(stage: FaultStage, say: (line: string) => void): Promise<{ readonly made: number; readonly epoch: string }> {
  const { next_sequence: soFar, epoch } = await until(
    'an answer of the capture',
    async () => (await stage.status())?.capture.account ?? undefined,
    {
      detail: () => stage.collector.complaint,
    },
  );
  await stage.comesToAnEnd(soFar + 100);
  let made = 0;
  let left = Number.POSITIVE_INFINITY;
  const behind = async (): Promise<number | undefined> => {
    const now = await stage.status();
    if (now === undefined || now.capture.account === null || now.lag_events === null) return undefined;
    const before = made;
    made = now.capture.account.next_sequence - 1;
    // Of the events that were made since the last look it may not know yet.
    return now.lag_events + now.spool.active_events + now.sinks.reduce((sum, sink) => sum + sink.lag_events, 0) + (made - before);
  };
  while (left > 0) {
    left = await until(
      'the sinks come nearer to the capture',
      async () => {
        const now = await behind();
        return now !== undefined && now < left ? { now } : undefined;
      },
      { everyMs: 200, detail: () => `They are ${left} events behind. ${stage.collector.complaint}` },
    ).then(({ now }) => now);
    say(`behind: ${left} events`);
  }
  return { made, epoch };
}
