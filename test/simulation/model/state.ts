/*
 * How an event comes from the capture to every sink once, as plain values: what each part remembers, and what of it a death or a power cut leaves. capture.ts, spool.ts and
 * delivery.ts have what the parts do, one step at a time, start.ts what a start does, faults.ts what may come between any two steps. Production does the same with files, sockets
 * and time; where, each step says. Events are numbered over all epochs here, from 1; production numbers each epoch for itself.
 */

/** What production does against losses: each can be left out, to see what happens then. */
export interface Mends {
  /** All configured sinks are known before anything is removed. */
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

/** Record types of the capture. A loss record is the collector's own. */
export type Kind = 'conn' | 'control';
/** Number of an event, from 1; 0: none. */
export type Sequence = number;

/** The capture (native/wire/journal.h). Its journal outlives it, unless somebody takes that away. */
export interface Capture {
  /** Record type of each event that it ever made. */
  readonly made: readonly Kind[];
  /** First event of each epoch. */
  readonly epochs: readonly Sequence[];
  /** The oldest event that its journal has; one more than it made: the journal is empty. */
  readonly oldest: Sequence;
  /** As the collector said, and it heard. */
  readonly acknowledged: Sequence;
}

/** The socket between the two (src/wire/client.ts). It goes with either of them, and with what is on the way. */
export interface Session {
  /** The last event that the capture sent. */
  readonly sent: Sequence;
  /** The last event that the collector acknowledged. */
  readonly acknowledged: Sequence;
}

/** Events that are gone for good. */
export interface Loss {
  readonly id: string;
  readonly events: readonly Sequence[];
  /** The record cannot say how many: `events` is what it comes to, which only the checks know. */
  readonly unknown?: boolean;
  /** The one sink that lacks them; undefined: whichever has them not. */
  readonly sink?: string;
}

/** A segment. */
export interface Segment {
  readonly id: number;
  readonly kind: Kind | 'loss';
  readonly events: readonly Sequence[];
  /** Of kind `loss`. */
  readonly losses: readonly Loss[];
  /** Its footer says up to where the capture's log is in the spool; undefined: it is not sealed. */
  readonly position: Sequence | undefined;
}

/** A file: as it is seen, and as a power cut leaves it (undefined: not at all). */
export interface File {
  readonly now: Segment;
  readonly kept: Segment | undefined;
}

/** What the spool remembers beyond its segments (src/spool/state.ts). */
export interface Memory {
  /** From 1. A start that finds the spool older than what it, or a cursor, says of it adds one. */
  readonly generation: number;
  /** Highest id of a sealed segment. */
  readonly newest: number;
  /** Sealed segments that are to be there, by id. Production keeps their sequences. */
  readonly sealed: Readonly<Record<number, Segment>>;
  /** Those that are known to be gone, and not by us. Of them production keeps no more than that there were such ids. */
  readonly past: readonly Segment[];
  /** Up to here what is missing is told, or every sink has it. */
  readonly accounted: Sequence;
  /** How far each sink was. */
  readonly cursors: Readonly<Record<string, number>>;
}

/** How far a sink is (src/spool/cursors.ts). */
export interface Cursor {
  readonly id: number;
  /** Of the spool that it is of. */
  readonly generation: number;
  /** What that segment held, instead of its chain value; empty: not known. */
  readonly held: string;
  /** Up to this id each event is looked for in the sink before it is brought. */
  readonly looksUpTo: number;
  /** What was gone before the sink had it. Status and verify tell that until somebody accepts it, and a loss record, unless it came when that was gone already. */
  readonly lacks: readonly Loss[];
}

/** Losses that are noted before anything goes, until their records are durable (src/spool/loss-ledger.ts). */
export interface Note {
  readonly losses: readonly Loss[];
  /** Segments that are to go. */
  readonly remove: readonly number[];
}

/** The spool's disk. `cursors`, `memory` and `notes` are written in place, in two slots that take turns: durable at once, also on a full disk. */
export interface Disk {
  readonly segments: Readonly<Record<number, File>>;
  readonly cursors: Readonly<Record<string, Cursor>>;
  readonly memory: Memory;
  readonly notes: readonly Note[];
  /** Only checks know it: up to here the capture was promised that its events are here. */
  readonly promised: Sequence;
}

/** A collector that lives; all of it goes with it. */
export interface Collector {
  readonly nextId: number;
  /** The last event that is written, durable or not. */
  readonly written: Sequence;
  readonly durable: Sequence;
  /** Segments of the run that are open: at most one of each record type. */
  readonly open: readonly number[];
  /** Some of the run are sealed: nothing more is written to it. */
  readonly sealing: boolean;
  /** A write failed, and what is on the disk was not read back since. */
  readonly broken: boolean;
  /** Sinks that are waited for. */
  readonly known: readonly string[];
  /** What a sink is being brought; `heard`: it answered. */
  readonly bringing: Readonly<Record<string, { readonly id: number; readonly heard: boolean }>>;
  /** Up to this id a sink looks itself: the answer of the one before may be lost. */
  readonly looks: Readonly<Record<string, number>>;
  /** This process told the first note. */
  readonly told: boolean;
}

export interface Sink {
  /** It is configured. */
  readonly on: boolean;
  /** It takes nothing now. */
  readonly away: boolean;
  /** Copies of each event. */
  readonly has: Readonly<Record<Sequence, number>>;
  /** Loss records, as often as they came. */
  readonly told: readonly Loss[];
  /** The segment that it was brought last, which it keeps itself. */
  readonly last: Segment | undefined;
  /** Only checks know the rest. What it has, and whoever brought it did not hear of or could not note: that may be told as lost. */
  readonly unsure: readonly Sequence[];
  /** Up to here events were acknowledged before it was configured. */
  readonly since: Sequence;
  /** What it lost itself. */
  readonly forgot: readonly Sequence[];
}

export interface State {
  readonly mends: Mends;
  readonly capture: Capture;
  readonly session: Session | undefined;
  readonly disk: Disk;
  /** The disk takes nothing new (ENOSPC). */
  readonly full: boolean;
  readonly collector: Collector | undefined;
  readonly sinks: Readonly<Record<string, Sink>>;
  /** Only checks know it: what went with a journal before the spool knew of its epoch. Nobody can know of it. */
  readonly unheard: readonly Sequence[];
  /** Only checks know it: losses have had so many identities. */
  readonly identities: number;
}

/** `store` can be asked for everything that it ever got; `topic` only for what the spool still has. */
export const SINKS = ['store', 'topic'] as const;

const SINK: Sink = { on: true, away: false, has: {}, told: [], last: undefined, unsure: [], since: 0, forgot: [] };

export function beginning(mends: Mends): State {
  return {
    mends,
    capture: { made: ['control'], epochs: [1], oldest: 1, acknowledged: 0 },
    session: undefined,
    disk: {
      ...{ segments: {}, cursors: {}, notes: [], promised: 0 },
      memory: { generation: 1, newest: 0, sealed: {}, past: [], accounted: 0, cursors: {} },
    },
    full: false,
    collector: undefined,
    sinks: Object.fromEntries(SINKS.map((name) => [name, SINK])),
    unheard: [],
    identities: 0,
  };
}

/** The segments that are there, ascending by id. */
export const segmentsOf = ({ segments }: Disk): Segment[] => Object.values(segments).map(({ now }) => now);
export const isSealed = ({ position }: Segment): boolean => position !== undefined;
/** Stands for a segment's chain value. */
export const heldBy = (segment: Segment | undefined): string =>
  segment === undefined ? '' : `${segment.kind} ${segment.events} ${segment.losses.map(({ id }) => id)}`;
/** The numbers behind one up to another. */
export const between = (behind: number, to: number): number[] => Array.from({ length: Math.max(0, to - behind) }, (_, i) => behind + 1 + i);
/** Of several numbers the largest; 0: there are none. */
export const most = (...numbers: readonly number[]): number => Math.max(0, ...numbers);

/** A record without some keys. */
export function without<T>(record: Readonly<Record<number, T>>, keys: readonly number[]): Record<number, T> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => !keys.includes(Number(key))));
}
/** A state whose sink has changed. */
export function withSink(state: State, name: string, change: (sink: Sink) => Sink): State {
  const sink = state.sinks[name];
  return sink === undefined ? state : { ...state, sinks: { ...state.sinks, [name]: change(sink) } };
}
