import type { EraseTarget } from '../erase/target.js';
import type { RecordName, Segment } from '../spool/segment.js';
import type { ContentOptions, ContentReport } from './content.js';

/** Sequences of one epoch, both ends included. */
export interface SequenceSpan {
  readonly node: string;
  readonly epoch: string;
  readonly first: bigint;
  readonly last: bigint;
}

/** Sequences of one record type that were taken out of a sink. Sequences of the other type may lie between. */
export interface TakenSpan extends SequenceSpan {
  readonly record: RecordName;
}

/** What a sink has of one hour of one epoch. */
export interface HourTally {
  readonly node: string;
  readonly epoch: string;
  readonly record: RecordName;
  /** When the hour begins, by the events' own time, seconds since 1970. */
  readonly hour: number;
  /** Copies of events, those that are there twice counted twice. */
  readonly events: number;
  /** Events: each sequence once. */
  readonly distinct: number;
}

/** What of a person is, or was, in a place. */
export interface ErasedRows {
  readonly events: number;
  readonly connections: number;
}

/** A sink that a person can be taken out of. Its methods are called between two deliveries. */
export interface Erasable {
  /** How many events are the person's, and of how many connections; changes nothing. */
  count(target: EraseTarget): Promise<ErasedRows>;
  /**
   * Erases them: nothing of them is left on the disk when it resolves, but their places, so that counts per hour stay what they were. May be repeated, also after a crash
   * within it; what is erased already stays so. Resolves to how many this call erased. `say`: told how far it is, words.
   */
  erase(target: EraseTarget, say: (step: string) => void): Promise<number>;
  /** Events of which only the place is left. Without it nobody counts them there. */
  erased?(): Promise<number>;
}

/** What a person should know of a sink, beside whether it takes what it is given. */
export interface SinkNotes {
  /** What it does more slowly than usual, and what it cannot prove. */
  readonly sentences: readonly string[];
  /** Most bytes of a message that it makes now; undefined: it makes none. */
  readonly messageBytes?: number;
  /** Events that it was given since it was made and that may have been there before, where nobody can tell any more. */
  readonly unproven?: number;
}

/** Events that a sink had and has no longer. */
export interface LostSpan extends TakenSpan {
  /** How many events of the span are missing. */
  readonly missing: number;
}

/** What a sink lost by damage, before that is made good. */
export interface SinkDamage {
  /** The same for the same damage, however often it is told. */
  readonly id: string;
  /** Why, words: "parts of its tables were damaged and set aside". */
  readonly why: string;
  readonly spans: readonly LostSpan[];
  /** More may be gone, of which nothing is known any more. */
  readonly unknown: boolean;
  /** All that the spool has is to be brought again, and not only those spans. */
  readonly all: boolean;
}

/** A sink that may lose what it had, and can be made whole again. Asked after start(); all of it may be repeated. */
export interface Mendable {
  /** Something is to be made whole. */
  readonly pending: boolean;
  /** What it lacks since it was damaged; undefined: nothing. From here on deliver() takes what is missing once more. */
  find(): Promise<SinkDamage | undefined>;
  /** Of that, what is missing still. */
  missing(): Promise<readonly LostSpan[]>;
  /** What could be brought again is there, and the rest was told. */
  settle(): Promise<void>;
}

/** What was found and done when a segment was brought once more. */
export interface Repaired {
  /** Events that were absent, and are there now. */
  readonly absent: number;
  /** Some of what was there said something else than was delivered. */
  readonly changed: boolean;
  /** That was written again. */
  readonly replaced: boolean;
  /** Rows made of events, such as those of ended connections, that were absent and are there now. */
  readonly derived: number;
}

/**
 * Where the pump delivers sealed segments, in order, one at a time. A new sink is one folder beside this file and one line in its registry.
 * `deliver` may be called again with a segment that was delivered before (after a crash between delivery and the cursor's write): it must then change nothing, or
 * leave what lets every reader recognise the repetition.
 */
export interface Sink {
  /** Its name in `vslog status` and `--sink`, and of its cursor's file: 1 to 63 of [a-z0-9-]. */
  readonly name: string;
  /** After start(false) deliver() looks for each segment itself, and better than restore() does, which begins anew with each. */
  readonly looksItself?: boolean;
  /**
   * Makes the sink ready. Rejects with a sentence; the pump tries again with back-off, and calls it again after every failed delivery. It must bear being called when it is ready.
   * `trusted`, by default true, which holds until the next call: what the spool says of how far the sink is can be believed. False: the cursor was damaged, removed, set back or of another
   * generation of the spool, or the sink is new on an old one. Then any segment may be in the sink already, not only the first: it is looked for there before it is sent, by
   * restore() where there is one, else, or with `looksItself`, by deliver(), which must look.
   */
  start(trusted?: boolean): Promise<void>;
  /** Resolves when the segment is safe in the sink. Rejects with SinkRejection when its content is at fault, with any other error when it may work later. */
  deliver(segment: Segment): Promise<void>;
  close(): Promise<void>;
  /**
   * Brings a segment that may be there already, whole or in part: only what is absent. Resolves to how many events were absent. For sinks whose deliver() relies on what the
   * sink has kept of itself, or would leave a repetition to the reader; without it deliver() is asked.
   */
  restore?(segment: Segment): Promise<number>;
  /**
   * As restore(), for a sink that also knows what it should say: compares all that it has of a segment with what was delivered, and brings what is absent, also of what it makes of
   * the events. `replace`: what says something else is written again; it stays otherwise.
   */
  repair?(segment: Segment, replace: boolean): Promise<Repaired>;
  /** Counts what the sink has of these sequences, by asking the sink itself. Rejects with a sentence when it cannot be asked. Works without start(). Without it `vslog verify` says that this sink cannot be counted. */
  tally?(spans: readonly SequenceSpan[]): Promise<HourTally[]>;
  /** From when on it keeps what it was given, ms since 1970, by the events' own time; undefined: always. What is older may be there or not. Works without start(). */
  keptSince?(record: RecordName): Promise<number | undefined>;
  /** How it is made whole again; undefined: it keeps what it has, or does not know. */
  readonly mendable?: Mendable;
  /**
   * Removes what is older than it is kept. Called between two deliveries, every few minutes, while the clock is believed; `nowMs`: what it shows, ms since 1970. Undefined: it
   * removes nothing, or goes by something else than time.
   */
  expire?(nowMs: number): Promise<void>;
  /** When it was given something last, ms since 1970, as collectors believed then; undefined: it does not know. */
  newestMs?(): Promise<number | undefined>;
  /**
   * Compares what it has, also of what the spool has no longer, with what it said when it was delivered. Rejects with a sentence when the sink cannot be asked. Works without
   * start(). Without it `vslog verify` says that only counts are compared.
   */
  content?(options: ContentOptions): Promise<ContentReport>;
  /** How a person is taken out of it; undefined: what it has got is out of our reach, for which `beyond` has words. */
  readonly erasure?: Erasable;
  /** What of it stays out of reach of an erasure, words: "topics vslog.conn.v1 and vslog.control.v1 of Kafka". */
  readonly beyond?: string;
  /** How it is. Asks nobody. */
  notes?(): SinkNotes;
  /** What it had safely and somebody took out of it since, as the sink is meant to be used: nothing that is missing. Works without start(). */
  taken?(): Promise<TakenSpan[]>;
}

/** The sink refuses a segment for its content: trying again cannot help. */
export class SinkRejection extends Error {
  override readonly name = 'SinkRejection';
}
