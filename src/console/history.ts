import type { SqlStore } from '../api/sql-store.js';
import { valuesOf } from '../cli/report-values.js';
import { churn } from '../report/churn.js';
import type { Values } from '../report/report.js';
import { endpointText, forgottenConnections, momentLiteral, narrowed, ofEvents, ofMinutes, viewEndpoint } from '../report/sql.js';
import { quote } from '../store/quote.js';
import { offsetAt } from '../text/moment.js';
import { ConsoleError } from './errors.js';
import { LIMITS } from './limits.js';
import { type Span, spanOf } from './span.js';

/** Lengths of a piece of time, s. Those below a minute are counted from events, the others from rs_minute. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400, 7 * 86_400];
/** So many pieces a chart has, about. */
const PIECES = 110;
/** So many real servers have a line of their own; the rest is one. */
const MOST = 10;
/** The longest answer: a line for each of these servers, and one for the others, by piece. */
const MOST_PIECES = 400;

/** The store is not further behind than that, or it is not because events wait that it has none, ms. */
const LATE_MS = 600_000;

/** What came, went and was there, piece by piece of a time. */
export interface History {
  /** Begin of the first piece, ms since 1970. */
  readonly begin: number;
  /** Length of a piece, ms. */
  readonly step: number;
  /** When the time ends that was asked for, ms since 1970; the last piece may end later. */
  readonly until: number;
  /** Up to when everything is in the store, ms since 1970; no piece begins later. */
  readonly known: number;
  /** The last piece is not complete: it still runs, is not all in the store yet, or goes on after the time that was asked for. */
  readonly running: boolean;
  /** Connections that began and ended in each piece. */
  readonly new: readonly number[];
  readonly ended: readonly number[];
  /** Connections that were open at the end of each piece. */
  readonly open: readonly number[];
  /** The same of the real servers that had most to do. */
  readonly servers: readonly { readonly name: string; readonly open: readonly number[] }[];
  /** The same of all other real servers together; null when there are none. */
  readonly others: readonly number[] | null;
}

/** How long a piece of a time is, s: about a hundred pieces. */
export function stepFor(spanMs: number): number {
  const wanted = spanMs / 1000 / PIECES;
  return STEPS.find((step) => step >= wanted) ?? (STEPS.at(-1) as number);
}

/**
 * Asks what happened in a time, `since` and `until` of the query string, at a virtual service (`vs`), a real server (`rs`), a director (`node`). `behind`: events wait on their way to
 * the store, so that its last moments are not complete. Rejects with ConsoleError or Failure, a sentence.
 */
export async function askHistory(
  store: SqlStore,
  said: URLSearchParams,
  now: number,
  signal: AbortSignal,
  behind: () => Promise<boolean> = async () => false,
): Promise<History> {
  const span = spanOf(said, '1h', now);
  const seconds = stepFor(span.until - span.since);
  const step = seconds * 1000;
  // Days begin at midnight of the reader.
  const shift = offsetAt(span.since, span.zone) * 60_000;
  const begin = Math.floor((span.since + shift) / step) * step - shift;
  // Minutes are counted whole, also the last one.
  const end = seconds >= 60 ? Math.min(now, Math.ceil(span.until / 60_000) * 60_000) : span.until;
  const known = span.until > now - LATE_MS && (await behind()) ? Math.min(end, await newest(store, span, signal)) : end;
  const pieces = Math.max(1, Math.ceil((known - begin) / step));
  if (pieces > MOST_PIECES) throw new ConsoleError(400, 'This time is too long for a chart: choose a later since.');
  const filters = Object.fromEntries(['vs', 'rs', 'node'].map((name) => [name, said.get(name) || undefined]));
  // What came into the store since `known` was asked would be counted, but not waited for.
  const values: Values = { ...valuesOf(churn, filters, now, span.zone), since: begin, until: known };
  const asks = { store, values, signal, seconds, shift };
  const servers = await serversOf(asks);
  const named = servers.slice(0, MOST);
  const moves = await movesOf(asks, named);
  const lines = new Map<string, { readonly before: number; readonly moves: number[] }>(
    [...named.map(({ name }) => name), ''].map((name) => [name, { before: 0, moves: new Array<number>(pieces).fill(0) }]),
  );
  for (const server of servers) {
    const name = named.includes(server) ? server.name : '';
    const line = lines.get(name);
    if (line !== undefined) lines.set(name, { ...line, before: line.before + server.before });
  }
  const counts = { new: new Array<number>(pieces).fill(0), ended: new Array<number>(pieces).fill(0) };
  for (const { name, at, creates, seen, ends, forgotten } of moves) {
    const i = Math.round((at - begin) / step);
    if (i < 0 || i >= pieces) continue;
    counts.new[i] = (counts.new[i] ?? 0) + creates;
    counts.ended[i] = (counts.ended[i] ?? 0) + ends;
    const line = lines.get(name)?.moves;
    if (line !== undefined) line[i] = (line[i] ?? 0) + creates + seen - ends - forgotten;
  }
  const open = [...lines].map(([name, line]) => ({ name, open: runningSum(line.before, line.moves) }));
  return {
    begin,
    step,
    until: span.until,
    known,
    running: begin + pieces * step > known,
    ...counts,
    open: Array.from({ length: pieces }, (_, i) => open.reduce((sum, one) => sum + (one.open[i] ?? 0), 0)),
    servers: open.filter(({ name }) => name !== ''),
    others: servers.length > MOST ? (open.find(({ name }) => name === '')?.open ?? null) : null,
  };
}

