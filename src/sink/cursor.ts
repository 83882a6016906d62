import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CURSORS, replaceFile } from '../spool/layout.js';

/** A segment that a sink refused for good. */
export interface RefusedSegment {
  readonly id: number;
  /** The sink's sentence. */
  readonly reason: string;
}

/** How far a sink is: it has every segment up to `delivered`, except the refused ones. */
export interface Cursor {
  readonly delivered: number;
  readonly refused: readonly RefusedSegment[];
}

function fileName(sink: string): string {
  return `${sink}.json`;
}

/** The cursor of a sink; of a new one, the beginning. Rejects with a sentence when the file is no cursor. */
export async function readCursor(spool: string, sink: string): Promise<Cursor> {
  const path = join(spool, CURSORS, fileName(sink));
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { delivered: 0, refused: [] };
    throw error;
  }
  try {
    const json = JSON.parse(text) as Cursor;
    if (Number.isSafeInteger(json.delivered) && Array.isArray(json.refused)) return { delivered: json.delivered, refused: json.refused };
  } catch {
    // Told below.
  }
  throw new Error(`The cursor ${path} cannot be read: remove it to deliver everything in the spool again.`);
}

/** Durable when it resolves. */
export async function writeCursor(spool: string, sink: string, cursor: Cursor): Promise<void> {
  await replaceFile(join(spool, CURSORS), fileName(sink), `${JSON.stringify(cursor)}\n`);
}
