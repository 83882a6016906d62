import { ALWAYS_DOUBTED, type CursorReading, type Lack, type SinkCursor } from './cursors.js';
import type { Extent } from './extent.js';
import type { LogPosition } from './index-file.js';
import { LOCAL_EPOCH, type Loss } from './loss.js';
import { countOf, missingOf } from './run.js';
import type { Segment, SequenceRange } from './segment.js';
import { hull, type SealedPart, type SpoolState, type StateReading } from './state.js';

/*
 * A start compares what the spool says of itself: its segments, its state, and how far each sink is. All of it may have been removed, damaged or put back from an older copy,
 * each for itself. Nothing here reads or writes: what is to be done is the answer.
 */

/** Why the cursor of a sink that has none is not believed: nothing is wrong with that. */
export const NEW_ON_SPOOL = 'It is new on this spool.';

/** What a start finds. */
export interface Standing {
  /** As it was on disk. */
  readonly reading: StateReading['state'];
  /** With what the segments say that are there. */
  readonly state: SpoolState;
  /** As it was on disk. */
  readonly newestBefore: number;
  /** Sealed, ascending by id. */
  readonly segments: readonly Pick<Segment, 'id' | 'chain' | 'epoch' | 'ranges' | 'count'>[];
  /** Chain value before the oldest of them; empty: not known. */
  readonly before: string;
  /** Ids of segments that are accounted for elsewhere: in quarantine, or noted as dropped. */
  readonly elsewhere: ReadonlySet<number>;
  /** What this start found missing within runs, and has told: it is not told again. */
  readonly vanished: readonly Pick<Extent, 'epoch' | 'ranges'>[];
  readonly position: LogPosition | undefined;
  readonly cursors: ReadonlyMap<string, CursorReading>;
  readonly nowMs: number;
}

/** How a sink goes on. */
export interface CursorStanding {
  readonly cursor: SinkCursor;
  /** Why its cursor was not believed, a sentence; undefined: it was. */
  readonly doubt: string | undefined;
}

/** Segments that are gone, and not by us. */
export interface Missing {
  /** Ids of the first and the last. */
  readonly first: number;
  readonly last: number;
  /** To be written into the log; undefined: every sink has what they held. */
  readonly loss: Loss | undefined;
  /** The capture's log is accounted for up to here. */
  readonly position: LogPosition | undefined;
}

/** The highest id that was ever given, as far as anybody knows. */
function topOf({ state, segments, elsewhere }: Standing): number {
  return Math.max(state.newest, segments.at(-1)?.id ?? 0, ...elsewhere);
}

/** Whether a cursor speaks of a spool that is not this one. */
function contradicts(cursor: SinkCursor, standing: Standing): boolean {
  if (cursor.delivered > topOf(standing)) return true;
  // Of a later generation than a whole state: what it has had was in the spool in whose place the older copy came.
  if (standing.reading === 'whole' && cursor.generation > standing.state.generation) return true;
  const same = standing.segments.find(({ id }) => id === cursor.delivered);
  return same !== undefined && cursor.chain !== '' && cursor.chain !== same.chain;
}

/** The generation of the spool from now on: one more than ever where it is not what it, or a cursor, says that it was. */
export function generationOf(standing: Standing): number {
  const { state, reading, segments, elsewhere, newestBefore } = standing;
  const cursors = [...standing.cursors.values()].flatMap((one) => (one.state === 'whole' ? [one.cursor] : []));
  const known = Math.max(0, ...cursors.map(({ generation }) => generation));
  const older =
    reading === 'damaged' ||
    newestBefore > Math.max(segments.at(-1)?.id ?? 0, ...elsewhere) ||
    (reading === 'absent' && known > 0) ||
    known > state.generation ||
    cursors.some((cursor) => contradicts(cursor, standing));
  return older ? Math.max(state.generation, known) + 1 : state.generation;
}