function runningSum(before: number, moves: readonly number[]): number[] {
  let sum = before;
  return moves.map((move) => {
    sum += move;
    // What was counted twice at a start, or lost, must not show fewer than none.
    return Math.max(0, sum);
  });
}

interface Asks {
  readonly store: SqlStore;
  readonly values: Values;
  readonly signal: AbortSignal;
  /** Of a piece. */
  readonly seconds: number;
  /** How far the reader's clock is ahead of UTC, ms. */
  readonly shift: number;
}

async function ask(store: SqlStore, sql: string, signal: AbortSignal): Promise<readonly (readonly unknown[])[]> {
  const answer = await store.query(sql, { format: 'JSONCompact', limits: LIMITS, signal });
  return (JSON.parse(Buffer.from(answer).toString('utf8')) as { data: readonly (readonly unknown[])[] }).data;
}

/** When the newest event happened that the store has, ms since 1970; the end of the time when it has none of late. */
async function newest(store: SqlStore, { until }: Span, signal: AbortSignal): Promise<number> {
  const late = `time_ns >= ${momentLiteral(until - LATE_MS)} AND time_ns < ${momentLiteral(until)}`;
  const [[at] = []] = await ask(store, `SELECT max(toUnixTimestamp64Milli(time_ns)) AS newest FROM conn_events WHERE ${late}`, signal);
  return Number(at ?? 0) || until;
}

interface Server {
  readonly name: string;
  /** Open when the time begins. */
  readonly before: number;
}

/** The real servers that had connections in the time, those with most first. */
async function serversOf({ store, values, signal }: Asks): Promise<Server[]> {
  const begin = momentLiteral(values.since ?? 0);
  const own = [...narrowed(values, 'ip'), 'NOT is_template'].join(' AND ');
  const before = `SELECT ${viewEndpoint('real')} AS name, toInt64(count()) AS n, toInt64(count()) AS busy FROM connections WHERE ${own} AND start < ${begin} AND (end >= ${begin} OR is_open) GROUP BY name`;
  const minutes = `SELECT ${endpointText('real')} AS name, toInt64(0) AS n, toInt64(sum(creates) + sum(snapshots)) AS busy FROM rs_minute WHERE ${ofMinutes(values)} GROUP BY name`;
  const rows = await ask(
    store,
    `SELECT name, sum(n) AS before, sum(busy) AS busy FROM (${before} UNION ALL ${minutes}) GROUP BY name ORDER BY busy DESC, name LIMIT ${LIMITS.rows}`,
    signal,
  );
  return rows.map(([name, n]) => ({ name: String(name), before: Number(n) }));
}

interface Move {
  /** A real server; empty: one of the others. */
  readonly name: string;
  /** ms since 1970. */
  readonly at: number;
  readonly creates: number;
  readonly seen: number;
  readonly ends: number;
  readonly forgotten: number;
}

/** What came and went by piece, of these real servers and of all others together. */
async function movesOf({ store, values, signal, seconds, shift }: Asks, named: readonly Server[]): Promise<Move[]> {
  const ahead = shift / 1000;
  const piece = (column: string): string => `(intDiv(toUnixTimestamp(${column}) + ${ahead}, ${seconds}) * ${seconds} - ${ahead}) * 1000`;
  const list = named.map(({ name }) => quote(name)).join(', ');
  const one = (text: string): string => (list === '' ? `''` : `if(${text} IN (${list}), ${text}, '')`);
  const counted =
    seconds >= 60
      ? `SELECT ${one(endpointText('real'))} AS name, ${piece('minute')} AS at, toInt64(sum(creates)) AS c, toInt64(sum(snapshots)) AS s, toInt64(sum(rs_minute.ends)) AS e, toInt64(0) AS f FROM rs_minute WHERE ${ofMinutes(values)} GROUP BY name, at`
      : `SELECT ${one(endpointText('real'))} AS name, ${piece('time_ns')} AS at, toInt64(countIf(kind = 'create')) AS c, toInt64(countIf(kind = 'snapshot')) AS s, toInt64(countIf(kind = 'expire')) AS e, toInt64(0) AS f FROM conn_events WHERE ${ofEvents(values)} AND kind IN ('create', 'snapshot', 'expire') AND NOT is_template GROUP BY name, at`;
  const forgotten = `SELECT ${one(viewEndpoint('real'))} AS name, ${piece('assumeNotNull(end)')} AS at, toInt64(0) AS c, toInt64(0) AS s, toInt64(0) AS e, toInt64(count()) AS f FROM connections WHERE ${forgottenConnections(values)} GROUP BY name, at`;
  const rows = await ask(
    store,
    `SELECT name, at, sum(c), sum(s), sum(e), sum(f) FROM (${counted} UNION ALL ${forgotten}) GROUP BY name, at`,
    signal,
  );
  return rows.map(([name, at, creates, seen, ends, gone]) => ({
    name: String(name),
    at: Number(at),
    creates: Number(creates),
    seen: Number(seen),
    ends: Number(ends),
    forgotten: Number(gone),
  }));
}
