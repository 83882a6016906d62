import { open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../access/place.js';
import { openToWrite } from '../access/readers.js';
import { nextEvent } from '../wire/batch.js';
import { toBigInt, v1 } from '../wire/proto.js';
import { DROPPED, listSegments, replaceFile, syncDirectory } from './layout.js';
import { LOCAL_EPOCH, type Loss } from './loss.js';
import { removeSegment } from './recover.js';
import type { Segment } from './segment.js';

/** A file that is given up when the disk is full, so that there is room to say what is dropped. */
const RESERVE = 'reserve';
const RESERVE_BYTES = 256 * 1024;

/** Segments that were removed before every sink had them, until that stands in the log. */
export interface DropNote {
  readonly node: string;
  readonly ids: readonly number[];
  readonly losses: readonly Loss[];
}

interface NoteFile {
  readonly node: string;
  readonly ids: readonly number[];
  readonly losses: readonly (Pick<Loss, 'where' | 'detail'> & {
    readonly lost: string;
    readonly firstNs: string;
    readonly lastNs: string;
  })[];
}

const nameOf = ({ ids }: Pick<DropNote, 'ids'>): string => `${String(ids[0] ?? 0).padStart(12, '0')}.json`;

/**
 * What is to be dropped of one node, in words and numbers. `sinks`: those that had not everything of it. A loss record that is dropped itself is told once more: those
 * of earlier drops are added to the new one.
 */
export async function dropNote(segments: readonly Segment[], sinks: readonly string[], why: string): Promise<DropNote> {
  const events = segments.filter(({ epoch }) => !epoch.startsWith(LOCAL_EPOCH));
  const told = (await Promise.all(segments.filter(({ epoch }) => epoch.startsWith(LOCAL_EPOCH)).map(lossesIn))).flat();
  const earlier = told.filter(({ where }) => where === 'spool').reduce((sum, { lost }) => sum + lost, 0n);
  const lost = events.reduce((sum, { count }) => sum + BigInt(count), 0n);
  const spans = events.map(({ epoch, ranges }) => `${ranges.map(({ first, last }) => `${first}-${last}`).join(', ')} of epoch ${epoch}`);
  const few = spans.length <= 8 ? spans : [...spans.slice(0, 4), '...', ...spans.slice(-4)];
  const what = events.length === 0 ? 'loss records' : `${lost} events (sequences ${few.join('; ')})`;
  const before = earlier === 0n ? '' : `; ${earlier} events had been lost so before`;
  const detail = `${why}: ${what} in segments ${segments[0]?.id} to ${segments.at(-1)?.id} were removed before ${sinks.join(' and ')} had them${before}.`;
  const loss = { where: 'spool', lost: lost + earlier, firstNs: 0n, lastNs: 0n, detail } as const;
  const others = told.filter(({ where }) => where !== 'spool');
  return {
    node: segments[0]?.node ?? '',
    ids: segments.map(({ id }) => id),
    losses: loss.lost === 0n ? others : [...others, loss],
  };
}

/** The loss records of a segment of the collector's own. */
async function lossesIn({ path }: Segment): Promise<Loss[]> {
  const body = await readFile(path);
  const found: Loss[] = [];
  for (let at = 0; at < body.length; ) {
    const { start, end } = nextEvent(body, at);
    at = end;
    const event = v1.ControlEvent.decode(body.subarray(start, end));
    const where = v1.LossPlace.Value[event.where] as keyof typeof v1.LossPlace.Value | undefined;
    if (event.kind !== v1.ControlKind.Value.loss || where === undefined || where === 'none') continue;
    const [lost, firstNs, lastNs] = [toBigInt(event.lost), toBigInt(event.first_ns), toBigInt(event.last_ns)];
    found.push({ where, lost, firstNs, lastNs, detail: event.detail });
  }
  return found;
}

/** Makes the intention durable. On a full disk the reserve gives the room for it. */
export async function noteDrop(directory: string, note: DropNote): Promise<void> {
  const folder = join(directory, DROPPED);
  const text = `${JSON.stringify(note, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}\n`;
  try {
    await replaceFile(folder, nameOf(note), text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    await rm(join(folder, RESERVE), { force: true });
    await replaceFile(folder, nameOf(note), text);
  }
}

/** The loss stands in the log: the note is not needed any more. */
export async function settleDrop(directory: string, note: DropNote): Promise<void> {
  await rm(join(directory, DROPPED, nameOf(note)), { force: true });
  await keepReserve(directory);
}

/** Makes the folder and the reserve. A disk that is too full for it is no failure. */
export async function keepReserve(directory: string): Promise<void> {
  const folder = join(directory, DROPPED);
  makeFolder(folder);
  const path = join(folder, RESERVE);
  try {
    const file = await open(path, 'r');
    const { size } = await file.stat();
    await file.close();
    if (size === RESERVE_BYTES) return;
  } catch {
    // It is made below.
  }
  await fill(path).catch(() => rm(path, { force: true }));
}

async function fill(path: string): Promise<void> {
  const file = await openToWrite(path, 'w');
  try {
    await file.writeFile(Buffer.alloc(RESERVE_BYTES));
  } finally {
    await file.close();
  }
}

/** Finishes what an earlier process began to drop; the losses that are not in the log yet. */
export async function pendingDrops(directory: string): Promise<DropNote[]> {
  const folder = join(directory, DROPPED);
  const names = await readdir(folder).catch(() => []);
  const notes: DropNote[] = [];
  for (const name of names) {
    if (!/^\d{12}\.json$/.test(name)) continue;
    const { node, ids, losses } = JSON.parse(await readFile(join(folder, name), 'utf8')) as NoteFile;
    const doomed = new Set(ids);
    for (const files of await listSegments(directory)) if (doomed.has(files.id)) await removeSegment(directory, files);
    notes.push({
      node,
      ids,
      losses: losses.map(({ where, detail, lost, firstNs, lastNs }) => ({
        ...{ where, detail, lost: BigInt(lost), firstNs: BigInt(firstNs), lastNs: BigInt(lastNs) },
      })),
    });
  }
  if (notes.length > 0) await syncDirectory(directory);
  return notes;
}
