import type { Knob } from '../knob/catalogue.js';
import type { Question } from '../knob/questions.js';
import { OUTCOMES, type Outcome } from '../outcome/outcome.js';
import type { Plot } from '../plot/plot.js';
import type { Place, ServiceFilter } from '../wire/conn-filter.js';

/** Rows of an answer, by the names of the question's columns. */
export type Row = Readonly<Record<string, unknown>>;

/** What a person may say to narrow a report. A report takes those that it names. */
export interface Values {
  /** Unix time, ms. */
  readonly since?: number;
  /** Unix time, ms. */
  readonly until?: number;
  readonly knob?: Knob;
  readonly service?: ServiceFilter;
  /** One of these. */
  readonly real?: readonly Place[];
  /** One of these. */
  readonly client?: readonly Place[];
  readonly node?: string;
  readonly outcome?: Outcome;
  /** s */
  readonly within?: number;
  /** In which days and hours are counted; default: UTC. */
  readonly zone?: string;
  /** One of the parameter's words. */
  readonly by?: string;
  /** One of the parameter's words. */
  readonly of?: string;
  readonly limit?: number;
}

/** A flag of the report's command. */
export interface Parameter {
  readonly sets: keyof Values;
  readonly flag: string;
  readonly argument: string;
  readonly doc: string;
  /** As a person would write it. */
  readonly fallback?: string;
  /** The report cannot be asked without it. */
  readonly required?: boolean;
  /** What may be said, where that is one of some words. */
  readonly words?: readonly string[];
}

/** A column of the table for people. */
export interface Column {
  readonly title: string;
  /** The answer's column that it shows, or shows first. */
  readonly name: string;
  /** As people read it, times in that zone. */
  cell(row: Row, zone: string): string;
  /** A number: it stands at the right. */
  readonly right?: boolean;
  /** Of times, ms since 1970: people see the zone in the title, machines get RFC 3339. */
  readonly time?: true;
  /** Where the terminal is too narrow, the one with the highest number goes first; undefined: it stays. */
  readonly priority?: number;
  /** May be shortened to so many characters. */
  readonly min?: number;
  /** Only for who asks for everything: -o wide. */
  readonly wide?: true;
}

/** What the log answers under a name: `vslog report NAME`. */
export interface Report {
  readonly name: string;
  readonly doc: string;
  /** For the end of the help. */
  readonly more: string;
  readonly parameters: readonly Parameter[];
  readonly columns: readonly Column[];
  /** Its rows are connections, with the columns outcome, state, conn_id and node: open ones get their state of now where the capture can be asked. */
  readonly live?: boolean;
  /** What to ask the store. */
  question(values: Values): Question;
  /** A row for machines; default: as the store gave it. */
  plain?(row: Row): Row;
  /** What is to be looked at rather than read; undefined: these rows make no picture. */
  plot?(rows: readonly Row[], values: Values): Plot | undefined;
}

export const SINCE: Parameter = {
  sets: 'since',
  flag: 'since',
  argument: 'TIME',
  doc: 'from then on: 15m, 2h30m, 1w ago, 12:00, yesterday, "2026-01-31 12:00", ...',
  fallback: '1d',
};
export const UNTIL: Parameter = {
  sets: 'until',
  flag: 'until',
  argument: 'TIME',
  doc: 'up to then, written as of --since',
  fallback: 'now',
};
export const SERVICE: Parameter = {
  sets: 'service',
  flag: 'vs',
  argument: 'SERVICE',
  doc: 'of this virtual service: ADDRESS:PORT, ADDRESS, :PORT, "udp ADDRESS:PORT", "fwmark 7", a name',
};
export const REAL: Parameter = {
  sets: 'real',
  flag: 'rs',
  argument: 'SERVER',
  doc: 'of this real server or host: ADDRESS, ADDRESS:PORT, :PORT, a network, a name',
};
export const CLIENT: Parameter = {
  sets: 'client',
  flag: 'client',
  argument: 'ADDRESS',
  doc: 'of this client: ADDRESS, a network such as 192.0.2.0/24, ADDRESS:PORT, a name',
};
export const NODE: Parameter = { sets: 'node', flag: 'node', argument: 'NAME', doc: 'of this director' };
export const OUTCOME: Parameter = {
  sets: 'outcome',
  flag: 'outcome',
  argument: 'WORD',
  doc: 'that ended so, or are open',
  words: OUTCOMES.map(({ name }) => name),
};
export const LIMIT: Parameter = { sets: 'limit', flag: 'limit', argument: 'N', doc: 'so many rows at most', fallback: '50' };
