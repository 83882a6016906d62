import type { Told } from '../../src/story/document.ts';

/** A connection in the picture: where it begins and how wide it is, in parts of the picture's width. */
export interface Bar {
  readonly left: number;
  readonly width: number;
  /** From 0: connections at the same time are beneath each other. */
  readonly row: number;
  readonly of: Told;
}

/** A real server of a service, on a director. */
export interface Lane {
  readonly real: string;
  readonly service: string;
  readonly node: string;
  readonly bars: readonly Bar[];
  /** How many are beneath each other, from 1. */
  readonly rows: number;
}

/** So many connections are beneath each other; more of them share the last row. */
const MOST_ROWS = 8;
/** No connection is narrower, in parts of the width: it would not be seen. */
const THINNEST = 1 / 300;

/** Connections by real server, those with the first beginning first, over the time from `begin` to `end` (ms). */
export function lanesOf(connections: readonly Told[], begin: number, end: number): Lane[] {
  const whole = Math.max(1, end - begin);
  const lanes = new Map<string, Told[]>();
  for (const one of [...connections].sort((a, b) => a.begin - b.begin)) {
    const key = `${one.node} ${one.service} ${one.real}`;
    lanes.set(key, [...(lanes.get(key) ?? []), one]);
  }
  return [...lanes.values()].flatMap((all) => {
    const [first] = all;
    if (first === undefined) return [];
    /** Where each row is free again, in parts of the width. */
    const free: number[] = [];
    const bars = all.map((of): Bar => {
      const left = Math.min(1 - THINNEST, Math.max(0, (of.begin - begin) / whole));
      const right = Math.min(1, Math.max(0, ((of.end ?? end) - begin) / whole));
      const width = Math.max(THINNEST, right - left);
      const found = free.findIndex((until) => until <= left);
      const row = found >= 0 ? found : Math.min(free.length, MOST_ROWS - 1);
      free[row] = Math.max(free[row] ?? 0, left + width);
      return { left, width, row, of };
    });
    return [{ real: first.real, service: first.service, node: first.node, bars, rows: free.length }];
  });
}

/** The time that a picture of these connections is of: no wider than they are, within what was asked for. ms. */
export function extentOf(connections: readonly Told[], since: number, until: number): readonly [begin: number, end: number] {
  const begin = Math.max(since, Math.min(until, ...connections.map((one) => one.begin)));
  const end = Math.min(until, Math.max(begin, ...connections.map((one) => one.end ?? until)));
  // Those that begin and end at once have a picture, too.
  const [least, margin] = [1000, Math.max(0, (end - begin) * 0.02)];
  return [Math.max(since, begin - margin), Math.min(until, Math.max(end + margin, begin + least))];
}
