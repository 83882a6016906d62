import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { HttpAnswer, HttpQuery } from '../../clickhouse-http/backend.js';
import { sessionStatements } from '../../clickhouse-http/session.js';
import type { Segment } from '../../spool/segment.js';
import { compareContent } from '../content-check.js';
import { SegmentWriter } from '../deliver.js';
import { erasureOf } from '../erase.js';
import { EngineEnded } from '../errors.js';
import { expireRows } from '../expire.js';
import { makeFunctions } from '../functions.js';
import { newestMs } from '../kept-days.js';
import { loadMigrations, migrate } from '../migrate.js';
import { quote } from '../quote.js';
import { applyRetention, DEFAULT_RETENTION, keptSince, type Retention } from '../retention.js';
import { eighthOfMemory, type QueryLimits, type QueryOptions, type Store, type StoredAnswer, type StoreStatus } from '../store.js';
import { tally } from '../tally.js';
import { Answers } from './answers.js';
import { embeddedDatabase } from './database.js';
import { DeliveryFirst } from './delivery-first.js';
import { type DiskRoom, DiskTooFull, type KeptFree, roomOf, tooFull } from './disk.js';
import { Engine, LONG } from './engine.js';
import { mendableOf } from './mendable.js';
import { readApplied, restoreApplied, setBrokenAside } from './opened.js';
import { CONTROL, formatter, MOST_AT_ONCE, Queries } from './queries.js';
import { Repair } from './repair.js';
import type { Aside } from './set-aside.js';

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
  readonly retention?: Retention;
  /** Told what a person should know: that something damaged was set aside. */
  readonly note?: (line: string) => void;
  /** Room on the disk that deliveries leave free. Default: none. */
  readonly keepFree?: KeptFree;
  /** The believed time, ms since 1970. Default: the wall clock. */
  readonly now?: (() => number) | undefined;
}

export interface EmbeddedStatus extends StoreStatus {
  readonly running: boolean;
  /** Process id of the engine. */
  readonly pid: number | null;
  /** How often the engine was started; more than 1: it ended by itself. */
  readonly starts: number;
  /** Room on its disk; null: it cannot be asked. */
  readonly disk: DiskRoom | null;
  /** What of it was damaged, and set aside or found to be gone. */
  readonly setAside: readonly Aside[];
}

