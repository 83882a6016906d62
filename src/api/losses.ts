import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LOSS_IDENTITY } from '../report/sql.js';
import { loadIndex } from '../spool/catalog.js';
import { bodyName, indexName, listSegments, QUARANTINE } from '../spool/layout.js';
import { lossTotals } from '../spool/loss-ledger.js';
import { nextEvent } from '../wire/batch.js';
import { toBigInt, v1 } from '../wire/proto.js';
import { count } from './json.js';
import { rows, type SqlStore } from './sql-store.js';

export interface RecordedLoss {
  readonly where: string;
  readonly lost: number;
  /** Losses, each counted once however often it was told. */
  readonly records: number;
  /** More may be missing, and nobody knows how many. */
  readonly unknown?: boolean;
}

/** What a log says that was lost. */
export interface Losses {
  /** From the asked time on, by place. */
  readonly judged: readonly RecordedLoss[];
  /** Before it. */
  readonly before: readonly RecordedLoss[];
  /** Events that were lost in spools before it, by node: so many sequences may be missing since. */
  readonly spoolBefore: ReadonlyMap<string, number>;
}

/** One loss, however often it was told. */
interface Found {
  readonly node: string;
  readonly where: string;
  /** What was told of it before the asked time, and in all: one that is told again may have grown. */
  readonly early: number;
  readonly whole: number;
  /** It was told before the asked time, and since. */
  readonly old: boolean;
  readonly fresh: boolean;
  readonly unknown: boolean;
}

/** The loss records in a store; those from `sinceMs` on are judged, without it all. */
export async function lossesInStore(store: SqlStore, sinceMs: number | undefined): Promise<Losses> {
  const old = sinceMs === undefined ? 'false' : `time_ns < fromUnixTimestamp64Milli(${Math.floor(sinceMs)}, 'UTC')`;
  const found = await rows<{ node: string; place: string; early: string; whole: string; olds: string; records: string; unknown: string }>(
    store,
    `SELECT node, toString(\`where\`) AS place, toString(maxIf(lost, ${old})) AS early, toString(max(lost)) AS whole, toString(countIf(${old})) AS olds, toString(count()) AS records, toString(countIf(lost_unknown)) AS unknown FROM control_events WHERE kind = 'loss' GROUP BY node, place, ${LOSS_IDENTITY} ORDER BY place`,
  );
  return summed(
    found.map(({ node, place, early, whole, olds, records, unknown }) => ({
      ...{ node, where: place, early: Number(early), whole: Number(whole) },
      ...{ old: Number(olds) > 0, fresh: Number(records) > Number(olds), unknown: Number(unknown) > 0 },
    })),
  );
}

/**
 * The loss records in a spool's control segments, and what the spool ever told whose records every sink has and that were removed since. For when there is no store to ask. What was
 * removed is older than what is here.
 */
export async function lossesInSpool(directory: string, sinceMs: number | undefined): Promise<Losses> {
  // Before the records: what is told meanwhile is in them.
  const totals = await lossTotals(directory);
  const losses = await recordedInSpool(directory, sinceMs);
  const removed = totals.flatMap(({ where, lost, unknown }) => {
    const here = [...losses.judged, ...losses.before].filter((one) => one.where === where);
    const more = Number(lost) - here.reduce((sum, one) => sum + one.lost, 0);
    const moreUnknown = unknown && !here.some((one) => one.unknown === true);
    return more > 0 || moreUnknown ? [{ where, lost: Math.max(0, more), records: 0, ...(moreUnknown ? { unknown: true } : {}) }] : [];
  });
  if (removed.length === 0) return losses;
  const isOld = sinceMs !== undefined && (await oldestMs(directory)) < sinceMs;
  return { ...losses, [isOld ? 'before' : 'judged']: added(isOld ? losses.before : losses.judged, removed) };
}

