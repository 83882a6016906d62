import { link, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '../access/place.js';
import { listSealed } from '../spool/catalog.js';
import { bodyName, indexName, syncDirectory } from '../spool/layout.js';
import { forgetRefusal, noteRefusal, refusedFolder } from '../spool/refusals.js';
import type { Segment } from '../spool/segment.js';

/** Keeps a refused segment beyond its removal from the spool: a second name for its two files, and the reason beside it. Durable when it resolves; may be repeated. */
export async function setAside(spool: string, sink: string, segment: Segment, reason: string): Promise<void> {
  const folder = refusedFolder(spool, sink);
  makeFolder(folder);
  const { id, record } = segment;
  for (const name of [bodyName(id, record), indexName(id, record)]) {
    await link(join(dirname(segment.path), name), join(folder, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  await noteRefusal(spool, sink, id, reason);
  await syncDirectory(folder);
}

/** The segments that a sink refused and that are kept for it, ascending by id. */
export async function refusedSegments(spool: string, sink: string): Promise<Segment[]> {
  return listSealed(refusedFolder(spool, sink)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}

/** Lets go of a refused segment that the sink has taken after all. */
export async function forget(spool: string, sink: string, segment: Segment): Promise<void> {
  const { id, record } = segment;
  for (const name of [indexName(id, record), bodyName(id, record)]) await rm(join(refusedFolder(spool, sink), name), { force: true });
  await forgetRefusal(spool, sink, id);
}
