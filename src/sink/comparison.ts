import type { Lack } from '../spool/cursors.js';
import type { RefusedSegment } from '../spool/refusals.js';
import { scanEvents } from '../spool/scan.js';
import type { Segment, SequenceRange } from '../spool/segment.js';
import { sentenceOf } from '../wire/errors.js';
import { type ContentOptions, type ContentReport, notCompared } from './content.js';
import { type LackReport, lackReport } from './lack.js';
import type { HourTally, SequenceSpan, Sink, TakenSpan } from './sink.js';

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
  /** Events that it need not have any more, since they are older than it keeps them, and has not: no longer provable, and no failure. */
  readonly expired: number;
  /** Events that it had, and that were taken out of it as one may: no failure. They are not compared. */
  readonly taken: number;
  readonly differences: readonly HourDifference[];
  /** Segments that it refused, which are set aside. */
  readonly refused: readonly RefusedSegment[];
  /** Events in the spool that it was not given yet: no failure. */
  readonly waiting: number;
  /** What was gone before it had it; null: nothing. A failure until it is accepted, or older than what is judged. */
  readonly lacks: LackReport | null;
  /** Why it takes nothing now; null when it does. */
  readonly away: string | null;
  /** Why its cursor is not believed, a sentence; null: it is. Where a collector runs each segment is then looked for in the sink. */
  readonly doubt: string | null;
  /** What its rows say; null: it has nothing to compare that with, so only counts are compared. */
  readonly content: ContentReport | null;
  /** It has what it was given, once. */
  readonly ok: boolean;
}

/** A sink and how far it is. */
export interface SinkToCompare {
  readonly sink: Pick<Sink, 'name' | 'tally' | 'keptSince' | 'taken' | 'content'>;
  /** The last segment that it has. */
  readonly delivered: number;
  readonly refused: readonly RefusedSegment[];
  /** What was gone before the sink had it. */
  readonly lacks?: Lack | undefined;
  /** Why its cursor is not believed, a sentence: segments that it is said not to have may be there. */
  readonly doubt?: string | undefined;
  /** Nobody looks for them now, so that nothing can be proven. */
  readonly unsettled?: boolean;
  /** Why it takes nothing now, so that it need not be waited for; a sentence. */
  readonly away?: string | undefined;
}

const keyOf = ({ node, epoch, record, hour }: Pick<HourTally, 'node' | 'epoch' | 'record' | 'hour'>): string =>
  JSON.stringify([node, epoch, record, hour]);

/** Counts the events of a segment's file by the hour of their own time, those that are in `without` left out. */
export async function tallySegment(segment: Segment, without: readonly SequenceRange[] = []): Promise<HourTally[]> {
  const hours = new Map<number, number>();
  const out = without.map(({ first, last }) => [Number(first), Number(last)] as const);
  await scanEvents(segment.path, (sequence, seconds) => {
    if (out.some(([first, last]) => sequence >= first && sequence <= last)) return;
    const hour = Math.floor(seconds / 3600) * 3600;
    hours.set(hour, (hours.get(hour) ?? 0) + 1);
  });
  const { node, epoch, record } = segment;
  return [...hours].map(([hour, events]) => ({ node, epoch, record, hour, events, distinct: events }));
}

/** Compares sinks with the sealed segments of a spool: the same counts per node, epoch, record type and hour. What a sink cannot be asked is told, not assumed. */
export class SinkComparison {
  private readonly segments: readonly Segment[];
  private readonly parts: readonly Pick<Segment, 'id' | 'count'>[];
  private readonly tallies = new Map<number, Promise<HourTally[] | undefined>>();

  /** `parts`: what sinks are given, if there is more than those segments. */
  constructor(segments: readonly Segment[], parts: readonly Pick<Segment, 'id' | 'count'>[] = segments) {
    this.segments = segments;
    this.parts = parts;
  }