/** When the oldest segment was sealed, ms since 1970; infinite: there is none. */
async function oldestMs(directory: string): Promise<number> {
  const [oldest] = await listSegments(directory);
  if (oldest === undefined) return Number.POSITIVE_INFINITY;
  return stat(join(directory, indexName(oldest.id, oldest.record))).then(
    ({ mtimeMs }) => mtimeMs,
    () => Number.POSITIVE_INFINITY,
  );
}

function added(losses: readonly RecordedLoss[], more: readonly RecordedLoss[]): RecordedLoss[] {
  const places = new Map(losses.map((one) => [one.where, one]));
  for (const one of more) {
    const here = places.get(one.where);
    places.set(one.where, { ...here, ...one, lost: one.lost + (here?.lost ?? 0), records: here?.records ?? 0 });
  }
  return [...places.values()];
}

async function recordedInSpool(directory: string, sinceMs: number | undefined): Promise<Losses> {
  const found = new Map<string, Found>();
  for (const files of await listSegments(directory)) {
    const { id, record } = files;
    if (record !== 'control') continue;
    const body = await readFile(join(directory, bodyName(id, record))).catch(() => Buffer.alloc(0));
    const node = (await loadIndex(directory, files).catch(() => undefined))?.identity?.node ?? '';
    try {
      for (let at = 0; at < body.length; ) {
        const { start, end } = nextEvent(body, at);
        const event = v1.ControlEvent.decode(body.subarray(start, end));
        const name = event.loss_id === '' ? `${id} ${at}` : event.loss_id;
        at = end;
        if (event.kind !== v1.ControlKind.Value.loss) continue;
        const old = sinceMs !== undefined && toBigInt(event.time_ns) < BigInt(Math.floor(sinceMs)) * 1_000_000n;
        const where = v1.LossPlace.Value[event.where] ?? 'none';
        const lost = count(event.lost);
        const known = found.get(`${node} ${where} ${name}`);
        found.set(`${node} ${where} ${name}`, {
          ...{ node, where, early: Math.max(known?.early ?? 0, old ? lost : 0), whole: Math.max(known?.whole ?? 0, lost) },
          ...{ old: old || known?.old === true, fresh: !old || known?.fresh === true },
          unknown: event.lost_unknown || known?.unknown === true,
        });
      }
    } catch {
      // A torn tail or damage: the check of the spool tells of it.
    }
  }
  return summed([...found.values()]);
}

function summed(found: readonly Found[]): Losses {
  const byPlace = (early: boolean): RecordedLoss[] => {
    const places = new Map<string, RecordedLoss>();
    for (const { where, unknown, ...one } of found) {
      const lost = early ? one.early : one.whole - one.early;
      // What was told again since, and had not grown, is old.
      if (early ? !one.old : !one.fresh || (one.old && lost === 0)) continue;
      const sum = places.get(where);
      const more = unknown || sum?.unknown === true ? { unknown: true } : {};
      places.set(where, { where, lost: lost + (sum?.lost ?? 0), records: 1 + (sum?.records ?? 0), ...more });
    }
    return [...places.values()];
  };
  const spoolBefore = new Map<string, number>();
  for (const { node, where, old, early } of found)
    if (old && where === 'spool') spoolBefore.set(node, (spoolBefore.get(node) ?? 0) + early);
  return { judged: byPlace(false), before: byPlace(true), spoolBefore };
}

/** Those of the segments in quarantine that were last written before a time. */
export async function quarantinedBefore(directory: string, ids: readonly number[], ms: number): Promise<Set<number>> {
  const quarantine = join(directory, QUARANTINE);
  const old = new Set<number>();
  for (const { id, record } of await listSegments(quarantine).catch(() => [])) {
    if (!ids.includes(id)) continue;
    const paths = [bodyName(id, record), indexName(id, record)].map((name) => join(quarantine, name));
    const times = await Promise.all(
      paths.map((path) =>
        stat(path).then(
          ({ mtimeMs }) => mtimeMs,
          () => undefined,
        ),
      ),
    );
    // What cannot be told is judged.
    const [written = times[1] ?? Number.POSITIVE_INFINITY] = times;
    if (written < ms) old.add(id);
  }
  return old;
}