/** A store that also answers what comes by ClickHouse's own protocol. */
export interface EmbeddedStore extends Store {
  status(): EmbeddedStatus;
  /** The engine's version and time zone; empty before it was started. */
  readonly version: string;
  readonly timezone: string;
  /** Settings of people's queries that cannot be raised. */
  readonly limits: Readonly<Record<string, number>>;
  stored(sql: string, options: QueryOptions): Promise<StoredAnswer>;
  /** The answer to one reading statement, in a file where it is large. Rejects with a sentence, the engine's or ours. An aborted query ends soon. */
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
    note = () => undefined,
    keepFree = { bytes: 0 },
    now = Date.now,
  } = options;
  const limits = { max_execution_time: maxQuerySeconds, max_result_bytes: maxResultBytes, max_memory_usage: maxQueryBytes };
  /** A person's own limits, where they are lower than everybody's. */
  const lowered = ({ seconds, memory, rows, cut }: QueryLimits = {}): string[] => [
    ...(seconds === undefined ? [] : [`SET max_execution_time = ${Math.min(seconds, maxQuerySeconds)}`]),
    ...(memory === undefined ? [] : [`SET max_memory_usage = ${Math.min(memory, maxQueryBytes)}`]),
    ...(rows === undefined ? [] : [`SET max_result_rows = ${rows}`]),
    // A LIMIT over that of the statement: https://clickhouse.com/docs/operations/settings/settings#limit
    ...(cut === undefined ? [] : [`SET limit = ${cut}`]),
  ];
  const limited = Object.entries(limits)
    .map(([name, value]) => `${name} = ${value}`)
    .join(', ');
  const answers = new Answers(join(resolve(dir), 'answers'), MOST_AT_ONCE, maxResultBytes);
  const formatters = Array.from({ length: MOST_AT_ONCE }, (_, place) => [formatter(place), [LONG, `SET ${limited}, readonly = 1`]]);
  let version = '';
  let timezone = '';
  const repair = new Repair(dir, note);
  const engine = new Engine({
    dir,
    repair,
    prepare: async (ready) => {
      await answers.prepare();
      [version = '', timezone = ''] = (await ready.text('SELECT version(), timezone()')).split('\t');
      await opened(ready);
    },
    sessions: { [CONTROL]: [], ...Object.fromEntries(formatters) },
  });
  const database = embeddedDatabase(engine);
  const opened = async (ready: Engine): Promise<void> => {
    const { copies } = repair;
    await restoreApplied(ready, copies.applied());
    // A copy that is older than what is remembered as done would be taken for the newer one.
    await migrate(ready, loadMigrations(), () => copies.keep(undefined, false));
    await makeFunctions(ready);
    await applyRetention(embeddedDatabase(ready), retention, now());
    await copies.keep(await readApplied(ready), true);
    await setBrokenAside(ready, repair);
  };
  const writer = new SegmentWriter(database, retention.events, now);
  const first = new DeliveryFirst();
  const queries = new Queries(engine, answers, (signal) => first.wait(signal));
  let last: Promise<unknown> = Promise.resolve();
  let segments = 0;
  let events = 0;
  let lastDeliverMs: number | null = null;
  /** A segment that took too long. On a slow machine it always would: so it gets more time at every try, and an engine that works is not ended for ever. */
  let slow = { id: 0, tries: 0 };

  const diskRoom = (): DiskRoom | null => {
    try {
      return roomOf(dir, keepFree);
    } catch {
      return null; // made by the first start
    }
  };
  const take = async (segment: Segment): Promise<void> => {
    await engine.start();
    const full = tooFull(dir, roomOf(dir, keepFree), segment.bytes);
    if (full !== undefined) throw new DiskTooFull(full);
    const began = performance.now();
    const tries = slow.id === segment.id ? slow.tries : 0;
    const limitMs = Math.min(deliverTimeoutMs * 2 ** tries, LONGEST_TIMER_MS);
    const timer = setTimeout(() => {
      slow = { id: segment.id, tries: tries + 1 };
      void engine.kill(`Segment ${segment.id} was not stored within ${limitMs} ms; it gets twice the time now.`);
    }, limitMs);
    let brokenOff = false;
    first.begin();
    try {
      if (await writer.deliver(segment, repair.aside.owed !== null)) {
        segments++;
        events += segment.count;
      }
      lastDeliverMs = performance.now() - began;
    } catch (error) {
      brokenOff = error instanceof EngineEnded;
      throw error;
    } finally {
      clearTimeout(timer);
      first.end(brokenOff);
    }
  };

  // Of the statements ours come first, so that theirs can only be lower; readonly last: afterwards the engine refuses every change of a setting, and every statement that writes.
  const ask = (query: HttpQuery, signal: AbortSignal): Promise<HttpAnswer> =>
    queries.run(
      {
        sql: query.sql,
        format: query.format,
        statements: (id) => [`SET ${limited}`, ...sessionStatements({ ...query, id }), 'SET readonly = 1'],
        seconds: Number(query.settings.get('max_execution_time') ?? maxQuerySeconds),
      },
      signal,
    );

  const stored = (sql: string, { format, formatFixed, exact = false, limits: own, signal }: QueryOptions): Promise<StoredAnswer> =>
    queries.run(
      {
        sql,
        format,
        formatFixed,
        statements: (id) => [
          ...['USE vslog', `SET log_comment = ${quote(id)}`, `SET ${limited}`],
          ...(exact ? ['SET output_format_json_quote_64bit_integers = 1'] : []),
          ...lowered(own),
          'SET readonly = 1',
        ],
        seconds: Math.min(own?.seconds ?? maxQuerySeconds, maxQuerySeconds),
      },
      signal,
    );

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
    mendable: mendableOf(database, repair.aside, retention),
    // One after the other: who gave up waiting and asks again must not meet its own first attempt.
    deliver(segment) {
      const mine = last.then(() => take(segment));
      last = mine.catch(() => undefined);
      return mine;
    },
    repair(segment, replace) {
      const mine = last.then(async () => {
        await engine.start();
        return writer.repair(segment, replace);
      });
      last = mine.catch(() => undefined);
      return mine;
    },
    async tally(spans) {
      await engine.start();
      return tally(database, spans);
    },
    keptSince(record) {
      return keptSince(this, record, now());
    },
    async expire(nowMs) {
      await engine.start();
      await expireRows(database, retention, nowMs);
    },
    async newestMs() {
      await engine.start();
      return newestMs(database);
    },
    content(options) {
      return compareContent(this, options);
    },
    erasure: erasureOf(database, (action) => {
      const mine = last.then(async () => {
        await engine.start();
        return action();
      });
      last = mine.catch(() => undefined);
      return mine;
    }),
    stored,
    async query(sql, asked) {
      const { body, discard } = await stored(sql, asked);
      try {
        return 'path' in body ? await readFile(body.path) : body.bytes;
      } finally {
        discard();
      }
    },
    status: () => ({
      kind: 'embedded',
      place: dir,
      running: engine.pid !== undefined,
      pid: engine.pid ?? null,
      starts: engine.starts,
      disk: diskRoom(),
      setAside: repair.aside.all,
      segments,
      events,
      lastDeliverMs,
      lastError: engine.lastError === '' ? null : engine.lastError,
    }),
    close: () => engine.close(),
  };
}
