import { randomUUID } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeFolder } from '../../access/place.js';
import type { HttpAnswer, HttpQuery } from '../../clickhouse-http/backend.js';
import { endingStatement, intoFile, sessionStatements } from '../../clickhouse-http/session.js';
import type { Segment } from '../../spool/segment.js';
import { SegmentWriter } from '../deliver.js';
import { loadMigrations, migrate } from '../migrate.js';
import { quote } from '../quote.js';
import { readingStatement } from '../read-only.js';
import { applyRetention, DEFAULT_RETENTION, keptSince, type Retention } from '../retention.js';
import { eighthOfMemory, type QueryLimits, type Store, type StoreStatus } from '../store.js';
import { tally } from '../tally.js';
import { embeddedDatabase } from './database.js';
import { Engine } from './engine.js';
import { Turns } from './turns.js';

/** People's queries at one time. */
const MOST_AT_ONCE = 4;
/** And so many more that wait for their turn. */
const MOST_WAITING = 64;
/** Node's timers go no further, ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface EmbeddedStoreOptions {
  /** ClickHouse's data directory; one process at a time. */
  readonly dir: string;
  /** Longest time of a person's query, s. */
  readonly maxQuerySeconds?: number;
  /** Largest answer to a person's query, bytes. */
  readonly maxResultBytes?: number;
  /** Most memory of a person's query, bytes. Default: an eighth of the machine's, at least 1 GiB. */
  readonly maxQueryBytes?: number;
  /** Longest time of a delivery, ms; then the engine is ended and started again, and the segment gets twice the time. */
  readonly deliverTimeoutMs?: number;
  /** Default: as the tables are made. */
  readonly retention?: Retention;
}

export interface EmbeddedStatus extends StoreStatus {
  readonly running: boolean;
  /** Process id of the engine. */
  readonly pid: number | null;
  /** How often the engine was started; more than 1: it ended by itself. */
  readonly starts: number;
}

/** A store that also answers what comes by ClickHouse's own protocol. */
export interface EmbeddedStore extends Store {
  status(): EmbeddedStatus;
  /** The engine's version and time zone; empty before it was started. */
  readonly version: string;
  readonly timezone: string;
  /** Settings of people's queries that cannot be raised. */
  readonly limits: Readonly<Record<string, number>>;
  /** The answer to one reading statement, in a file where it may be large. Rejects with the engine's sentence. An aborted query ends soon. */
  ask(query: HttpQuery, signal: AbortSignal): Promise<HttpAnswer>;
}

