import type { ContentKey } from '../sink/content.js';
import type { RecordName } from '../spool/segment.js';
import { contentColumns, HOUR_SQL, rowHash } from './content.js';
import { quote } from './quote.js';
import type { Store } from './store.js';

/** Sequences that one question covers at most, and conditions on epochs in one question. */
const SEQUENCES = 4_000_000;
const SPANS = 200;

/** Sequences of one epoch and record type that were delivered one after the other and hashed by one formula. */
export interface LedgerSpan extends ContentKey {
  /** 0: no hash is known. */
  readonly formula: number;
  readonly first: number;
  readonly last: number;
  readonly events: number;
}

/** Events of one hour: what the ledger says of them, or what their rows say. */
export interface HourSum extends ContentKey {
  readonly formula: number;
  /** Hours since 1970. */
  readonly hour: number;
  readonly events: number;
  readonly hash: string;
  /** What the hash will be when the erasure is done that is under way; the same as `hash`: there is none. */
  readonly pending: string;
}

/** One segment's part of an hour, by the ledger. */
export interface SegmentSum {
  readonly segment: number;
  readonly first: number;
  readonly last: number;
  readonly events: number;
  readonly hash: string;
}

/** Which hours are meant: from one, up to and with another; hours since 1970. */
export interface HourRange {
  readonly from: number;
  readonly to: number;
}

type Asked = Pick<Store, 'query'>;

