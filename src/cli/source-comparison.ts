import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnEvent } from '../wire/client.js';
import { toBigInt } from '../wire/proto.js';
import { formatEndpoint } from './address.js';
import { protocolName } from './event.js';

/** How often a difference is looked at again: it may be something that was on its way. */
const ROUNDS = 8;
const PAUSE_MS = 500;
/** How often it is looked whether the store has more, ms. */
const LOOK_MS = 50;
const EXAMPLES = 10;

/** One connection that only one side has. */
export interface Difference {
  readonly only: 'source' | 'log';
  /** "0": the source lists it and has no number for it, so it is not in the log. */
  readonly conn_id: string;
  readonly protocol: string;
  readonly client: string;
  readonly virtual: string;
  readonly real: string;
}

/** What the source has now, beside what is open in the log. */
export interface SourceReport {
  readonly checked: boolean;
  /** Why not. */
  readonly reason: string | null;
  readonly listed: number;
  readonly open_in_log: number;
  readonly only_source: number;
  readonly only_log: number;
  readonly examples: readonly Difference[];
  /** Events of the capture that the store did not have when it was asked last: a difference may be due to them. */
  readonly behind: number;
  readonly ok: boolean;
}

/** The two sides, and where the log stands. */
export interface Sides {
  /** Hands over everything that the source has now. */
  list(each: (event: ConnEvent) => void): Promise<void>;
  /** The last sequence that the capture has given. */
  sequence(): Promise<bigint>;
  /** How many events up to that sequence the store lacks. */
  lacks(sequence: bigint): Promise<number>;
  /** conn_ids of what is open in the log. */
  openInLog(): Promise<Set<bigint>>;
  /** Some of these connections as the log has them. */
  describe(ids: readonly bigint[]): Promise<Difference[]>;
}

interface Listed {
  readonly ids: Set<bigint>;
  /** Those without a number, by what they are. */
  readonly unnumbered: Set<string>;
}

/** conn_ids, and what has none. */
interface Differences {
  readonly source: Set<bigint>;
  readonly unnumbered: Set<string>;
  readonly log: Set<bigint>;
}

/** The report on a comparison that could not be made. */
export function notCompared(reason: string): SourceReport {
  return { checked: false, reason, listed: 0, open_in_log: 0, only_source: 0, only_log: 0, examples: [], behind: 0, ok: false };
}

/**
 * Compares while both move on. The source is listed before and after the log is asked: what only one of the lists has came or went meanwhile. What differs is
 * looked at again once the log has what the capture had by then, and counts only when it differs every time. `waitMs`: how long the store may stand still before it is
 * not waited for any longer.
 */
export async function compareSource(
  sides: Sides,
  { pauseMs = PAUSE_MS, waitMs }: { readonly pauseMs?: number; readonly waitMs: number },
): Promise<SourceReport> {
  let left: Differences | undefined;
  let behind = 0;
  let counts = { listed: 0, open_in_log: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0) await sleep(pauseMs);
    const before = await list(sides);
    behind = await caughtUp(sides, waitMs);
    const open = await sides.openInLog();
    const after = await list(sides);
    left = both(left, differences(before, open, after));
    counts = { listed: after.ids.size + after.unnumbered.size, open_in_log: open.size };
    if (behind > 0 || left.source.size + left.unnumbered.size + left.log.size === 0) break;
  }
  const { source, unnumbered, log } = left ?? { source: new Set(), unnumbered: new Set(), log: new Set() };
  const [only_source, only_log] = [source.size + unnumbered.size, log.size];
  const ok = only_source + only_log === 0;
  const examples = ok ? [] : [...(await examplesOf(sides, source, unnumbered)), ...(await sides.describe([...log].slice(0, EXAMPLES)))];
  return { checked: true, reason: null, ...counts, only_source, only_log, examples, behind, ok };
}

/** Waits until the store has what the capture has, for as long as it goes on; how much it lacks then. */
async function caughtUp(sides: Sides, waitMs: number): Promise<number> {
  const sequence = await sides.sequence();
  let least = Number.POSITIVE_INFINITY;
  let end = 0;
  for (;;) {
    const lacks = await sides.lacks(sequence);
    if (lacks < least) end = performance.now() + waitMs;
    least = Math.min(least, lacks);
    if (lacks === 0 || performance.now() >= end) return lacks;
    await sleep(LOOK_MS);
  }
}

async function list(sides: Sides): Promise<Listed> {
  const listed: Listed = { ids: new Set(), unnumbered: new Set() };
  await sides.list((event) => {
    const id = toBigInt(event.conn_id);
    if (id !== 0n) listed.ids.add(id);
    else listed.unnumbered.add(nameOf(event));
  });
  return listed;
}

function differences(before: Listed, open: ReadonlySet<bigint>, after: Listed): Differences {
  return {
    source: where(after.ids, (id) => before.ids.has(id) && !open.has(id)),
    unnumbered: where(after.unnumbered, (name) => before.unnumbered.has(name)),
    log: where(open, (id) => !before.ids.has(id) && !after.ids.has(id)),
  };
}

/** What differed in both rounds. */
function both(left: Differences | undefined, now: Differences): Differences {
  if (left === undefined) return now;
  return {
    source: where(now.source, (id) => left.source.has(id)),
    unnumbered: where(now.unnumbered, (name) => left.unnumbered.has(name)),
    log: where(now.log, (id) => left.log.has(id)),
  };
}

function where<T>(all: Iterable<T>, holds: (one: T) => boolean): Set<T> {
  const found = new Set<T>();
  for (const one of all) if (holds(one)) found.add(one);
  return found;
}

/** What tells a connection without a number from others. */
function nameOf({ protocol, zone, client_addr, client_port, virtual_addr, virtual_port }: ConnEvent): string {
  return [
    protocol,
    zone,
    Buffer.from(client_addr).toString('hex'),
    client_port,
    Buffer.from(virtual_addr).toString('hex'),
    virtual_port,
  ].join(' ');
}

async function examplesOf(sides: Sides, ids: ReadonlySet<bigint>, unnumbered: ReadonlySet<string>): Promise<Difference[]> {
  const examples: Difference[] = [];
  await sides.list((event) => {
    const id = toBigInt(event.conn_id);
    if (examples.length >= EXAMPLES || !(id === 0n ? unnumbered.has(nameOf(event)) : ids.has(id))) return;
    examples.push({
      only: 'source',
      conn_id: String(id),
      protocol: protocolName(event.protocol),
      client: formatEndpoint(event.client_addr, event.client_port),
      virtual: formatEndpoint(event.virtual_addr, event.virtual_port),
      real: formatEndpoint(event.real_addr, event.real_port),
    });
  });
  return examples;
}
