import { setTimeout as pause } from 'node:timers/promises';
import type { ApiClient } from '../api/client.js';
import type { TailBegin } from '../api/tail-stream.js';
import { eventsBefore, type Past, storedUpTo } from '../history/query.js';
import { plural, wholeText } from '../text/format.js';
import type { EventFilter } from '../wire/event-filter.js';
import { note } from './output.js';
import type { TailPrinter } from './tail-printer.js';

/** So many events of the past at most. */
export const MOST_PAST = 100_000;
/** How long the store may take for what the capture has already handed on, ms, and between two looks. */
const STORED_MS = 30_000;
const LOOK_MS = 200;

/** Shows the events before the live ones begin: they are in the store a moment later than in the capture, and what does not come there in time is said. */
export async function showPast(
  api: ApiClient,
  filter: EventFilter | undefined,
  begin: TailBegin | undefined,
  past: Past,
  printer: TailPrinter,
  signal: AbortSignal,
): Promise<void> {
  if (begin === undefined)
    throw new Error('The collector is older than this program and cannot say where the live events begin: restart it.');
  try {
    await show(api, filter, begin, past, printer, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function show(
  api: ApiClient,
  filter: EventFilter | undefined,
  begin: TailBegin,
  past: Past,
  printer: TailPrinter,
  signal: AbortSignal,
): Promise<void> {
  const log = { sql: (query: string, format: string) => api.sql(query, format, {}, signal) };
  let stored = await storedUpTo(log, begin);
  for (const end = performance.now() + STORED_MS; stored < begin.first - 1n && performance.now() < end && !signal.aborted; ) {
    await pause(LOOK_MS);
    stored = await storedUpTo(log, begin);
  }
  if (signal.aborted) return;
  const events = await eventsBefore(log, filter, begin, past);
  await printer.events(events);
  const lacking = begin.first - 1n - stored;
  if (lacking > 0n)
    note(`${plural(Number(lacking), 'event')} from before are not in the store yet, and not shown: vslog status says how the store is`);
  if (past.sinceMs !== undefined && past.last === MOST_PAST && events.length === MOST_PAST)
    note(`only the newest ${wholeText(MOST_PAST)} events of that time are shown; vslog sql has all`);
}