/** The rows of an answer, as objects whose values are texts. */
export async function objects<T>(store: Asked, sql: string): Promise<T[]> {
  const bytes = await store.query(sql, { format: 'JSONStringsEachRow' });
  return Buffer.from(bytes)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

const RUNS = 'OVER (PARTITION BY node, epoch, record ORDER BY first, last';
const WINDOW = `${RUNS} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)`;
/** Whether a run shares sequences with another one. */
const SHARED = `max(last) ${RUNS} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) >= first OR leadInFrame(first, 1, toUInt64(-1)) ${RUNS} ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) <= last`;

/**
 * What the ledger has, by formula. What comes into it later is not in these spans. Where an older copy of the spool was put back, what came a second time came in other segments: of
 * those that share sequences the sums speak of the same rows, so there nothing is known.
 */
export async function ledgerSpans(store: Asked): Promise<LedgerSpan[]> {
  const runs = `SELECT node, epoch, record, segment, sha256, first, last, count, formula AS by, ${SHARED} AS shared FROM batches FINAL`;
  const known = `SELECT node, epoch, record, first, last, count, if(max(shared) OVER (PARTITION BY node, epoch, record, segment, sha256), 0, by) AS formula FROM (${runs})`;
  const marked = `SELECT node, epoch, record, first, last, count, formula, formula != lagInFrame(formula, 1, formula) ${WINDOW} AS changed FROM (${known})`;
  const numbered = `SELECT node, epoch, record, first, last, count, formula, sum(changed) ${WINDOW} AS island FROM (${marked})`;
  const found = await objects<ContentKey & Record<'formula' | 'low' | 'high' | 'events', string>>(
    store,
    `SELECT node, epoch, record, formula, min(first) AS low, max(last) AS high, sum(count) AS events FROM (${numbered}) GROUP BY node, epoch, record, island, formula ORDER BY node, epoch, record, low`,
  );
  return found.map(({ node, epoch, record, formula, low, high, events }) => ({
    ...{ node, epoch, record: record as RecordName, formula: Number(formula) },
    ...{ first: Number(low), last: Number(high), events: Number(events) },
  }));
}

const PENDING = 'if(empty(pending_hashes), hour_hashes, pending_hashes)';
const EACH_HOUR = `batches FINAL ARRAY JOIN hours AS hour, hour_events AS events, hour_hashes AS hash, ${PENDING} AS pending`;

/** What the ledger says of the hours of spans. */
export async function ledgerSums(store: Asked, spans: readonly LedgerSpan[], { from, to }: HourRange): Promise<HourSum[]> {
  const sums: HourSum[] = [];
  for (let at = 0; at < spans.length; at += SPANS) {
    const among = spans
      .slice(at, at + SPANS)
      .map((one) => `(${keyOf(one)} AND record = '${one.record}' AND first BETWEEN ${one.first} AND ${one.last})`);
    const found = await objects<Record<'node' | 'epoch' | 'record' | 'formula' | 'hour' | 'total' | 'sum' | 'later', string>>(
      store,
      `SELECT node, epoch, record, formula, hour, sum(events) AS total, sumWithOverflow(hash) AS sum, sumWithOverflow(pending) AS later FROM ${EACH_HOUR} WHERE hour BETWEEN ${from} AND ${to} AND (${among.join(' OR ')}) GROUP BY node, epoch, record, formula, hour`,
    );
    for (const { node, epoch, record, formula, hour, total, sum, later } of found)
      sums.push({
        ...{ node, epoch, record: record as RecordName, formula: Number(formula), hour: Number(hour) },
        ...{ events: Number(total), hash: sum, pending: later },
      });
  }
  return sums;
}

/** What the ledger says of one hour, by segment, ascending. */
export async function segmentSums(store: Asked, key: ContentKey & { readonly formula: number }, hour: number): Promise<SegmentSum[]> {
  const ours = `${keyOf(key)} AND record = '${key.record}'`;
  const found = await objects<Record<'segment' | 'low' | 'high' | 'events' | 'hash', string>>(
    store,
    `SELECT segment, low, high, events, hash FROM (SELECT segment, sha256, min(first) AS low, max(last) AS high, arrayJoin(arrayZip(anyIf(hours, notEmpty(hours)), anyIf(hour_events, notEmpty(hours)), anyIf(hour_hashes, notEmpty(hours)))) AS one, one.1 AS hour, one.2 AS events, one.3 AS hash FROM batches FINAL WHERE ${ours} AND formula = ${key.formula} GROUP BY segment, sha256) WHERE hour = ${hour} ORDER BY low`,
  );
  return found.map(({ segment, low, high, events, hash }) => ({
    ...{ segment: Number(segment), first: Number(low), last: Number(high) },
    ...{ events: Number(events), hash },
  }));
}

/** What the rows of spans say, by hour, a part of bearable size at a time. */
export async function rowSums(store: Asked, spans: readonly LedgerSpan[], { from, to }: HourRange): Promise<Omit<HourSum, 'pending'>[]> {
  const sums = new Map<string, { events: number; hash: bigint; key: ContentKey & { formula: number; hour: number } }>();
  for (const { record, formula, part } of parts(spans)) {
    const columns = contentColumns(record, formula);
    if (columns === undefined) continue;
    const among = part.map((one) => `(${keyOf(one)} AND sequence BETWEEN ${one.first} AND ${one.last})`).join(' OR ');
    const found = await objects<Record<'node' | 'epoch' | 'hour' | 'total' | 'sum', string>>(
      store,
      `SELECT node, epoch, ${HOUR_SQL} AS hour, count() AS total, sumWithOverflow(${rowHash(columns)}) AS sum FROM ${record}_events WHERE ${timesOf({ from, to })} AND (${among}) GROUP BY node, epoch, hour`,
    );
    for (const { node, epoch, hour, total, sum } of found) {
      const key = { node, epoch, record, formula, hour: Number(hour) };
      const text = JSON.stringify(key);
      const one = sums.get(text) ?? { events: 0, hash: 0n, key };
      one.events += Number(total);
      one.hash = BigInt.asUintN(64, one.hash + BigInt(sum));
      sums.set(text, one);
    }
  }
  return [...sums.values()].map(({ events, hash, key }) => ({ ...key, events, hash: String(hash) }));
}

/** What the rows of one hour say, by the segment that they belong to, given by its first sequence. */
export async function rowSumsBySegment(
  store: Asked,
  key: ContentKey & { readonly formula: number },
  hour: number,
  segments: readonly SegmentSum[],
): Promise<Map<number, { readonly events: number; readonly hash: string }>> {
  const columns = contentColumns(key.record, key.formula);
  if (columns === undefined || segments.length === 0) return new Map();
  const firsts = segments.map(({ first }) => first).join(', ');
  const found = await objects<Record<'low' | 'events' | 'hash', string>>(
    store,
    `SELECT roundDown(sequence, [${firsts}]) AS low, count() AS events, sumWithOverflow(${rowHash(columns)}) AS hash FROM ${key.record}_events WHERE ${timesOf({ from: hour, to: hour })} AND ${keyOf(key)} AND sequence BETWEEN ${segments[0]?.first} AND ${segments.at(-1)?.last} GROUP BY low`,
  );
  return new Map(found.map(({ low, events, hash }) => [Number(low), { events: Number(events), hash }]));
}

/** A condition on the time of events: within these hours. */
function timesOf({ from, to }: HourRange): string {
  const at = (hour: number): string => `fromUnixTimestamp64Nano(toInt64(${Math.max(0, hour)}) * 3600000000000, 'UTC')`;
  return [...(from > 0 ? [`time_ns >= ${at(from)}`] : []), ...(to < FAR ? [`time_ns < ${at(to + 1)}`] : [])].join(' AND ') || '1';
}

/** The last hour that a time of an event can lie in: nanoseconds end there. */
export const FAR = 2_562_047;

function keyOf({ node, epoch }: Pick<ContentKey, 'node' | 'epoch'>): string {
  return `node = ${quote(node)} AND epoch = ${quote(epoch)}`;
}

/** The spans whose hash is known, cut and gathered to questions of a bearable size, each of one table and formula. */
function* parts(spans: readonly LedgerSpan[]): Generator<{ record: RecordName; formula: number; part: LedgerSpan[] }> {
  const kinds = new Map<string, LedgerSpan[]>();
  for (const span of spans)
    if (span.formula > 0) kinds.set(`${span.record}${span.formula}`, [...(kinds.get(`${span.record}${span.formula}`) ?? []), span]);
  for (const all of kinds.values()) {
    const { record, formula } = all[0] as LedgerSpan;
    let part: LedgerSpan[] = [];
    let covered = 0;
    for (const span of all) {
      for (let first = span.first; first <= span.last; ) {
        const last = Math.min(span.last, first + SEQUENCES - covered - 1);
        part.push({ ...span, first, last });
        covered += last - first + 1;
        first = last + 1;
        if (covered < SEQUENCES && part.length < SPANS) continue;
        yield { record, formula, part };
        part = [];
        covered = 0;
      }
    }
    if (part.length > 0) yield { record, formula, part };
  }
}
