/*
 * How an event comes from the capture to every sink once, as plain values: what each part remembers, and what of it a death or a power cut leaves. steps.ts has what happens, one
 * step at a time. Production does the same with files, sockets and time; where, each step says.
 */

/** What production does against losses: each can be left out, to see what happens then. */
export interface Mends {
  /** All sinks are known before anything is removed. */
  readonly knownSinks: boolean;
  /** The cursor of a sink that is off holds segments back, and what it lacks is told. */
  readonly idleCursors: boolean;
  /** A footer speaks only of what is durable. */
  readonly ownPositions: boolean;
  /** Ids of segments never go back. */
  readonly ids: boolean;
  /** A loss has an identity: told again it counts once. */
  readonly identity: boolean;
}

export const ALL: Mends = { knownSinks: true, idleCursors: true, ownPositions: true, ids: true, identity: true };

/** Both record types of the capture; a loss record is the collector's own. */
export type Kind = 'conn' | 'control';

/** A number of what the capture made, from 1, without a gap. */
export type Sequence = number;

/** Events that are gone for good. `sink`: for that one alone; undefined: for those that have them not. */
export interface Loss {
  readonly id: string;
  readonly events: readonly Sequence[];
  readonly sink?: string;
}

/** A segment's file. */
export interface Segment {
  readonly id: number;
  readonly kind: Kind | 'loss';
  readonly events: readonly Sequence[];
  /** Of kind `loss`. */
  readonly losses: readonly Loss[];
  /** Its footer says up to where the capture's log is in the spool; undefined: it is not sealed. */
  readonly position: Sequence | undefined;
}

/** What the spool remembers beyond its segments (src/spool/state.ts). */
export interface Memory {
  readonly newest: number;
  /** What sealed segments held that are to be there. */
  readonly sealed: Readonly<Record<number, readonly Sequence[]>>;
  /** Up to here what is missing is told, or every sink has it. */
  readonly accounted: Sequence;
}

/** A loss that is noted before anything goes, until its record is durable (src/spool/loss-ledger.ts). */
export interface Note {
  readonly loss: Loss;
  readonly remove: readonly number[];
}

/** The disk: each file as it is seen, and as a power cut leaves it. */
export interface Disk {
  readonly segments: Readonly<Record<number, { readonly now: Segment; readonly kept: Segment | undefined }>>;
  /** Written in place and durable at once, as two slots that take turns: so are the two below. The id up to which a sink has everything. */
  readonly cursors: Readonly<Record<string, number>>;
  readonly memory: Memory;
  readonly notes: readonly Note[];
}

/** A collector that lives; all of it goes with it. */
export interface Collector {
  readonly nextId: number;
  /** Of what is written, durable or not. */
  readonly written: Sequence;
  readonly durable: Sequence;
  /** Ids of the segments of the run that are open, at most one of each kind. */
  readonly open: readonly number[];
  /** Sinks that are waited for. */
  readonly known: readonly string[];
  /** The sink is being brought this segment, or has it and that is not noted yet. */
  readonly bringing: Readonly<Record<string, number>>;
  /** Up to this id what is in a segment is looked for in the sink first: it may have come before a death. */
  readonly looks: Readonly<Record<string, number>>;
  /** This process told the first note. */
  readonly told: boolean;
}

export interface Sink {
  readonly on: boolean;
  /** Copies of each event. */
  readonly has: Readonly<Record<Sequence, number>>;
  /** Loss records, as often as they came. */
  readonly told: readonly Loss[];
  /** The segment that it was brought last, which it keeps itself. */
  readonly last: Segment | undefined;
  /** What it has and whoever brought it died before that was noted: it may be told as lost. */
  readonly unsure: readonly Sequence[];
  /** That was not this spool's once: it may have more, and each event is looked for. */
  readonly doubts: boolean;
  /** What was gone when it came first: nobody promised that to it. */
  readonly before: readonly Sequence[];
}

export interface State {
  readonly mends: Mends;
  /** Kind of each event that was made: the first is sequence 1. */
  readonly made: readonly Kind[];
  /** What the capture let go of. */
  readonly acknowledged: Sequence;
  readonly disk: Disk;
  readonly collector: Collector | undefined;
  readonly sinks: Readonly<Record<string, Sink>>;
  /** Loss records that somebody removed with their segments: the log says how many of its own records are missing, and not what they said. */
  readonly removed: readonly Loss[];
}

export const SINKS = ['a', 'b'] as const;

const SINK: Sink = { on: true, has: {}, told: [], last: undefined, unsure: [], doubts: false, before: [] };

export function beginning(mends: Mends): State {
  return {
    mends,
    made: [],
    acknowledged: 0,
    disk: { segments: {}, cursors: {}, memory: { newest: 0, sealed: {}, accounted: 0 }, notes: [] },
    collector: undefined,
    sinks: { a: SINK, b: SINK },
    removed: [],
  };
}

/** The segments that are there, ascending by id. */
export function segmentsOf({ disk }: State): Segment[] {
  return Object.values(disk.segments).map(({ now }) => now);
}

export const isSealed = ({ position }: Segment): boolean => position !== undefined;

/** Of several numbers the largest; 0: there are none. */
export const most = (...numbers: readonly number[]): number => Math.max(0, ...numbers);

/** A record without one key. */
export function without<T>(record: Readonly<Record<number, T>>, key: number): Record<number, T> {
  const { [key]: _gone, ...rest } = record;
  return rest;
}
