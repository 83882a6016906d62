import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DamagedSegmentError } from './errors.js';
import { chainValue, type IndexFooter, type IndexHeader, type ParsedIndex, parseIndex } from './index-file.js';
import { bodyName, indexName, listSegments, type SegmentFiles } from './layout.js';
import type { Segment } from './segment.js';
import { segmentOf } from './segment-writer.js';

/** The index of a segment, as far as it can be read; undefined when the file cannot be found. */
export async function loadIndex(dir: string, files: Pick<SegmentFiles, 'id' | 'record'>): Promise<ParsedIndex | undefined> {
  try {
    return parseIndex(await readFile(join(dir, indexName(files.id, files.record))));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Header and footer of a sealed segment whose index is whole and agrees with itself and with the body's length. Rejects with DamagedSegmentError. */
export async function loadSealed(
  dir: string,
  files: SegmentFiles,
  index: ParsedIndex | undefined,
): Promise<{ header: IndexHeader; footer: IndexFooter }> {
  const name = bodyName(files.id, files.record);
  if (index?.header === undefined) throw new DamagedSegmentError(`The index of segment ${name} cannot be read.`);
  const { header, footer } = index;
  if (footer === undefined) throw new DamagedSegmentError(`The index of segment ${name} is damaged after ${index.valid} bytes.`);
  if (index.excess > 0) throw new DamagedSegmentError(`The index of segment ${name} has ${index.excess} bytes too many.`);
  if (header.id !== files.id || header.record !== files.record)
    throw new DamagedSegmentError(`The index of segment ${name} is another segment's.`);
  if (chainValue(footer.previous, header, footer) !== footer.chain)
    throw new DamagedSegmentError(`The chain value of segment ${name} is wrong.`);
  const length = files.hasBody ? (await stat(join(dir, name))).size : undefined;
  if (length === undefined) throw new DamagedSegmentError(`The body of segment ${name} is missing.`);
  if (length !== footer.bytes) throw new DamagedSegmentError(`The body of segment ${name} has ${length} bytes, not ${footer.bytes}.`);
  return { header, footer };
}

/** The sealed segments of a folder, ascending by id; damaged ones and those being written are left out. May run while a collector writes to it. */
export async function listSealed(dir: string): Promise<Segment[]> {
  const found: Segment[] = [];
  for (const files of await listSegments(dir)) {
    try {
      const { header, footer } = await loadSealed(dir, files, await loadIndex(dir, files));
      found.push(segmentOf(header, footer, join(dir, bodyName(files.id, files.record))));
    } catch {
      // Not sealed, damaged, or removed meanwhile: verifySpool tells of it.
    }
  }
  return found;
}

/** SHA-256 of a file, hex. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
