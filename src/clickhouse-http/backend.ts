import type { StoredAnswer } from '../store/store.js';

/** One statement as it came by HTTP. */
export interface HttpQuery {
  /** The client's or ours; unique while the query runs. */
  readonly id: string;
  readonly sql: string;
  /** The database that names without one are looked up in; empty: the backend's own. */
  readonly database: string;
  /** Format of the answer where the statement names none. */
  readonly format: string;
  readonly settings: ReadonlyMap<string, string>;
  /** Values of `{name:Type}`, as the client wrote them. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Path of a file with the rows of an INSERT; undefined when the request brought none. */
  readonly data: string | undefined;
}

export interface HttpAnswer extends StoredAnswer {
  readonly format: string;
  readonly resultRows: number;
  readonly resultBytes: number;
  readonly seconds: number;
}

/** What answers the statements that come by HTTP. */
export interface QueryBackend {
  /** The engine's version, such as 26.7.1.1. */
  readonly version: string;
  /** The engine's time zone, such as Etc/UTC. */
  readonly timezone: string;
  /** Where rows of an INSERT are put before they are read: a folder. Undefined: nothing can be written, and a request's body is part of the statement. */
  readonly dataFolder: string | undefined;
  /** Rejects with ClickHouseException. An aborted query ends soon. */
  run(query: HttpQuery, signal: AbortSignal): Promise<HttpAnswer>;
}
