import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DROPPED } from './layout.js';
import { LOCAL_EPOCH } from './loss.js';
import { countedOnce, type LossNote, type NamedLoss } from './loss-ledger.js';
import { removeSegment } from './recover.js';
import type { Segment } from './segment.js';
import { lossesIn } from './told.js';

/*
 * A loss record that is dropped itself is told once more, with its identity, for some sink may have it. The new loss is added to one of them: an identity whose record
 * grows. So there are never more of them than segments that hold some, however long a sink is away, and in every sink the largest record of each identity is exact.
 */

/** What is to be dropped of one node, in words and numbers. `sinks`: those that had not everything of it. `events`: what is lost by it and was not before. */
export async function dropNote(
  segments: readonly Segment[],
  sinks: readonly string[],
  why: string,
): Promise<LossNote & { readonly events: bigint }> {
  const own = segments.filter(({ epoch }) => epoch.startsWith(LOCAL_EPOCH));
  const events = segments.filter(({ epoch }) => !epoch.startsWith(LOCAL_EPOCH));
  const told = countedOnce((await Promise.all(own.map(({ path }) => readFile(path).then(lossesIn)))).flat()).map((loss) => ({
    ...loss,
    id: loss.id ?? lossId('told'),
  }));
  const grown = told.find(({ where }) => where === 'spool');
  const others = told.filter((loss) => loss !== grown);
  const fresh = events.reduce((sum, { count }) => sum + BigInt(count), 0n);
  const node = segments[0]?.node ?? '';
  const note = { deed: 'drop', segments: segments.map(({ id, record }) => ({ id, record })), node, events: fresh } as const;
  if (fresh === 0n) return { ...note, losses: told };
  const spans = events.map(({ epoch, ranges }) => `${ranges.map(({ first, last }) => `${first}-${last}`).join(', ')} of epoch ${epoch}`);
  const few = spans.length <= 8 ? spans : [...spans.slice(0, 4), '...', ...spans.slice(-4)];
  const before = grown === undefined ? '' : `; ${grown.lost} events had been lost so before`;
  const what = `${fresh} events (sequences ${few.join('; ')})`;
  const detail = `${why}: ${what} in segments ${segments[0]?.id} to ${segments.at(-1)?.id} were removed before ${sinks.join(' and ')} had them${before}.`;
  const loss: NamedLoss = {
    ...{ where: 'spool', lost: fresh + (grown?.lost ?? 0n), firstNs: 0n, lastNs: 0n, detail },
    ...{ id: grown?.id ?? lossId('drop'), unknown: grown?.unknown === true },
  };
  return { ...note, losses: [...others, loss] };
}

/** An identity that no other loss has. */
export function lossId(what: string): string {
  return `${what}:${randomUUID()}`;
}

/** Removes segments that a note dooms, as far as they are here. */
export async function removeDoomed(directory: string, { segments }: LossNote): Promise<void> {
  for (const files of segments) await removeSegment(directory, files);
}

interface OldNote {
  readonly node: string;
  readonly ids: readonly number[];
  readonly losses: readonly { readonly where: 'spool'; readonly detail: string; readonly lost: string }[];
}

/** Notes as earlier versions left them, a file each, and how to remove one. */
export async function oldDropNotes(directory: string): Promise<{ readonly note: LossNote; remove(): Promise<void> }[]> {
  const folder = join(directory, DROPPED);
  const found: { note: LossNote; remove(): Promise<void> }[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    if (!/^\d{12}\.json$/.test(name)) continue;
    const { node, ids, losses } = JSON.parse(await readFile(join(folder, name), 'utf8')) as OldNote;
    const segments = ids.flatMap((id) => (['conn', 'control'] as const).map((record) => ({ id, record })));
    const named = losses.map(({ where, detail, lost }, i) => ({ where, detail, lost: BigInt(lost), id: `drop:${node}:${ids[0]}:${i}` }));
    found.push({ note: { deed: 'drop', segments, node, losses: named }, remove: () => rm(join(folder, name), { force: true }) });
  }
  await rm(join(folder, 'reserve'), { force: true });
  return found;
}
