import { open, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { openToWrite } from '../access/readers.js';
import type { RecordName } from './segment.js';

/** Folder inside the spool for what was damaged. */
export const QUARANTINE = 'quarantine';
/** Folder inside the spool for the sinks' cursors. */
export const CURSORS = 'cursors';
/** Folder inside the spool for the segments that a sink refused, a folder a sink. */
export const REFUSED = 'refused';
/** Folder inside the spool for notes of segments that were removed before every sink had them. */
export const DROPPED = 'dropped';
export const LOCK_FILE = 'lock';

/** Files of one segment, by what is there. */
export interface SegmentFiles {
  readonly id: number;
  readonly record: RecordName;
  hasBody: boolean;
  hasIndex: boolean;
}

/** `000000000042.conn.pb`: a plain ClickHouse `Protobuf` stream. */
export function bodyName(id: number, record: RecordName): string {
  return `${String(id).padStart(12, '0')}.${record}.pb`;
}

/** `000000000042.conn.idx`: one checksummed entry a batch, and a footer when sealed. */
export function indexName(id: number, record: RecordName): string {
  return `${String(id).padStart(12, '0')}.${record}.idx`;
}

/** The segments whose files lie in `dir`, ascending by id. Files of other names are left alone. */
export async function listSegments(dir: string): Promise<SegmentFiles[]> {
  const found = new Map<number, SegmentFiles>();
  for (const name of await readdir(dir)) {
    const match = /^(\d{12})\.(conn|control)\.(pb|idx)$/.exec(name);
    if (match === null) continue;
    const id = Number(match[1]);
    const files = found.get(id) ?? { id, record: match[2] as RecordName, hasBody: false, hasIndex: false };
    if (match[3] === 'pb') files.hasBody = true;
    else files.hasIndex = true;
    found.set(id, files);
  }
  return [...found.values()].sort((a, b) => a.id - b.id);
}

/** Makes the directory's entries durable. */
export async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Replaces a small file as a whole: after a crash it is the old one or the new one. */
export async function replaceFile(dir: string, name: string, content: string): Promise<void> {
  const temporary = join(dir, `.${name}.tmp`);
  const handle = await openToWrite(temporary, 'w');
  try {
    await handle.writeFile(content);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(temporary, join(dir, name));
  await syncDirectory(dir);
}
