import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../access/place.js';
import { listSegments, REFUSED, replaceFile } from './layout.js';

/** A segment that a sink refused for good. */
export interface RefusedSegment {
  readonly id: number;
  /** The sink's sentence. */
  readonly reason: string;
}

/** Where the segments that a sink refused are kept. */
export function refusedFolder(directory: string, sink: string): string {
  return join(directory, REFUSED, sink);
}

const nameOf = (id: number): string => `${String(id).padStart(12, '0')}.json`;

/** Keeps the reason beside a refused segment. On a full disk it goes unsaid here: the loss record has it, and the segment itself says that it was refused. */
export async function noteRefusal(directory: string, sink: string, id: number, reason: string): Promise<void> {
  const folder = refusedFolder(directory, sink);
  makeFolder(folder);
  try {
    await replaceFile(folder, nameOf(id), `${JSON.stringify({ reason })}\n`);
  } catch (error) {
    if (!['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await rm(join(folder, `.${nameOf(id)}.tmp`), { force: true });
  }
}

/** Removes the reason of a segment that is refused no longer. */
export async function forgetRefusal(directory: string, sink: string, id: number): Promise<void> {
  await rm(join(refusedFolder(directory, sink), nameOf(id)), { force: true });
}

/** What a sink refused and has not taken since, ascending by id. */
export async function listRefusals(directory: string, sink: string): Promise<RefusedSegment[]> {
  const folder = refusedFolder(directory, sink);
  const ids = new Set<number>();
  try {
    for (const { id } of await listSegments(folder)) ids.add(id);
    for (const name of await readdir(folder)) {
      const [, id] = /^(\d{12})\.json$/.exec(name) ?? [];
      if (id !== undefined) ids.add(Number(id));
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const found: RefusedSegment[] = [];
  for (const id of [...ids].sort((a, b) => a - b)) found.push({ id, reason: await reasonOf(join(folder, nameOf(id))) });
  return found;
}

async function reasonOf(path: string): Promise<string> {
  try {
    const { reason } = JSON.parse(await readFile(path, 'utf8')) as { reason?: unknown };
    if (typeof reason === 'string') return reason;
  } catch {
    // Said below.
  }
  return 'Its reason was not kept; the loss record in the log has it.';
}
