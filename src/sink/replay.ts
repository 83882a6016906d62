import type { RefusedSegment } from '../spool/refusals.js';
import { scanEvents } from '../spool/scan.js';
import type { Segment } from '../spool/segment.js';
import { sentenceOf } from '../wire/errors.js';
import type { Sink } from './sink.js';

/** Which segments are brought once more. Without times: all that the spool has. */
export interface ReplaySelection {
  /** Segments with an event at or after this time, seconds since 1970. */
  readonly fromSeconds?: number | undefined;
  /** Segments with an event before this time. */
  readonly toSeconds?: number | undefined;
  /** What a sink has that says something else than the spool is written again; it stays otherwise. */
  readonly replace?: boolean;
}

export interface ReplayProgress {
  readonly segments: number;
  readonly ofSegments: number;
  readonly events: number;
  readonly ofEvents: number;
}

export interface ReplayResult {
  readonly sink: string;
  readonly segments: number;
  readonly events: number;
  /** Events that the sink did not have; null: the sink does not tell. */
  readonly absent: number | null;
  /** Rows made of events that were absent beside them; null: the sink makes none. */
  readonly derived: number | null;
  /** Segments of which it had something that said something else, and those of them that were written again; null: it cannot tell. */
  readonly changed: readonly number[] | null;
  readonly replaced: readonly number[] | null;
  /** Segments that could not be brought, and why. */
  readonly failed: readonly RefusedSegment[];
}

/** The segments that a selection means, by the times of their events. */
export async function selectSegments(segments: readonly Segment[], selection: ReplaySelection): Promise<Segment[]> {
  const { fromSeconds = Number.NEGATIVE_INFINITY, toSeconds = Number.POSITIVE_INFINITY } = selection;
  if (fromSeconds === Number.NEGATIVE_INFINITY && toSeconds === Number.POSITIVE_INFINITY) return [...segments];
  const chosen: Segment[] = [];
  for (const segment of segments) {
    let within = false;
    await scanEvents(segment.path, (_sequence, seconds) => {
      within ||= seconds >= fromSeconds && seconds < toSeconds;
    }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error; // removed meanwhile
    });
    if (within) chosen.push(segment);
  }
  return chosen;
}

/**
 * Brings segments to a sink that may have them: what it has stays as it is. One segment that fails does not keep the others back. Rejects only when `signal` is
 * aborted, and with RangeError when the sink cannot replace and is to.
 */
export async function replaySegments(
  sink: Pick<Sink, 'name' | 'deliver' | 'restore' | 'repair'>,
  segments: readonly Segment[],
  onProgress: (progress: ReplayProgress) => void,
  signal: AbortSignal,
  onDelivered: (segment: Segment) => Promise<void> = async () => undefined,
  replace = false,
): Promise<ReplayResult> {
  const ofEvents = segments.reduce((sum, { count }) => sum + count, 0);
  const failed: RefusedSegment[] = [];
  if (replace && sink.repair === undefined)
    throw new RangeError(
      `Sink ${sink.name} cannot tell what it has from what it should have, but for its counts: replay without replacing.`,
    );
  let absent: number | null = sink.restore === undefined && sink.repair === undefined ? null : 0;
  let derived = 0;
  const changed: number[] = [];
  const replaced: number[] = [];
  let done = 0;
  let events = 0;
  for (const segment of segments) {
    signal.throwIfAborted();
    onProgress({ segments: done, ofSegments: segments.length, events, ofEvents });
    try {
      if (sink.repair !== undefined) {
        const repaired = await sink.repair(segment, replace);
        absent = (absent ?? 0) + repaired.absent;
        derived += repaired.derived;
        if (repaired.changed) changed.push(segment.id);
        if (repaired.replaced) replaced.push(segment.id);
      } else if (sink.restore === undefined) await sink.deliver(segment);
      else absent = (absent ?? 0) + (await sink.restore(segment));
      await onDelivered(segment);
      events += segment.count;
    } catch (error) {
      failed.push({ id: segment.id, reason: sentenceOf(error) });
    }
    done++;
  }
  onProgress({ segments: done, ofSegments: segments.length, events, ofEvents });
  const told = sink.repair === undefined ? { derived: null, changed: null, replaced: null } : { derived, changed, replaced };
  return { sink: sink.name, segments: done - failed.length, events, absent, ...told, failed };
}
