import { setTimeout as sleep } from 'node:timers/promises';
import type { ContentDifference, ContentOptions, ContentReport } from '../sink/content.js';
import { contentColumns } from './content.js';
import { derivedDifferences } from './derived-check.js';
import {
  FAR,
  type HourRange,
  type HourSum,
  type LedgerSpan,
  ledgerSpans,
  ledgerSums,
  rowSums,
  rowSumsBySegment,
  segmentSums,
} from './ledger-content.js';
import { keptMs } from './retention.js';
import type { Store } from './store.js';

const HOUR = 3_600_000;
/** How often what differs is looked at again, since it may be changing, and how long between, ms. */
const ATTEMPTS = 5;
const PAUSE_MS = 300;
/** Hours that are looked into, differences that are listed, and segments of an hour that are told apart. */
const HOURS_TOLD = 5;
const TOLD = 20;
const SEGMENTS_TOLD = 5000;

type Found = Omit<HourSum, 'pending'>;
type Pair = { readonly want: HourSum | undefined; readonly have: Found | undefined };

/**
 * Compares what the rows of a store say with what they said when they were delivered, which the ledger keeps; and the tables that are made of events with the events.
 * Rejects when the store cannot be asked.
 */
export async function compareContent(store: Pick<Store, 'query'>, { sinceMs }: ContentOptions): Promise<ContentReport> {
  const kept = await keptMs(store);
  const all: HourRange = { from: sinceMs === undefined ? 0 : Math.max(0, Math.floor(sinceMs / HOUR)), to: FAR };
  const spans = await ledgerSpans(store);
  const known = ({ record, formula }: Pick<LedgerSpan, 'record' | 'formula'>): boolean => contentColumns(record, formula) !== undefined;
  const hashed = spans.filter(known);
  const unknown = spans.filter((one) => !known(one)).reduce((sum, { events }) => sum + events, 0);
  const sums = { events: 0, erasing: 0, expired: 0 };
  const old = ({ record, hour }: Pick<HourSum, 'record' | 'hour'>): boolean => {
    const ms = kept[record];
    return ms !== undefined && hour * HOUR < Date.now() - ms + HOUR;
  };
  const judge = (pairs: readonly Pair[], last: boolean): Pair[] =>
    pairs.filter(({ want, have }) => {
      const [expected, found] = [want?.events ?? 0, have?.events ?? 0];
      const erasing = want !== undefined && want.pending !== want.hash;
      if (want !== undefined && expected === found && (want.hash === have?.hash || (erasing && want.pending === have?.hash))) {
        sums.events += expected;
        return false;
      }
      if (want !== undefined && old(want) && found < expected) {
        sums.expired += expected - found;
        return false;
      }
      if (!erasing || !last || expected !== found) return true;
      sums.erasing += expected;
      return false;
    });
  let differing = judge(await pairsOf(store, hashed, all), false);
  for (let attempt = 1; attempt < ATTEMPTS && differing.length > 0; attempt++) {
    await sleep(PAUSE_MS);
    const again = keysOf(differing);
    const hours = differing.map((one) => hourOf(one));
    const range = { from: Math.min(...hours), to: Math.max(...hours) };
    const some = (await ledgerSpans(store)).filter(known).filter((one) => spans.some((before) => sameRun(before, one)));
    const cut = some.map((one) => ({ ...one, last: Math.min(one.last, lastOf(spans, one)) }));
    const pairs = (await pairsOf(store, cut, range)).filter((one) => again.has(keyOf(one)));
    differing = judge(pairs, attempt === ATTEMPTS - 1);
  }
  const differences: ContentDifference[] = [];
  for (const one of differing.slice(0, HOURS_TOLD)) differences.push(...(await located(store, one)));
  let more = differing.length - Math.min(differing.length, HOURS_TOLD);
  const beingErased = new Set((await ledgerSums(store, hashed, all)).filter(({ hash, pending }) => hash !== pending).map(placeOf));
  const derived = await derivedDifferences(store, spans, { from: all.from, to: FAR }, (one) => beingErased.has(placeOf(one)));
  differences.push(...derived.differences);
  more += Math.max(0, differences.length - TOLD);
  const { rows, ok } = derived;
  return {
    ...{ checked: true, reason: null, ...sums, unknown, derived: rows },
    ...{ differences: differences.slice(0, TOLD), more, ok: differing.length === 0 && ok },
  };
}

async function pairsOf(store: Pick<Store, 'query'>, spans: readonly LedgerSpan[], range: HourRange): Promise<Pair[]> {
  const pairs = new Map<string, { want: HourSum | undefined; have: Found | undefined }>();
  for (const want of await ledgerSums(store, spans, range)) pairs.set(textOf(want), { want, have: undefined });
  for (const have of await rowSums(store, spans, range)) {
    const pair = pairs.get(textOf(have)) ?? { want: undefined, have: undefined };
    pair.have = have;
    pairs.set(textOf(have), pair);
  }
  return [...pairs.values()];
}

/** Where in its hour a difference is: the segments whose rows are not what they were. */
async function located(store: Pick<Store, 'query'>, { want, have }: Pair): Promise<ContentDifference[]> {
  const { node, epoch, record, formula, hour } = (want ?? have) as Found;
  const where = { table: `${record}_events`, node, epoch, hour: hour * 3600 };
  const whole = { ...where, expected: want?.events ?? 0, found: have?.events ?? 0, segment: null, first: null, last: null };
  const segments = (await segmentSums(store, { node, epoch, record, formula }, hour)).slice(0, SEGMENTS_TOLD);
  const rows = await rowSumsBySegment(store, { node, epoch, record, formula }, hour, segments);
  const differing = segments
    .map(({ segment, first, last, events, hash }) => ({ segment, first, last, expected: events, hash, row: rows.get(first) }))
    .filter(({ expected, hash, row }) => row?.hash !== hash || row.events !== expected)
    .map(({ segment, first, last, expected, row }) => ({ ...where, expected, found: row?.events ?? 0, segment, first, last }));
  return differing.length === 0 ? [whole] : differing;
}

/** An hour of an epoch, of connections. */
function placeOf({ node, epoch, hour }: { readonly node: string; readonly epoch: string; readonly hour: number }): string {
  return JSON.stringify([node, epoch, hour]);
}

function textOf({ node, epoch, record, formula, hour }: Found): string {
  return JSON.stringify([node, epoch, record, formula, hour]);
}

function keyOf({ want, have }: Pair): string {
  return textOf((want ?? have) as Found);
}

function keysOf(pairs: readonly Pair[]): ReadonlySet<string> {
  return new Set(pairs.map(keyOf));
}

function hourOf({ want, have }: Pair): number {
  return ((want ?? have) as Found).hour;
}

function sameRun(a: LedgerSpan, b: LedgerSpan): boolean {
  return (
    a.node === b.node && a.epoch === b.epoch && a.record === b.record && a.formula === b.formula && a.first <= b.last && b.first <= a.last
  );
}

/** Where what is judged ends: what was delivered later is another question. */
function lastOf(spans: readonly LedgerSpan[], of: LedgerSpan): number {
  return Math.max(...spans.filter((one) => sameRun(one, of)).map(({ last }) => last));
}
