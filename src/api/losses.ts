import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { loadIndex } from '../spool/catalog.js';
import { bodyName, indexName, listSegments, QUARANTINE } from '../spool/layout.js';
import { nextEvent } from '../wire/batch.js';
import { toBigInt, v1 } from '../wire/proto.js';
import { count } from './json.js';
import { rows, type SqlStore } from './sql-store.js';

export interface RecordedLoss {
  readonly where: string;
  readonly lost: number;
  readonly records: number;
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

interface Found extends RecordedLoss {
  readonly node: string;
  readonly old: boolean;
}

/** The loss records in a store; those from `sinceMs` on are judged, without it all. */
export async function lossesInStore(store: SqlStore, sinceMs: number | undefined): Promise<Losses> {
  const old = sinceMs === undefined ? '0' : `time_ns < fromUnixTimestamp64Milli(${Math.floor(sinceMs)}, 'UTC')`;
  const found = await rows<{ node: string; place: string; old: string; total: string; records: string }>(
    store,
    `SELECT node, toString(\`where\`) AS place, toString(${old}) AS old, toString(sum(lost)) AS total, toString(count()) AS records FROM control_events WHERE kind = 'loss' GROUP BY node, place, old ORDER BY place`,
  );
  return summed(
    found.map((row) => ({
      node: row.node,
      where: row.place,
      old: row.old === '1' || row.old === 'true',
      lost: Number(row.total),
      records: Number(row.records),
    })),
  );
}

/** The loss records in a spool's control segments. For when there is no store to ask. */
export async function lossesInSpool(directory: string, sinceMs: number | undefined): Promise<Losses> {
  const found: Found[] = [];
  for (const files of await listSegments(directory)) {
    const { id, record } = files;
    if (record !== 'control') continue;
    const body = await readFile(join(directory, bodyName(id, record))).catch(() => Buffer.alloc(0));
    const node = (await loadIndex(directory, files).catch(() => undefined))?.header?.node ?? '';
    try {
      for (let at = 0; at < body.length; ) {
        const { start, end } = nextEvent(body, at);
        at = end;
        const event = v1.ControlEvent.decode(body.subarray(start, end));
        if (event.kind !== v1.ControlKind.Value.loss) continue;
        const old = sinceMs !== undefined && toBigInt(event.time_ns) < BigInt(Math.floor(sinceMs)) * 1_000_000n;
        found.push({ node, where: v1.LossPlace.Value[event.where] ?? 'none', old, lost: count(event.lost), records: 1 });
      }
    } catch {
      // A torn tail or damage: the check of the spool tells of it.
    }
  }
  return summed(found);
}

function summed(found: readonly Found[]): Losses {
  const byPlace = (old: boolean): RecordedLoss[] => {
    const places = new Map<string, RecordedLoss>();
    for (const { where, lost, records } of found.filter((one) => one.old === old)) {
      const sum = places.get(where);
      places.set(where, { where, lost: lost + (sum?.lost ?? 0), records: records + (sum?.records ?? 0) });
    }
    return [...places.values()];
  };
  const spoolBefore = new Map<string, number>();
  for (const { node, where, old, lost } of found) if (old && where === 'spool') spoolBefore.set(node, (spoolBefore.get(node) ?? 0) + lost);
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
