import { join } from 'node:path';
import { listSealed, loadIndex } from './catalog.js';
import { type CursorReading, readCursor, type SinkCursor } from './cursors.js';
import { listSegments, QUARANTINE } from './layout.js';
import { generationOf, type Standing, standingOf } from './reconcile.js';
import { NO_STATE, readState, type SpoolState, withSealed } from './state.js';

/** A spool that no collector runs on, as its next start will find it. Changes nothing. `cursors`: the sinks that are asked about. */
export async function standingOnDisk(directory: string, cursors: ReadonlyMap<string, CursorReading>): Promise<Standing> {
  const [reading, segments] = [await readState(directory), await listSealed(directory)];
  const [oldest] = segments;
  const before = oldest === undefined ? undefined : (await loadIndex(directory, oldest).catch(() => undefined))?.footer?.previous;
  const aside = await listSegments(join(directory, QUARANTINE)).catch(() => []);
  const state: SpoolState = reading.state === 'whole' ? reading.content : NO_STATE;
  return {
    reading: reading.state,
    state: segments.reduce(withSealed, state),
    newestBefore: state.newest,
    segments,
    before: before ?? '',
    elsewhere: new Set(aside.map(({ id }) => id)),
    position: undefined,
    cursors,
    nowMs: Date.now(),
  };
}

/** How far a sink is, by its cursor and the spool, where no collector runs; `doubt`: why the cursor is not believed. Changes nothing. Rejects with the system's error. */
export async function cursorOnDisk(
  directory: string,
  sink: string,
): Promise<{ readonly cursor: SinkCursor; readonly doubt: string | undefined }> {
  const reading = await readCursor(directory, sink);
  const standing = await standingOnDisk(directory, new Map([[sink, reading]]));
  return standingOf(sink, reading, generationOf(standing), standing);
}
