import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../access/place.js';
import { openToWrite } from '../../access/readers.js';
import { CURSORS } from '../../spool/layout.js';
import type { Segment } from '../../spool/segment.js';
import type { Span } from '../file/sequences.js';
import type { Position } from './frame.js';
import type { ProducerIdentity } from './record-set.js';

/** The file beside the sink's cursor. */
export const STATE_FILE = 'kafka-producer.json';

/**
 * How far the producer is: what the next batch will be, so that after a crash it is the same batch, under the same identity and sequence, and the broker knows it when it has it already.
 */
export interface ProducerState {
  /** The cluster that the identity is of. */
  readonly cluster: string;
  readonly identity: ProducerIdentity;
  /** How segments become batches: another way makes other batches of the same sequences. */
  readonly plan: string;
  /** Next sequence by `TOPIC/PARTITION`; none: 0. */
  readonly sequences: Readonly<Record<string, number>>;
  readonly segment: { readonly id: number; readonly sha256: string };
  /** What Kafka has confirmed of the segment. */
  readonly position: Position;
  /** All of the segment is confirmed. */
  readonly whole: boolean;
  /** What alone of the segment is sent, since the topic had the rest; missing: all of it. */
  readonly absent?: readonly Span[] | undefined;
  /** When this was written, ms since 1970; missing: by a version that did not say. */
  readonly savedMs?: number;
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
  if (Math.abs(nowMs - (state.savedMs ?? 0)) > RELIED_MS) return undefined;
  if (same) return state.position;
  return state.whole && state.segment.id + 1 === segment.id ? { offset: 0, events: 0 } : undefined;
}

/** The state of an earlier run; undefined when there is none that can be read. Makes the folder for it. */
export async function readState(spool: string): Promise<ProducerState | undefined> {
  makeFolder(join(spool, CURSORS));
  try {
    const json = JSON.parse(await readFile(join(spool, CURSORS, STATE_FILE), 'utf8')) as ProducerState & { version: number };
    return json.version === 1 ? json : undefined;
  } catch {
    return undefined; // then the topic is looked at
  }
}

/**
 * Replaces the state as a whole. It is not made durable: it must outlive the process, and a machine that loses power loses what it was sending as well. Then the topic is looked at.
 */
export async function writeState(spool: string, state: ProducerState): Promise<void> {
  const path = join(spool, CURSORS, STATE_FILE);
  const file = await openToWrite(`${path}.tmp`, 'w');
  try {
    await file.writeFile(JSON.stringify({ version: 1, ...state }));
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
}

export async function removeState(spool: string): Promise<void> {
  await rm(join(spool, CURSORS, STATE_FILE), { force: true });
}
