import { get, type History } from './api.ts';
import { type Asked, useAnswer } from './ask.ts';
import type { ChartLine } from './chart-text.ts';
import { soFar } from './pieces.ts';
import type { Span } from './time.ts';
import { ZONE } from './zone.ts';

/** How often what still runs is asked for again, ms. */
const EVERY_MS = 10_000;

/** The history of a time, narrowed by `vs`, `rs` or `node`; asked again while the time goes on. */
export function useHistory({ since, until }: Span, filters: Readonly<Record<string, string>> = {}): Asked<History> {
  const said = new URLSearchParams({ ...filters, since, ...(until === '' ? {} : { until }), zone: ZONE });
  const goesOn = until === '' || until === 'now';
  return useAnswer(`history ${said}`, (signal) => get<History>(`/api/history?${said}`, signal), goesOn ? EVERY_MS : undefined);
}

/** What a chart is given of a history. */
export interface Series {
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
  readonly begin: number;
  readonly until: number;
}

/** New and ended connections per minute, by piece. The piece that still runs has its rate so far. */
export function rateSeries({
  begin,
  step,
  until,
  known,
  running,
  ...history
}: History): Series & { readonly step: number; readonly running: boolean } {
  const last = history.new.length - 1;
  const elapsed = known - (begin + last * step);
  const rate = (counts: readonly number[]): (number | null)[] =>
    counts.map((count, i) => {
      const whole = running && i === last ? soFar(count, elapsed, step) : count;
      return whole === null ? null : (whole * 60_000) / step;
    });
  return {
    times: history.new.map((_count, i) => (begin + i * step) / 1000),
    lines: [
      { name: 'new', unit: 'count', values: rate(history.new) },
      { name: 'ended', unit: 'count', values: rate(history.ended) },
    ],
    begin: begin / 1000,
    until: until / 1000,
    step: step / 1000,
    running,
  };
}

/** Samples of now, oldest first. */
export interface Sample {
  /** Unix time, ms. */
  readonly at: number;
  /** By the name of the line; null: not known then. */
  readonly values: Readonly<Record<string, number | null>>;
}

/** Levels by name at the ends of a history's pieces, and after them the samples of now. `live`: the time goes on, so that there are such. */
export function levelSeries(
  history: History,
  levels: Readonly<Record<string, readonly number[]>>,
  samples: readonly Sample[],
  live: boolean,
): Series {
  const { begin, step, until, known } = history;
  const now = live ? samples.filter(({ at }) => at >= begin) : [];
  const first = now[0]?.at ?? Number.POSITIVE_INFINITY;
  // The last piece is known as far as that.
  const ends = history.open.map((_open, i) => Math.min(begin + (i + 1) * step, known));
  const kept = ends.flatMap((end, i) => (end < first ? [i] : []));
  return {
    times: [...kept.map((i) => (ends[i] ?? 0) / 1000), ...now.map(({ at }) => at / 1000)],
    lines: Object.entries(levels).map(([name, values]) => ({
      name,
      unit: 'count',
      values: [...kept.map((i) => values[i] ?? null), ...now.map((sample) => sample.values[name] ?? null)],
    })),
    begin: begin / 1000,
    until: Math.max(until, now.at(-1)?.at ?? 0) / 1000,
  };
}

/** The name of the line of all real servers that have none of their own. */
export const OTHERS = 'all others';

/** The lines of a history's real servers: those with most to do, and all others together. */
export function serverLevels({ servers, others }: History): Record<string, readonly number[]> {
  return { ...Object.fromEntries(servers.map(({ name, open }) => [name, open])), ...(others === null ? {} : { [OTHERS]: others }) };
}