/** How a sink goes on: where nothing can be relied upon, from the oldest segment, and each is looked for in the sink before it is sent. */
export function standingOf(name: string, reading: CursorReading, generation: number, standing: Standing): CursorStanding {
  const { state, segments, before } = standing;
  const top = topOf(standing);
  const start = segments[0] === undefined ? top : segments[0].id - 1;
  const fresh = { delivered: start, chain: segments[0] === undefined ? '' : before, generation, lacks: undefined };
  const had = state.cursors[name];
  if (reading.state !== 'whole') {
    const isNew = had === undefined && reading.state === 'absent';
    // A damaged one held everything back that it had not got.
    const older = isNew || had !== undefined ? lackOf((had ?? 0) + 1, start, isNew, standing) : undefined;
    const lack = isNew ? withLack(older, passedOver(start, standing)) : older;
    const doubt = isNew
      ? top === 0
        ? undefined
        : NEW_ON_SPOOL
      : reading.state === 'damaged'
        ? reading.reason
        : `Its cursor is gone, which was at segment ${had}.`;
    return { cursor: { ...fresh, doubtUntil: top > start ? top : 0, lacks: lack }, doubt };
  }
  const { cursor } = reading;
  if (contradicts(cursor, standing))
    return {
      cursor: { ...fresh, doubtUntil: ALWAYS_DOUBTED, lacks: cursor.lacks },
      doubt: `Its cursor is at segment ${cursor.delivered} of a spool that is not this one: the spool was put back from an older copy, or the cursor is another one's.`,
    };
  const foreign = cursor.generation !== 0 && (standing.reading !== 'whole' || cursor.generation !== state.generation);
  const setBack = had !== undefined && had > cursor.delivered;
  const doubtUntil = foreign ? ALWAYS_DOUBTED : setBack ? top : cursor.doubtUntil === ALWAYS_DOUBTED ? top : cursor.doubtUntil;
  const doubt = foreign
    ? `Its cursor is of generation ${cursor.generation} of the spool, which is in generation ${generation} since its start.`
    : setBack
      ? `Its cursor was set back from segment ${had} to ${cursor.delivered}.`
      : undefined;
  const gone = cursor.delivered < start && (cursor.chain === '' || cursor.chain !== before);
  const lack = gone ? lackOf(Math.max(cursor.delivered, state.toldTo) + 1, start, false, standing) : undefined;
  const next = { ...cursor, generation, doubtUntil, lacks: withLack(cursor.lacks, lack) };
  return { cursor: lack === undefined ? next : { ...next, delivered: start, chain: before }, doubt };
}

/** What a sink lacks of the segments between two ids; undefined: nothing that is not accounted for. */
function lackOf(first: number, last: number, isNew: boolean, { state, elsewhere, nowMs }: Standing): Lack | undefined {
  const told = (id: number): boolean => elsewhere.has(id);
  let [from, to] = [first, last];
  while (from <= to && told(from)) from++;
  while (to >= from && told(to)) to--;
  if (from > to) return undefined;
  const oldestKnown = state.recent[0]?.id ?? Number.POSITIVE_INFINITY;
  const events = isNew || from < oldestKnown ? null : sum(state.recent.filter(({ id }) => id >= from && id <= to && !told(id)));
  return { first: from, last: to, events, atMs: nowMs, isNew, recorded: false, accepted: false };
}

/** What a new sink lacks of the segments that are here: those that went when every other sink had them. */
function passedOver(start: number, { state: { passed }, nowMs }: Standing): Lack | undefined {
  if (passed === undefined || passed.last <= start) return undefined;
  const first = Math.max(passed.first, start + 1);
  return { first, last: passed.last, events: null, atMs: nowMs, isNew: true, recorded: false, accepted: false };
}

/** Both together. */
export function withLack(had: Lack | undefined, more: Lack | undefined): Lack | undefined {
  if (had === undefined || more === undefined) return more ?? had;
  return {
    first: Math.min(had.first, more.first),
    last: Math.max(had.last, more.last),
    events: had.events === null || more.events === null ? null : had.events + more.events,
    atMs: more.atMs,
    isNew: had.isNew && more.isNew,
    recorded: false,
    accepted: false,
  };
}

