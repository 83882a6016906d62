import { setTimeout as sleep } from 'node:timers/promises';
import { cursorNames, readCursor } from './cursors.js';
import { missingFrom } from './reconcile.js';
import { standingOnDisk } from './standing.js';
import { readState, type SealedSpan } from './state.js';

/** How often what is missing is looked for again, since segments are removed in order meanwhile, and how long between, ms. */
const LOOKS = 3;
const LOOK_MS = 100;

/** What a spool remembers of itself, against what is there. */
export interface StateReport {
  readonly checked: boolean;
  /** Why not, a sentence; null: it was. */
  readonly reason: string | null;
  /** Highest id of a segment that was ever sealed. */
  readonly newest: number;
  /** Epochs that there was no room to remember: the oldest. */
  readonly forgotten: number;
  /** What is not there and was not removed by vslog, sentences. */
  readonly missing: readonly string[];
  readonly ok: boolean;
}

/** Everything that a spool says that it ever sealed, by epoch, as far as it says so now. Changes nothing. Rejects with the system's error. */
export async function sealedSpans(directory: string): Promise<readonly SealedSpan[]> {
  const reading = await readState(directory);
  return reading.state === 'whole' ? reading.content.spans : [];
}

/** Compares what a spool says that it sealed with its segments. `delivered`: how far each sink is, by name. Changes nothing. */
export async function checkState(directory: string, delivered: ReadonlyMap<string, number>): Promise<StateReport> {
  for (let look = 1; ; look++) {
    const standing = await standingOnDisk(directory, new Map());
    const { state, reading, newestBefore } = standing;
    const { newest, forgotten } = state;
    const told = (checked: boolean, reason: string | null, missing: readonly string[], ok: boolean): StateReport => ({
      checked,
      reason,
      newest,
      forgotten,
      missing,
      ok,
    });
    if (reading === 'absent' && newestBefore === 0 && newest === 0) return told(true, null, [], true);
    // Cursors know of a state that was there.
    if (reading === 'absent' && (await generationOnDisk(directory)) > 0)
      return told(false, 'Its file is gone: what was removed from the spool cannot be told.', [], false);
    if (reading === 'absent')
      return told(false, 'It keeps none yet: a version before wrote it. The next start of the collector makes one.', [], true);
    if (reading === 'damaged') return told(false, 'Its file is damaged: what was removed from the spool cannot be told.', [], false);
    const missing = missingFrom(standing, delivered);
    if (missing === undefined) return told(true, null, [], true);
    if (look < LOOKS) {
      await sleep(LOOK_MS);
      continue;
    }
    const { first, last, loss } = missing;
    const which = first === last ? `Segment ${first}, or the end of it, is` : `Segments ${first} to ${last} are`;
    const had = `${which} missing from the spool, and vslog did not remove it. Every sink had it.`;
    return told(true, null, [loss?.detail ?? had], false);
  }
}

/** The highest generation that a cursor of the spool carries; 0: none does. */
async function generationOnDisk(directory: string): Promise<number> {
  let highest = 0;
  for (const name of await cursorNames(directory)) {
    const reading = await readCursor(directory, name).catch(() => undefined);
    if (reading?.state === 'whole') highest = Math.max(highest, reading.cursor.generation);
  }
  return highest;
}
