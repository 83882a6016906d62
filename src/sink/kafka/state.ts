import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../access/place.js';
import { openToWrite } from '../../access/readers.js';
import { CURSORS } from '../../spool/layout.js';
import type { Segment } from '../../spool/segment.js';
import { crc32c } from '../../wire/crc32c.js';
import type { Span } from '../file/sequences.js';
import type { Position } from './frame.js';
import type { Sighting } from './inventory.js';
import type { ProducerIdentity } from './record-set.js';

/** The file beside the sink's cursor. */
export const STATE_FILE = 'kafka-producer.json';
/** Of its format. The first one did not say up to where the topics are accounted for. */
const VERSION = 2;

/** How far a partition is accounted for. */
export interface Mark {
  /** All that was sent there until this state was written lies before this offset. */
  readonly offset: number;
  /** The newest message of ours there, as far as it is known: where it is still there, the topic is the same. */
  readonly newest?: Sighting | undefined;
}

/** What a topic has and the spool may still bring, since the spool, or the state, was set back. */
export interface KnownSpans {
  readonly topic: string;
  readonly node: string;
  readonly epochs: readonly (readonly [epoch: string, spans: readonly Span[]])[];
}

/**
 * How far the producer is: what the next batch will be, so that after a crash it is the same batch, under the same identity and sequence, and the broker knows it when it has it already. And up to
 * where the topics are accounted for, so that a state that is not the last one is known for what it is: the topics then have more.
 */
export interface ProducerState {
  /** The cluster that the identity is of. */
  readonly cluster: string;
  readonly identity: ProducerIdentity;
  /** How segments become batches: another way makes other batches of the same sequences. */
  readonly plan: string;
  /** Next sequence by `TOPIC/PARTITION`; none: 0. */
  readonly sequences: Readonly<Record<string, number>>;
  readonly segment: { readonly id: number; readonly sha256: string; readonly node: string };
  /** What Kafka has confirmed of the segment. */
  readonly position: Position;
  /** All of the segment is confirmed. */
  readonly whole: boolean;
  /** What alone of the segment is sent, since the topic had the rest; missing: all of it. */
  readonly absent?: readonly Span[] | undefined;
  /** By `TOPIC/PARTITION`; none: nothing is known of it. */
  readonly marks: Readonly<Record<string, Mark>>;
  /** What the topics had that the spool may still bring. */
  readonly known?: readonly KnownSpans[] | undefined;
  /** Where that was too much to be kept: from which offsets on it is read again, by `TOPIC/PARTITION`. */
  readonly look?: Readonly<Record<string, number>> | undefined;
  /** When this was written, ms since 1970. */
  readonly savedMs: number;
}

/**
 * How long a state is relied upon, ms. A broker forgets a producer that was silent for `producer.id.expiration.ms` (a day, where nobody changed it) and takes any sequence
 * of it then, so what it may have already would be there twice.
 */
const RELIED_MS = 3_600_000;

/**
 * Where a segment goes on: at a position of it, at its beginning, or nobody can tell (undefined), for instance since the segment before it was refused half-way, or
 * since it is so long ago that the broker may have forgotten us.
 */
export function resumeAt(state: ProducerState, segment: Segment, nowMs: number): Position | 'whole' | undefined {
  const same = state.segment.id === segment.id && state.segment.sha256 === segment.sha256;
  if (same && state.whole) return 'whole';
  // A time to come is that of a clock that was turned back since: it says nothing.
  if (Math.abs(nowMs - state.savedMs) > RELIED_MS) return undefined;
  if (same) return state.position;
  return state.whole && state.segment.id + 1 === segment.id ? { offset: 0, events: 0 } : undefined;
}

/** The segment was sent before the one that the state is of, or is another one with the same number: who brings it does not know what was sent. */
export function isBehind(state: ProducerState, { id, sha256 }: Segment): boolean {
  return id < state.segment.id || (id === state.segment.id && sha256 !== state.segment.sha256);
}

/** The state of an earlier run; undefined when there is none that can be read. Makes the folder for it. */
export async function readState(spool: string): Promise<ProducerState | undefined> {
  makeFolder(join(spool, CURSORS));
  try {
    const text = await readFile(join(spool, CURSORS, STATE_FILE), 'utf8');
    const { version, check, ...state } = JSON.parse(text) as ProducerState & { version: number; check: number };
    return version === VERSION && check === checkOf(state) ? state : undefined;
  } catch {
    return undefined; // then the topic is looked at
  }
}

/** One changed digit would be another state, and a wrong one. */
function checkOf(state: ProducerState): number {
  return crc32c(Buffer.from(JSON.stringify(state)));
}

/**
 * Replaces the state as a whole. It is not made durable: it must outlive the process, and a machine that loses power loses what it was sending as well. Then the topic is looked at.
 */
export async function writeState(spool: string, state: ProducerState): Promise<void> {
  const path = join(spool, CURSORS, STATE_FILE);
  const file = await openToWrite(`${path}.tmp`, 'w');
  try {
    await file.writeFile(JSON.stringify({ version: VERSION, check: checkOf(state), ...state }));
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
}

export async function removeState(spool: string): Promise<void> {
  await rm(join(spool, CURSORS, STATE_FILE), { force: true });
}