/** ClickHouse in a child process that this one watches. Nothing is started before `start`, `deliver` or `query`. */
export function createEmbeddedStore(options: EmbeddedStoreOptions): EmbeddedStore {
  const {
    dir,
    maxQuerySeconds = 60,
    maxResultBytes = 268_435_456,
    maxQueryBytes = eighthOfMemory(),
    deliverTimeoutMs = 300_000,
    retention = DEFAULT_RETENTION,
  } = options;
  const limits = { max_execution_time: maxQuerySeconds, max_result_bytes: maxResultBytes, max_memory_usage: maxQueryBytes };
  /** A person's own limits, where they are lower than everybody's. */
  const lowered = ({ seconds, memory, rows }: QueryLimits = {}): string[] => [
    ...(seconds === undefined ? [] : [`SET max_execution_time = ${Math.min(seconds, maxQuerySeconds)}`]),
    ...(memory === undefined ? [] : [`SET max_memory_usage = ${Math.min(memory, maxQueryBytes)}`]),
    ...(rows === undefined ? [] : [`SET max_result_rows = ${rows}`]),
  ];
  const limited = Object.entries(limits)
    .map(([name, value]) => `${name} = ${value}`)
    .join(', ');
  const answers = join(resolve(dir), 'answers');
  let version = '';
  let timezone = '';
  const engine = new Engine({
    dir,
    prepare: async (ready) => {
      // What an earlier process left there belongs to nobody.
      rmSync(answers, { recursive: true, force: true });
      makeFolder(answers);
      [version = '', timezone = ''] = (await ready.text('SELECT version(), timezone()')).split('\t');
      await migrate(ready, loadMigrations());
      await applyRetention(embeddedDatabase(ready), retention);
    },
    // readonly comes last: afterwards the engine refuses every change of a setting, and every statement that writes.
    reader: ['USE vslog', `SET ${limited}, readonly = 1`],
  });
  const database = embeddedDatabase(engine);
  const writer = new SegmentWriter(database, retention.events);
  /** Of people's queries: what each may take times how many run is what all may take. */
  const turns = new Turns(MOST_AT_ONCE, MOST_WAITING);
  let last: Promise<unknown> = Promise.resolve();
  let segments = 0;
  let events = 0;
  let lastDeliverMs: number | null = null;
  /** A segment that took too long. On a slow machine it always would: so it gets more time at every try, and an engine that works is not ended for ever. */
  let slow = { id: 0, tries: 0 };

  const take = async (segment: Segment): Promise<void> => {
    await engine.start();
    const began = performance.now();
    const tries = slow.id === segment.id ? slow.tries : 0;
    const limitMs = Math.min(deliverTimeoutMs * 2 ** tries, LONGEST_TIMER_MS);
    const timer = setTimeout(() => {
      slow = { id: segment.id, tries: tries + 1 };
      void engine.kill(`Segment ${segment.id} was not stored within ${limitMs} ms; it gets twice the time now.`);
    }, limitMs);
    try {
      if (await writer.deliver(segment)) {
        segments++;
        events += segment.count;
      }
      lastDeliverMs = performance.now() - began;
    } finally {
      clearTimeout(timer);
    }
  };

  const ask = async (query: HttpQuery, signal: AbortSignal): Promise<HttpAnswer> => {
    await engine.start();
    const written = await readingStatement(engine, query.sql);
    signal.throwIfAborted();
    const path = join(answers, randomUUID());
    const { sql, format } = intoFile(written, query.format, path);
    const end = (): void => void engine.write(endingStatement(id)).catch(() => undefined);
    const id = randomUUID();
    // Ours first, so that theirs can only be lower; readonly last.
    const statements = [`SET ${limited}`, ...sessionStatements({ ...query, id }), 'SET readonly = 1'];
    signal.addEventListener('abort', end, { once: true });
    try {
      const answer = await turns.run(() => engine.ask({ statements, sql, format }), signal);
      const body = existsSync(path) ? { path } : { bytes: answer.bytes };
      return { format, body, resultRows: answer.rows, resultBytes: answer.read, seconds: answer.seconds };
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    } finally {
      signal.removeEventListener('abort', end);
    }
  };

  return {
    name: 'embedded',
    get version() {
      return version;
    },
    get timezone() {
      return timezone;
    },
    limits,
    ask,
    start: () => engine.start(),
    // One after the other: who gave up waiting and asks again must not meet its own first attempt.
    deliver(segment) {
      const mine = last.then(() => take(segment));
      last = mine.catch(() => undefined);
      return mine;
    },
    async tally(spans) {
      await engine.start();
      return tally(database, spans);
    },
    keptSince(record) {
      return keptSince(this, record);
    },
    async query(sql, { format, formatFixed, limits: own, signal }) {
      await engine.start();
      const written = await readingStatement(engine, sql, formatFixed);
      signal?.throwIfAborted();
      const id = randomUUID();
      // Ours first, so that theirs can only be lower; readonly last.
      const statements = ['USE vslog', `SET log_comment = ${quote(id)}`, `SET ${limited}`, ...lowered(own), 'SET readonly = 1'];
      const end = (): void => void engine.write(endingStatement(id)).catch(() => undefined);
      signal?.addEventListener('abort', end, { once: true });
      try {
        return (await turns.run(() => engine.ask({ statements, sql: written, format }), signal)).bytes;
      } finally {
        signal?.removeEventListener('abort', end);
      }
    },
    status: () => ({
      kind: 'embedded',
      place: dir,
      running: engine.pid !== undefined,
      pid: engine.pid ?? null,
      starts: engine.starts,
      segments,
      events,
      lastDeliverMs,
      lastError: engine.lastError === '' ? null : engine.lastError,
    }),
    close: () => engine.close(),
  };
}