  async compare(
    { sink, delivered, refused, away, lacks, doubt, unsettled = false }: SinkToCompare,
    options: ContentOptions = {},
  ): Promise<SinkReport> {
    const aside = new Set(refused.map(({ id }) => id));
    const waiting = waitingOf(this.parts, delivered);
    const compared: Segment[] = [];
    const asked: SequenceSource[] = [];
    let taken = 0;
    let gone: readonly TakenSpan[];
    try {
      gone = (await sink.taken?.()) ?? [];
    } catch {
      gone = []; // tally() tells why
    }
    const expected = new Map<string, HourTally>();
    for (const segment of this.segments) {
      if (segment.id > delivered || aside.has(segment.id)) continue;
      const without = within(segment, gone);
      const tally = await this.tallyOf(segment, without);
      if (tally === undefined) continue; // removed while we read
      compared.push(segment);
      asked.push({ ...segment, ranges: segment.ranges.flatMap((range) => rest(range, without)) });
      taken += segment.count - tally.reduce((sum, { events }) => sum + events, 0);
      for (const one of tally) add(expected, one);
    }
    const events = compared.reduce((sum, { count }) => sum + count, 0);
    const content = await contentOf(sink, options);
    const whole = lacks === undefined || lacks.accepted || lacks.atMs < (options.sinceMs ?? 0);
    const known = { lacks: lackReport(lacks), doubt: doubt ?? null };
    const base = { name: sink.name, segments: compared.length, events, refused, waiting, away: away ?? null, taken, ...known, content };
    const unchecked = (reason: string): SinkReport => ({
      ...base,
      checked: false,
      reason,
      missing: 0,
      duplicates: 0,
      expired: 0,
      differences: [],
      ok: false,
    });
    if (sink.tally === undefined) return unchecked('It has no way to count what it has.');
    const spans = spansOf(asked);
    let found: HourTally[];
    const kept: Record<Segment['record'], number | undefined> = { conn: undefined, control: undefined };
    try {
      found = spans.length === 0 ? [] : await sink.tally(spans);
      // Afterwards: what went away meanwhile is then older, too.
      for (const record of ['conn', 'control'] as const) kept[record] = await sink.keptSince?.(record);
    } catch (error) {
      return unchecked(sentenceOf(error));
    }
    const old = ({ record, hour }: HourDifference): boolean => hour * 1000 < (kept[record] ?? Number.NEGATIVE_INFINITY);
    const all = differencesOf(expected, found);
    const expired = all.reduce((sum, one) => sum + (old(one) ? Math.max(0, one.expected - one.distinct) : 0), 0);
    // Copies are too many however old they are.
    const differences = all.filter((one) => !old(one) || one.found > one.distinct || one.distinct > one.expected);
    const missing = differences.reduce((sum, one) => sum + (old(one) ? 0 : Math.max(0, one.expected - one.distinct)), 0);
    const duplicates = differences.reduce(
      (sum, one) => sum + (old(one) ? one.found - Math.min(one.distinct, one.expected) : Math.max(0, one.found - one.expected)),
      0,
    );
    const ok = differences.length === 0 && refused.length === 0 && content?.ok !== false && whole && !unsettled;
    return { ...base, checked: true, reason: null, missing, duplicates, expired, differences, ok };
  }

  /** Of one segment, read once however many sinks there are, but for those that lack some of it; undefined when its file is gone. */
  private tallyOf(segment: Segment, without: readonly SequenceRange[]): Promise<HourTally[] | undefined> {
    const known = without.length === 0 ? this.tallies.get(segment.id) : undefined;
    if (known !== undefined) return known;
    const made = tallySegment(segment, without).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (without.length === 0) this.tallies.set(segment.id, made);
    return made;
  }
}

/** What the rows of a sink say; null: it cannot tell. */
async function contentOf(sink: SinkToCompare['sink'], options: ContentOptions): Promise<ContentReport | null> {
  if (sink.content === undefined) return null;
  try {
    return await sink.content(options);
  } catch (error) {
    return notCompared(sentenceOf(error));
  }
}

/** Events of segments after `delivered`. */
export function waitingOf(parts: readonly Pick<Segment, 'id' | 'count'>[], delivered: number): number {
  return parts.reduce((sum, { id, count }) => sum + (id > delivered ? count : 0), 0);
}

type SequenceSource = Pick<Segment, 'node' | 'epoch' | 'ranges'>;

/** What of the spans meets a segment, ascending. */
function within({ node, epoch, record, ranges }: Segment, spans: readonly TakenSpan[]): SequenceRange[] {
  return spans
    .filter((span) => span.record === record && span.node === node && span.epoch === epoch)
    .filter((span) => ranges.some(({ first, last }) => span.first <= last && span.last >= first))
    .sort((a, b) => (a.first < b.first ? -1 : 1));
}

/** A range without others, which are ascending. */
function rest({ first, last }: SequenceRange, without: readonly SequenceRange[]): SequenceRange[] {
  const left: SequenceRange[] = [];
  let next = first;
  for (const one of without) {
    if (one.first > last) break;
    if (one.first > next) left.push({ first: next, last: one.first - 1n });
    if (one.last >= next) next = one.last + 1n;
  }
  if (next <= last) left.push({ first: next, last });
  return left;
}

/** The sequences of segments, as few spans as there can be. */
export function spansOf(segments: readonly SequenceSource[]): SequenceSpan[] {
  const epochs = new Map<string, { node: string; epoch: string; ranges: SequenceRange[] }>();
  for (const { node, epoch, ranges } of segments) {
    const key = JSON.stringify([node, epoch]);
    const one = epochs.get(key) ?? { node, epoch, ranges: [] };
    for (const range of ranges) one.ranges.push(range);
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
