import { scanEvents } from '../spool/scan.js';
import type { Segment, SequenceRange } from '../spool/segment.js';
import { sentenceOf } from '../wire/errors.js';
import type { RefusedSegment } from './cursor.js';
import type { HourTally, SequenceSpan, Sink } from './sink.js';

/** An hour whose events in the sink are not the spool's. */
export interface HourDifference extends Omit<HourTally, 'events' | 'distinct'> {
  /** Events of the spool. */
  readonly expected: number;
  /** Copies in the sink. */
  readonly found: number;
  /** Events in the sink, each sequence once. */
  readonly distinct: number;
}

/** One sink against the spool, as far as the sink has been given it. */
export interface SinkReport {
  readonly name: string;
  /** Whether its events were counted. */
  readonly checked: boolean;
  /** Why not; null when they were. */
  readonly reason: string | null;
  /** Segments of the spool that were compared, and their events. */
  readonly segments: number;
  readonly events: number;
  /** Events that the sink should have and has not, and copies that it has too many. */
  readonly missing: number;
  readonly duplicates: number;
  readonly differences: readonly HourDifference[];
  /** Segments that it refused, which are set aside. */
  readonly refused: readonly RefusedSegment[];
  /** Events in the spool that it was not given yet. */
  readonly waiting: number;
  readonly ok: boolean;
}

/** A sink and how far it is. */
export interface SinkToCompare {
  readonly sink: Pick<Sink, 'name' | 'tally'>;
  /** The last segment that it has. */
  readonly delivered: number;
  readonly refused: readonly RefusedSegment[];
}

const keyOf = ({ node, epoch, record, hour }: Pick<HourTally, 'node' | 'epoch' | 'record' | 'hour'>): string =>
  JSON.stringify([node, epoch, record, hour]);

/** Counts the events of a segment's file by the hour of their own time. */
export async function tallySegment(segment: Segment): Promise<HourTally[]> {
  const hours = new Map<number, number>();
  await scanEvents(segment.path, (_sequence, seconds) => {
    const hour = Math.floor(seconds / 3600) * 3600;
    hours.set(hour, (hours.get(hour) ?? 0) + 1);
  });
  const { node, epoch, record } = segment;
  return [...hours].map(([hour, events]) => ({ node, epoch, record, hour, events, distinct: events }));
}

/** Compares sinks with the sealed segments of a spool: the same counts per node, epoch, record type and hour. What a sink cannot be asked is told, not assumed. */
export class SinkComparison {
  private readonly segments: readonly Segment[];
  private readonly tallies = new Map<number, Promise<HourTally[] | undefined>>();

  constructor(segments: readonly Segment[]) {
    this.segments = segments;
  }

  async compare({ sink, delivered, refused }: SinkToCompare): Promise<SinkReport> {
    const aside = new Set(refused.map(({ id }) => id));
    const waiting = this.segments.reduce((sum, { id, count }) => sum + (id > delivered ? count : 0), 0);
    const compared: Segment[] = [];
    const expected = new Map<string, HourTally>();
    for (const segment of this.segments) {
      if (segment.id > delivered || aside.has(segment.id)) continue;
      const tally = await this.tallyOf(segment);
      if (tally === undefined) continue; // removed while we read
      compared.push(segment);
      for (const one of tally) add(expected, one);
    }
    const events = compared.reduce((sum, { count }) => sum + count, 0);
    const base = { name: sink.name, segments: compared.length, events, refused, waiting };
    const unchecked = (reason: string): SinkReport => ({
      ...base,
      checked: false,
      reason,
      missing: 0,
      duplicates: 0,
      differences: [],
      ok: false,
    });
    if (sink.tally === undefined) return unchecked('It has no way to count what it has.');
    let found: HourTally[];
    try {
      found = compared.length === 0 ? [] : await sink.tally(spansOf(compared));
    } catch (error) {
      return unchecked(sentenceOf(error));
    }
    const differences = differencesOf(expected, found);
    const missing = differences.reduce((sum, { expected: wanted, distinct }) => sum + Math.max(0, wanted - distinct), 0);
    const duplicates = differences.reduce((sum, { expected: wanted, found: copies }) => sum + Math.max(0, copies - wanted), 0);
    const ok = differences.length === 0 && refused.length === 0 && waiting === 0;
    return { ...base, checked: true, reason: null, missing, duplicates, differences, ok };
  }

  /** Of one segment, read once however many sinks there are; undefined when its file is gone. */
  private tallyOf(segment: Segment): Promise<HourTally[] | undefined> {
    const known = this.tallies.get(segment.id);
    if (known !== undefined) return known;
    const made = tallySegment(segment).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    this.tallies.set(segment.id, made);
    return made;
  }
}

/** The sequences of segments, as few spans as there can be. */
export function spansOf(segments: readonly Pick<Segment, 'node' | 'epoch' | 'ranges'>[]): SequenceSpan[] {
  const epochs = new Map<string, { node: string; epoch: string; ranges: SequenceRange[] }>();
  for (const { node, epoch, ranges } of segments) {
    const key = JSON.stringify([node, epoch]);
    const one = epochs.get(key) ?? { node, epoch, ranges: [] };
    one.ranges.push(...ranges);
    epochs.set(key, one);
  }
  return [...epochs.values()].flatMap(({ node, epoch, ranges }) => {
    const spans: { node: string; epoch: string; first: bigint; last: bigint }[] = [];
    for (const { first, last } of ranges.sort((a, b) => (a.first < b.first ? -1 : 1))) {
      const current = spans.at(-1);
      if (current !== undefined && first <= current.last + 1n) {
        if (last > current.last) current.last = last;
      } else spans.push({ node, epoch, first, last });
    }
    return spans;
  });
}

function add(into: Map<string, HourTally>, tally: HourTally): void {
  const key = keyOf(tally);
  const had = into.get(key);
  into.set(key, had === undefined ? tally : { ...had, events: had.events + tally.events, distinct: had.distinct + tally.distinct });
}

function differencesOf(expected: ReadonlyMap<string, HourTally>, found: readonly HourTally[]): HourDifference[] {
  const have = new Map<string, HourTally>();
  for (const one of found) add(have, one);
  const differences: HourDifference[] = [];
  for (const key of new Set([...expected.keys(), ...have.keys()])) {
    const wanted = expected.get(key);
    const got = have.get(key);
    const { node, epoch, record, hour } = (wanted ?? got) as HourTally;
    const [count, copies, distinct] = [wanted?.events ?? 0, got?.events ?? 0, got?.distinct ?? 0];
    if (count !== copies || count !== distinct) differences.push({ node, epoch, record, hour, expected: count, found: copies, distinct });
  }
  return differences.sort((a, b) => a.hour - b.hour);
}
