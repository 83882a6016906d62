import type { Plot } from './api.ts';
import type { ChartLine } from './chart-text.ts';

export interface Pieces {
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
  /** When the last piece ends, or now if it still runs; seconds since 1970. */
  readonly until: number;
  /** The last piece still runs, and is left out. */
  readonly running: boolean;
}

/** A report's pieces of time for a chart. The one that still runs is left out: half a minute's count would look like a collapse. */
export function piecesOf({ begin, step, lines }: Extract<Plot, { kind: 'lines' }>): Pieces {
  const length = Math.max(0, ...lines.map(({ values }) => values.length));
  const end = begin + length * step;
  const now = Date.now();
  // The only one is shown all the same.
  const running = length > 1 && end > now;
  const kept = running ? length - 1 : length;
  return {
    times: Array.from({ length: kept }, (_, i) => (begin + i * step) / 1000),
    lines: lines.map((line) => ({ ...line, values: line.values.slice(0, kept) })),
    until: Math.min(end, now) / 1000,
    running,
  };
}
