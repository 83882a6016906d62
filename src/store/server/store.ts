import type { ClickHouseSettings } from '@clickhouse/client';
import type { Segment } from '../../spool/segment.js';
import { compareContent } from '../content-check.js';
import { SegmentWriter } from '../deliver.js';
import { schemaDrift } from '../drift.js';
import { erasureOf } from '../erase.js';
import { EngineUnavailable } from '../errors.js';
import { expireRows } from '../expire.js';
import { offerFunctions } from '../functions.js';
import { newestMs } from '../kept-days.js';
import { loadMigrations, migrate, pending } from '../migrate.js';
import { readingStatement } from '../read-only.js';
import { applyRetention, DEFAULT_RETENTION, keptSince, type Retention } from '../retention.js';
import type { Store } from '../store.js';
import { tally } from '../tally.js';
import { ServerClient } from './client.js';
import type { ServerOptions } from './options.js';

/** The first version that reads Protobuf by a schema that comes with the insert. */
const OLDEST = [25, 6] as const;

/** How often the tables are compared with what they must be, ms. */
const SCHEMA_MS = 60_000;

export interface ServerStoreOptions extends ServerOptions {
  /** Longest time of a person's query, s. Default 60. */
  readonly maxQuerySeconds?: number;
  /** Largest answer to a person's query, bytes. Default 256 MiB. */
  readonly maxResultBytes?: number;
  readonly retention?: Retention;
  /** The believed time, ms since 1970. Default: the wall clock. */
  readonly now?: (() => number) | undefined;
}

/** How a server was found. */
export interface ServerCheck {
  readonly url: string;
  /** Null: it was not told. */
  readonly version: string | null;
  readonly tables: 'ready' | 'absent' | 'outdated' | 'wrong' | 'unknown';
  /** A sentence; null: nothing is wrong. */
  readonly problem: string | null;
}

/** A store that is a server. */
export interface ServerStore extends Store {
  /** Looks whether a delivery could begin, and changes nothing. */
  check(): Promise<ServerCheck>;
}

/** A ClickHouse server as sink and store. Nothing is asked before `start`, `deliver`, `tally` or `query`. */
export function createServerStore(options: ServerStoreOptions): ServerStore {
  const { url, placement, maxQuerySeconds = 60, maxResultBytes = 268_435_456, retention = DEFAULT_RETENTION, now = Date.now } = options;
  const client = new ServerClient(options);
  const writer = new SegmentWriter(client, retention.events, now);
  let segments = 0;
  let events = 0;
  let lastDeliverMs: number | null = null;
  let lastError: string | null = null;
  /** When the tables were last compared with what they must be. */
  let compared = Number.NEGATIVE_INFINITY;

  const version = async (): Promise<string> => {
    const found = await client.ask('SELECT version()', {});
    const text = found.toString('utf8').trim();
    const [major = 0, minor = 0] = text.split('.').map(Number);
    if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
      throw new Error(`The ClickHouse server at ${url} is version ${text}, which is too old: it must be at least ${OLDEST.join('.')}.`);
    return text;
  };
  const remember = async <T>(action: () => Promise<T>): Promise<T> => {
    try {
      const value = await action();
      lastError = null;
      return value;
    } catch (error) {
      lastError = error instanceof Error ? error.message : String(error);
      throw error;
    }
  };
  const compareSchema = async (): Promise<void> => {
    const drift = await schemaDrift(client, loadMigrations());
    if (drift !== undefined) throw new Error(drift);
    compared = performance.now();
  };
  const prepare = async (): Promise<void> => {
    await version();
    await migrate(client, loadMigrations());
    await offerFunctions(client);
    await compareSchema();
    await applyRetention(client, retention, now());
  };
  const check = async (): Promise<ServerCheck> => {
    let found: string | null = null;
    const told = (tables: ServerCheck['tables'], problem: string | null = null): ServerCheck => ({ url, version: found, tables, problem });
    try {
      found = await version();
      const migrations = loadMigrations();
      const left = await pending(client, placement, migrations);
      if (left.length > 0) return told(left.length === migrations.length ? 'absent' : 'outdated');
      const drift = await schemaDrift(client, migrations);
      return drift === undefined ? told('ready') : told('wrong', drift);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      return told(error instanceof EngineUnavailable ? 'unknown' : 'wrong', problem);
    }
  };
  const take = async (segment: Segment): Promise<void> => {
    const began = performance.now();
    // Somebody may change the tables while we run.
    if (began - compared > SCHEMA_MS) await compareSchema();
    if (await writer.deliver(segment)) {
      segments++;
      events += segment.count;
    }
    lastDeliverMs = performance.now() - began;
  };

  return {
    name: 'clickhouse',
    start: () => remember(prepare),
    deliver: (segment) => remember(() => take(segment)),
    repair: (segment, replace) => remember(() => writer.repair(segment, replace)),
    tally: (spans) => tally(client, spans),
    keptSince(record) {
      return keptSince(this, record, now());
    },
    expire: async (nowMs) => {
      await expireRows(client, retention, nowMs);
    },
    newestMs: () => newestMs(client),
    content(options) {
      return compareContent(this, options);
    },
    erasure: erasureOf(client, (action) => remember(action)),
    beyond: `backups and logs of the ClickHouse server at ${url}, what other directors deliver to it, and copies that were made of its tables`,
    async query(sql, { format, formatFixed, exact = false, limits: own = {}, signal }) {
      const written = await readingStatement(client, sql, formatFixed);
      const limits = {
        max_execution_time: Math.min(own.seconds ?? maxQuerySeconds, maxQuerySeconds),
        max_result_bytes: String(maxResultBytes),
        ...(own.memory === undefined ? {} : { max_memory_usage: String(own.memory) }),
        ...(own.rows === undefined ? {} : { max_result_rows: String(own.rows) }),
        ...(own.cut === undefined ? {} : { limit: String(own.cut) }),
        ...(exact ? { output_format_json_quote_64bit_integers: 1 } : {}),
        cancel_http_readonly_queries_on_client_close: 1,
        readonly: '1',
      };
      return client.ask(written, { ...limits, default_format: format } as ClickHouseSettings, {
        database: placement.database,
        maxBytes: maxResultBytes,
        ...(signal === undefined ? {} : { signal }),
      });
    },
    check,
    status: () => ({ kind: 'server', place: url, segments, events, lastDeliverMs, lastError }),
    close: () => client.close(),
  };
}
