/** What a picture shows, without a word on how it is drawn: terminals and pages do that. */
export type Plot = Bars | Lines | Heat | Spans;

/** A length for each of some things, perhaps in parts. */
export interface Bars {
  readonly kind: 'bars';
  readonly title: string;
  readonly unit: Unit;
  readonly bars: readonly { readonly label: string; readonly parts: readonly { readonly name: string; readonly value: number }[] }[];
}

/** Values over time, evenly spaced. */
export interface Lines {
  readonly kind: 'lines';
  readonly title: string;
  /** Of the first value, ms since 1970. */
  readonly begin: number;
  /** Between two values, ms. */
  readonly step: number;
  readonly lines: readonly {
    readonly name: string;
    readonly unit: Unit;
    readonly values: readonly number[];
    /** What there is at the time, not what is counted in it. */
    readonly level?: true;
  }[];
  /** What happened when. */
  readonly marks: readonly { readonly at: number; readonly text: string }[];
}

/** A number for each pair of two things: the more, the darker. */
export interface Heat {
  readonly kind: 'heat';
  readonly title: string;
  readonly unit: Unit;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** By row, then by column; null: not known. */
  readonly cells: readonly (readonly (number | null)[])[];
}

/** When things began and ended. */
export interface Spans {
  readonly kind: 'spans';
  readonly title: string;
  /** ms since 1970. */
  readonly begin: number;
  readonly end: number;
  /** `end` null: it goes on. */
  readonly spans: readonly { readonly label: string; readonly begin: number; readonly end: number | null; readonly note: string }[];
}

export type Unit = 'count' | 'bytes' | 'seconds';

/** A chart over time has no more marks of changes than that: the newest. */
export const MOST_MARKS = 200;
