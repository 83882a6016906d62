import type { Plot } from '../src/plot/plot.js';
import { plainLines, plainValue } from '../src/text/plain.ts';
import { ZONE } from './zone.ts';

export type { Plot };

/** What the page uses of the collector's status. */
export interface Status {
  readonly at: number;
  readonly version: string;
  readonly capture: {
    readonly connected: boolean;
    readonly node: string;
    readonly source: string;
    readonly error: string | null;
    readonly account: {
      readonly events: number;
      readonly connections: number;
      readonly journal: { readonly bytes: number; readonly used: number };
      readonly losses: readonly { readonly where: string; readonly lost: number }[];
    } | null;
  };
  readonly lag_events: number | null;
  readonly spool: {
    readonly state: string;
    readonly bytes: number;
    readonly segments: number;
    readonly waiting_bytes: number;
    readonly quarantined: number;
  };
  readonly sinks: readonly {
    readonly name: string;
    readonly state: string;
    readonly circuit: string;
    readonly delivered_events: number;
    readonly lag_events: number;
    readonly lag_segments: number;
    readonly refused: number;
    readonly error: string | null;
  }[];
  readonly counters: { readonly events: number; readonly bytes: number; readonly lost: number };
}

export interface ReportInfo {
  readonly name: string;
  readonly doc: string;
  readonly more: string;
  readonly parameters: readonly {
    readonly flag: string;
    readonly argument: string;
    readonly doc: string;
    readonly fallback: string | null;
    readonly required: boolean;
    readonly words: readonly string[] | null;
  }[];
}

export interface ReportAnswer {
  readonly sql: string;
  readonly none: string;
  readonly columns: readonly { readonly title: string; readonly right: boolean }[];
  readonly cells: readonly (readonly string[])[];
  /** What the cells show, as the store has it: times in ms since 1970. */
  readonly values: readonly (readonly unknown[])[];
  /** Where the cells lead. */
  readonly links: readonly (readonly (string | null)[])[];
  readonly more: boolean;
  readonly plot: Plot | null;
  /** Where the parts of each bar lead, or each span. */
  readonly plot_links: readonly (readonly (string | null)[])[];
}

export interface SqlAnswer {
  readonly meta: readonly { readonly name: string; readonly type: string }[];
  readonly data: readonly (readonly unknown[])[];
  readonly rows: number;
  /** There were more rows than are shown at most. */
  readonly cut: boolean;
}

export interface Real {
  readonly name: string;
  readonly weight: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly active: number;
  readonly inactive: number;
  readonly persistent: number;
  readonly overloaded: boolean;
  readonly traffic: { readonly connectionsPerS: number; readonly bytesInPerS: number } | null;
}

export interface Service {
  readonly name: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly reals: readonly Real[];
}

export interface Drain {
  /** A host's address, or a real server. */
  readonly of: string;
  /** Only in this one; null: in all. */
  readonly service: string | null;
  readonly host: boolean;
  readonly places: readonly { readonly service: string; readonly real: string; readonly weight: number | null }[];
  readonly established: number;
  readonly others: number;
  readonly templates: number;
  readonly text: string;
  /** Empty while something is established. */
  readonly verdict: string;
  /** What else of the host goes on. */
  readonly serves: readonly string[];
  readonly prediction: string;
  readonly clients: readonly (readonly [string, number])[];
  /** Seconds. */
  readonly oldest: number | null;
}

export interface KnobInfo {
  readonly name: string;
  readonly group: string;
  readonly type: string;
  readonly unit: string;
  readonly values: readonly { readonly value: string; readonly doc: string }[] | null;
  readonly default: string;
  readonly doc: string;
  readonly more: string;
  readonly cost: string;
  readonly interacts: readonly string[];
  readonly path: string;
  readonly allowed: string;
  readonly value: string;
  /** It is another than the default. */
  readonly changed: boolean;
  readonly problem: string;
  readonly settable: boolean;
}

/** What came, went and was there, piece by piece of a time; moments and lengths in ms. */
export interface History {
  readonly begin: number;
  readonly step: number;
  readonly until: number;
  /** Up to when everything is in the store. */
  readonly known: number;
  /** The last piece is not complete. */
  readonly running: boolean;
  /** Counts of each piece. */
  readonly new: readonly number[];
  readonly ended: readonly number[];
  /** At the end of each piece. */
  readonly open: readonly number[];
  readonly servers: readonly { readonly name: string; readonly open: readonly number[] }[];
  readonly others: readonly number[] | null;
}

/** A change, for charts. */
export interface Mark {
  /** Unix time, ms. */
  readonly at: number;
  readonly text: string;
}

/** What the collector said no to. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function answered<T>(response: Response): Promise<T> {
  const text = await response.text();
  // What is in the log was written by others, and direction overrides turn text in a page too.
  if (response.ok) return plainValue(JSON.parse(text) as T);
  let message = text;
  try {
    message = (JSON.parse(text) as { message: string }).message;
  } catch {
    // It was no answer of ours: what came is what can be told.
  }
  throw new Refusal(response.status, plainLines(message) || `The collector answered ${response.status}.`);
}

/** Asks for a change. Rejects with Refusal. */
export const post = async <T>(path: string, body: Readonly<Record<string, string>>, token: string | undefined): Promise<T> =>
  answered(
    await fetch(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    }),
  );

/** A session that is over, or that the collector has forgotten: the page comes anew, and says how one gets in. */
function admitted(response: Response): Response {
  if (response.status === 401) location.reload();
  return response;
}

export const get = async <T>(path: string, signal?: AbortSignal): Promise<T> =>
  answered(admitted(await fetch(path, signal === undefined ? {} : { signal })));

/** Rejects with Refusal also when the answer is no table, as that of a query with a FORMAT of its own. */
export async function askSql(sql: string, signal?: AbortSignal): Promise<SqlAnswer> {
  const response = await fetch('/api/sql', {
    method: 'POST',
    body: sql,
    headers: { 'content-type': 'text/plain' },
    ...(signal === undefined ? {} : { signal }),
  });
  const answer = await answered<Partial<SqlAnswer> | null>(admitted(response)).catch((error: unknown) => {
    if (error instanceof SyntaxError) return null;
    throw error;
  });
  const { meta, data, rows, cut = false } = answer ?? {};
  if (Array.isArray(meta) && Array.isArray(data) && data.every(Array.isArray)) return { meta, data, rows: rows ?? data.length, cut };
  throw new Refusal(response.status, 'The answer is no table that can be shown here: leave FORMAT out of the query.');
}

export const askReport = (name: string, said: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<ReportAnswer> =>
  get(`/api/reports/${name}?${new URLSearchParams({ ...said, zone: ZONE })}`, signal);