/** Segments that were sealed, are not there, and were not removed by us; undefined: none. `delivered`: how far each sink is, by name. */
export function missingFrom(standing: Standing, delivered: ReadonlyMap<string, number>): Missing | undefined {
  const { state, segments, elsewhere, newestBefore } = standing;
  const oldest = segments[0]?.id ?? 0;
  const newest = Math.max(segments.at(-1)?.id ?? 0, ...elsewhere);
  const there = new Map(segments.map((segment) => [segment.id, segment]));
  // What is older than the oldest was removed in order; what a sink lacks of it is that sink's matter.
  const parts = state.recent.filter(({ id }) => id >= oldest && !elsewhere.has(id)).flatMap((part) => restOf(part, there.get(part.id)));
  const known = state.recent[0]?.id ?? Number.POSITIVE_INFINITY;
  const found =
    newestBefore > newest && known > newest + 1 ? [...partsOfSpans(standing, newest), ...parts.filter(({ id }) => id <= newest)] : parts;
  const all = withoutTold(found, standing.vanished);
  const unsealed = unsealedAmong(found, standing);
  const [first, last] = [all[0], all.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const behind = [...delivered].filter(([, id]) => id < last.id).map(([name]) => `sink ${name}`);
  const least = Math.min(Number.POSITIVE_INFINITY, ...delivered.values());
  const lost = delivered.size === 0 ? all : all.filter(({ id }) => id > least);
  const events = lost.filter(({ epoch }) => !epoch.startsWith(LOCAL_EPOCH));
  const own = sum(lost) - sum(events);
  const whom = behind.length === 0 ? '' : ` that ${behind.join(' and ')} had not got`;
  const records = own === 0 ? '' : `, and ${own} records of the collector's own`;
  const between = unsealed === 0 ? '' : `; with them went ${unsealed} events between them that were not sealed yet`;
  const which = first.id === last.id ? `Segment ${first.id}, or the end of it, is` : `Segments ${first.id} to ${last.id} are`;
  const detail = `${which} missing from the spool, and vslog did not remove it: ${sum(events)} events (sequences ${spansText(events)})${records}${whom}${between}.`;
  const gone = BigInt(sum(events) + unsealed);
  const loss: Loss | undefined = lost.length === 0 && unsealed === 0 ? undefined : { where: 'spool', lost: gone, detail };
  return { first: first.id, last: last.id, loss, position: positionAfter(all, newest, standing.position) };
}

/** Whether sequences that were here and are not are those of segments that are known to be gone: who has what these held is known, and missingFrom() tells it. */
export function areOf(gone: readonly SealedPart[], { epoch, ranges, count }: Extent): boolean {
  const own = gone.filter((part) => part.epoch === epoch && ranges.some(({ first, last }) => part.first <= last && part.last >= first));
  return sum(own) >= count && ranges.every(({ first, last }) => missingOf(first, last, own).length === 0);
}

/** What is not there of a segment: all of it, or the end of one that an older copy had not got whole. */
function restOf(part: SealedPart, there: Pick<Segment, 'ranges' | 'count'> | undefined): SealedPart[] {
  if (there === undefined) return [part];
  const count = part.count - there.count;
  return count > 0 ? [{ ...part, first: (there.ranges.at(-1)?.last ?? part.first - 1n) + 1n, count }] : [];
}

/**
 * Parts less what was told. Of a part its first and last sequence are known, and how many there were: what was told between them was of this part or of one beside it, and together it is
 * right.
 */
function withoutTold(parts: readonly SealedPart[], told: Standing['vanished']): SealedPart[] {
  const left = new Map<string, number>();
  for (const { epoch, ranges } of told) {
    const own = parts.filter((part) => part.epoch === epoch);
    const within = ranges.flatMap(({ first, last }) => missingOf(first, last, missingOf(first, last, own)));
    left.set(epoch, (left.get(epoch) ?? 0) + countOf(within));
  }
  return parts
    .map((part) => {
      const taken = Math.min(part.count, left.get(part.epoch) ?? 0);
      left.set(part.epoch, (left.get(part.epoch) ?? 0) - taken);
      return { ...part, count: part.count - taken };
    })
    .filter(({ count }) => count > 0);
}

/**
 * Events that lie between those of segments that are gone, and that neither they nor those that are there held: the segment of the other record type held them, which was not sealed
 * and is gone, too. The two of one run have all its sequences, so those whose sequences overlap are of one run.
 */
function unsealedAmong(parts: readonly SealedPart[], { segments, vanished }: Standing): number {
  const runs: (SequenceRange & { readonly epoch: string; readonly count: number })[] = [];
  for (const part of parts.filter(({ epoch }) => !epoch.startsWith(LOCAL_EPOCH))) {
    const at = runs.findIndex(({ epoch, first, last }) => epoch === part.epoch && first <= part.last && last >= part.first);
    const had = runs[at];
    if (had === undefined) runs.push(part);
    else runs[at] = { ...hull(had, part), epoch: part.epoch, count: had.count + part.count };
  }
  return runs.reduce((total, { epoch, first, last, count }) => {
    const known = [...segments, ...vanished].filter((one) => one.epoch === epoch).flatMap(({ ranges }) => ranges);
    return total + Math.max(0, countOf(missingOf(first, last, known)) - count);
  }, 0);
}

/** By epochs, where there are too many segments to know each: from what is there on. */
function partsOfSpans({ state, segments, position }: Standing, newest: number): SealedPart[] {
  return state.spans
    .filter(({ lastId }) => lastId > newest)
    .map(({ node, epoch, first, last, firstId, lastId }) => {
      const reached =
        segments
          .filter((segment) => segment.epoch === epoch)
          .at(-1)
          ?.ranges.at(-1)?.last ?? first - 1n;
      const had = position?.epoch === epoch && position.sequence > reached ? position.sequence : reached;
      const from = firstId > newest ? first : had + 1n;
      return { id: lastId, node, epoch, first: from, last, count: Number(last - from) + 1 };
    })
    .filter(({ count }) => count > 0);
}

/** Where the capture's log stands after what is missing at the newest end. */
function positionAfter(parts: readonly SealedPart[], newest: number, position: LogPosition | undefined): LogPosition | undefined {
  const isTop = ({ id, epoch, last }: SealedPart): boolean => id >= newest || (epoch === position?.epoch && last > position.sequence);
  const top = parts.filter((part) => isTop(part) && !part.epoch.startsWith(LOCAL_EPOCH));
  const epoch = top.at(-1)?.epoch;
  if (epoch === undefined) return undefined;
  const { last: sequence } = top.filter((part) => part.epoch === epoch).reduce<SequenceRange>(hull, { first: 0n, last: 0n });
  return position?.epoch === epoch && position.sequence >= sequence ? undefined : { epoch, sequence };
}

function spansText(parts: readonly SealedPart[]): string {
  const epochs = new Map<string, SequenceRange[]>();
  for (const { epoch, first, last } of parts) {
    const spans = epochs.get(epoch) ?? [];
    const touching = spans.filter((span) => first <= span.last + 1n && last >= span.first - 1n);
    const one = touching.reduce(hull, { first, last });
    epochs.set(epoch, [...spans.filter((span) => !touching.includes(span)), one]);
  }
  const texts = [...epochs].map(([epoch, spans]) => `${spans.map(({ first, last }) => `${first}-${last}`).join(', ')} of epoch ${epoch}`);
  return texts.length === 0 ? 'none' : texts.length <= 8 ? texts.join('; ') : [...texts.slice(0, 4), '...', ...texts.slice(-4)].join('; ');
}

function sum(parts: readonly Pick<SealedPart, 'count'>[]): number {
  return parts.reduce((total, { count }) => total + count, 0);
}
