import type { Plot } from './api.ts';
import type { ChartLine } from './chart-text.ts';

export interface Pieces {
  /** Begin of each piece, seconds since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
  /** When the last piece ends, or now if it still runs; seconds since 1970. */
  readonly until: number;
  /** How long a piece is, s. */
  readonly step: number;
  /** The last piece still runs: its counts are those of so far, at the same rate for all of it. */
  readonly running: boolean;
}

/** A piece that has run for less than this part of its length says nothing yet. */
const YOUNG = 0.25;

/** What is counted so far in a piece that still runs, as if it went on like that; null where it has hardly begun. */
export function soFar(value: number, elapsed: number, step: number): number | null {
  return elapsed < step * YOUNG ? null : (value * step) / elapsed;
}

/**
 * A report's pieces of time for a chart. Counts of the one that still runs are projected to its end, as its half would look like a collapse; the chart says so. What is a state, or a
 * lifetime, stands as it is.
 */
export function piecesOf({ begin, step, lines }: Extract<Plot, { kind: 'lines' }>, now = Date.now()): Pieces {
  const length = Math.max(0, ...lines.map(({ values }) => values.length));
  const end = begin + length * step;
  const running = length > 0 && end > now;
  const elapsed = now - (end - step);
  return {
    times: Array.from({ length }, (_, i) => (begin + i * step) / 1000),
    lines: lines.map((line) => ({
      ...line,
      values: line.values.map((value, i) =>
        running && i === length - 1 && line.unit === 'count' && line.level !== true ? soFar(value, elapsed, step) : value,
      ),
    })),
    until: Math.min(end, now) / 1000,
    step: step / 1000,
    running,
  };
}
