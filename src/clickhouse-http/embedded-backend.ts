import type { EmbeddedStore } from '../store/embedded/store.js';
import { TooMany } from '../store/embedded/turns.js';
import { AnswerTooLarge, EngineUnavailable, QueryOutlived } from '../store/errors.js';
import { RefusedStatement } from '../store/read-only.js';
import type { HttpAnswer, HttpQuery, QueryBackend } from './backend.js';
import { ClickHouseException, exceptionOf } from './exception.js';
import { harmlessSettings } from './read-only-settings.js';

/** Databases that may be named. `default` is what clients say that were told nothing. */
const DATABASES = new Map([
  ['', 'vslog'],
  ['default', 'vslog'],
  ['vslog', 'vslog'],
  ['system', 'system'],
  ['information_schema', 'information_schema'],
  ['INFORMATION_SCHEMA', 'INFORMATION_SCHEMA'],
]);

/** The embedded store, for questions only. */
export class EmbeddedBackend implements QueryBackend {
  readonly dataFolder = undefined;
  private readonly store: EmbeddedStore;

  constructor(store: EmbeddedStore) {
    this.store = store;
  }

  get version(): string {
    return this.store.version;
  }

  get timezone(): string {
    return this.store.timezone;
  }

  async run(query: HttpQuery, signal: AbortSignal): Promise<HttpAnswer> {
    const database = DATABASES.get(query.database);
    if (database === undefined) throw new ClickHouseException(81, 'UNKNOWN_DATABASE', `Database ${query.database} does not exist`);
    const settings = harmlessSettings(query.settings, this.store.limits);
    try {
      return await this.store.ask({ ...query, database, settings }, signal);
    } catch (error) {
      throw asException(error);
    }
  }
}

function asException(error: unknown): ClickHouseException {
  if (error instanceof ClickHouseException) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof RefusedStatement) return new ClickHouseException(164, 'READONLY', message);
  if (error instanceof TooMany) return new ClickHouseException(202, 'TOO_MANY_SIMULTANEOUS_QUERIES', message);
  if (error instanceof AnswerTooLarge) return new ClickHouseException(396, 'TOO_MANY_ROWS_OR_BYTES', message);
  if (error instanceof QueryOutlived) return new ClickHouseException(159, 'TIMEOUT_EXCEEDED', message);
  if (error instanceof EngineUnavailable) return new ClickHouseException(210, 'NETWORK_ERROR', message);
  return exceptionOf(error instanceof Error && 'original' in error ? String(error.original) : message);
}
