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
 * aborted.
 */
export async function replaySegments(
  sink: Pick<Sink, 'name' | 'deliver' | 'restore'>,
  segments: readonly Segment[],
  onProgress: (progress: ReplayProgress) => void,
  signal: AbortSignal,
  onDelivered: (segment: Segment) => Promise<void> = async () => undefined,
): Promise<ReplayResult> {
  const ofEvents = segments.reduce((sum, { count }) => sum + count, 0);
  const failed: RefusedSegment[] = [];
  let absent: number | null = sink.restore === undefined ? null : 0;
  let done = 0;
  let events = 0;
  for (const segment of segments) {
    signal.throwIfAborted();
    onProgress({ segments: done, ofSegments: segments.length, events, ofEvents });
    try {
      if (sink.restore === undefined) await sink.deliver(segment);
      else absent = (absent ?? 0) + (await sink.restore(segment));
      await onDelivered(segment);
      events += segment.count;
    } catch (error) {
      failed.push({ id: segment.id, reason: sentenceOf(error) });
    }
    done++;
  }
  onProgress({ segments: done, ofSegments: segments.length, events, ofEvents });
  return { sink: sink.name, segments: done - failed.length, events, absent, failed };
}
