import type { Knob } from '../knob/catalogue.js';
import type { Question } from '../knob/questions.js';
import type { ServiceKey } from '../wire/administration.js';

/** Rows of an answer, by the names of the question's columns. */
export type Row = Readonly<Record<string, unknown>>;

/** What a person may say to narrow a report. A report takes those that it names. */
export interface Values {
  /** Unix time, ms. */
  readonly since?: number;
  /** Unix time, ms. */
  readonly until?: number;
  readonly knob?: Knob;
  readonly service?: ServiceKey;
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
}

/** A column of the table for people. */
export interface Column {
  readonly title: string;
  cell(row: Row): string;
}

/** What the log answers under a name: `vslog report NAME`. */
export interface Report {
  readonly name: string;
  readonly doc: string;
  /** For the end of the help. */
  readonly more: string;
  readonly parameters: readonly Parameter[];
  readonly columns: readonly Column[];
  /** What to ask the store. */
  question(values: Values): Question;
  /** A row for machines; default: as the store gave it. */
  plain?(row: Row): Row;
}

export const SINCE: Parameter = {
  sets: 'since',
  flag: 'since',
  argument: 'TIME',
  doc: 'from then on: 90s, 15m, 2h, 7d ago, or 2026-01-31, 2026-01-31T12:00 (UTC)',
  fallback: '1d',
};
export const UNTIL: Parameter = { sets: 'until', flag: 'until', argument: 'TIME', doc: 'up to then, written as of --since (default: now)' };
export const SERVICE: Parameter = { sets: 'service', flag: 'vs', argument: 'SERVICE', doc: 'of this virtual service' };
export const LIMIT: Parameter = { sets: 'limit', flag: 'limit', argument: 'N', doc: 'so many rows at most', fallback: '50' };
