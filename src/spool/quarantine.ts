import { createHash } from 'node:crypto';
import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32c } from '../wire/crc32c.js';
import { loadIndex } from './catalog.js';
import { lossId } from './dropped.js';
import { type Extent, sequencesOf } from './extent.js';
import { parseIndex } from './index-file.js';
import { bodyName, indexName, listSegments, QUARANTINE, replaceFile, syncDirectory } from './layout.js';
import { LOCAL_EPOCH, timesIn } from './loss.js';
import type { LossNote, NamedLoss } from './loss-ledger.js';
import { countOf, rangesText } from './run.js';
import type { Segment } from './segment.js';
import { lossesIn } from './told.js';

/**
 * What is to be set aside, and what its loss is to be told as. Loss records in it are told once more, with their identities, where it is sure what they say; else more may
 * be missing than anybody knows. `reason`: a sentence. `fresh`: what was not told before.
 */
export async function quarantineNote(
  directory: string,
  { id, record }: Pick<Segment, 'id' | 'record'>,
  extent: Extent,
  reason: string,
): Promise<LossNote & { readonly fresh: readonly NamedLoss[] }> {
  const body = await readFile(join(directory, bodyName(id, record))).catch(() => Buffer.alloc(0));
  const own = extent.epoch.startsWith(LOCAL_EPOCH);
  const sure = own && (await isWhole(directory, { id, record }, body));
  const told = sure ? lossesIn(body).map((loss) => ({ ...loss, id: loss.id ?? lossId('told') })) : [];
  const detail = `${reason} Sequences ${rangesText(extent.ranges) || 'unknown'} of epoch ${extent.epoch || 'unknown'} are in ${QUARANTINE}.`;
  const counts = { lost: BigInt(Math.max(0, extent.count - told.length)), unknown: extent.unknown === true || (own && !sure) };
  const fresh = [{ where: 'spool', ...counts, ...timesIn(record, body), detail, id: lossId('quarantine') }] as const;
  const needed = counts.lost > 0n || counts.unknown || told.length === 0 ? fresh : [];
  return { deed: 'quarantine', segments: [{ id, record }], node: extent.node, losses: [...told, ...needed], fresh: needed };
}

/** Whether a body is what was written, by whatever of its index is whole. */
async function isWhole(directory: string, files: Pick<Segment, 'id' | 'record'>, body: Buffer): Promise<boolean> {
  const index = await readFile(join(directory, indexName(files.id, files.record))).then(parseIndex, () => undefined);
  if (index === undefined) return false;
  if (index.ending !== undefined) return createHash('sha256').update(body).digest('hex') === index.ending.sha256;
  const entries = [...index.entries, ...index.beyond];
  const right = entries.every(({ offset, length, crc32c: sum }) => crc32c(body.subarray(offset, offset + length)) === sum);
  return right && entries.reduce((end, { offset, length }) => (offset === end ? end + length : -1), 0) === body.length;
}

/** Moves a damaged segment's files away, as far as they are there. Durable when it resolves. */
export async function moveAway(directory: string, { segments }: LossNote): Promise<void> {
  for (const { id, record } of segments)
    for (const name of [bodyName(id, record), indexName(id, record)]) {
      await rename(join(directory, name), join(directory, QUARANTINE, name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    }
  await syncDirectory(join(directory, QUARANTINE));
  await syncDirectory(directory);
}

/** What segments held that were set aside and have an id from `from` on. Copies of what was only cut off are of another segment, and say nothing. */
export async function extentsAside(directory: string, from: number): Promise<Extent[]> {
  const folder = join(directory, QUARANTINE);
  const extents: Extent[] = [];
  for (const files of (await listSegments(folder)).filter(({ id }) => id >= from)) {
    const index = await loadIndex(folder, files);
    const { node = '', epoch, id = files.id } = index?.identity ?? {};
    const ranges = id === files.id ? await sequencesOf(folder, files, index) : undefined;
    if (ranges !== undefined && epoch !== undefined) extents.push({ node, epoch, ranges, count: countOf(ranges) });
  }
  return extents;
}

/** Losses that an earlier version noted and could not write into the log, a file each, and how to say that they are told. */
export async function oldQuarantineNotes(directory: string): Promise<{ readonly note: LossNote; remove(): Promise<void> }[]> {
  const target = join(directory, QUARANTINE);
  const pending: { note: LossNote; remove(): Promise<void> }[] = [];
  for (const name of await readdir(target)) {
    const match = /^(\d{12})\.json$/.exec(name);
    if (match === null) continue;
    const json = JSON.parse(await readFile(join(target, name), 'utf8')) as {
      recorded: boolean;
      node: string;
      loss: { where: 'spool'; lost: string; firstNs: string; lastNs: string; detail: string };
    };
    if (json.recorded) continue;
    const { where, detail, ...counts } = json.loss;
    const [lost, firstNs, lastNs] = [BigInt(counts.lost), BigInt(counts.firstNs), BigInt(counts.lastNs)];
    const loss = { where, lost, firstNs, lastNs, detail, id: `quarantine:${json.node}:${Number(match[1])}` };
    const remove = (): Promise<void> => replaceFile(target, name, `${JSON.stringify({ ...json, recorded: true }, undefined, 2)}\n`);
    pending.push({ note: { deed: 'none', segments: [], node: json.node, losses: [loss] }, remove });
  }
  return pending;
}
