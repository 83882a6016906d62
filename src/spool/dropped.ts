import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DROPPED } from './layout.js';
import { LOCAL_EPOCH, type Loss } from './loss.js';
import { countedOnce, type LossNote, type NamedLoss } from './loss-ledger.js';
import { removeSegment } from './recover.js';
import { rangesText } from './run.js';
import type { Segment } from './segment.js';
import { lossesIn } from './told.js';

/*
 * A loss record that is dropped itself is told once more, with its identity, for some sink may have it. The new loss is added to one of them: an identity whose record
 * grows. Once there are many, a new loss is added to the newest one also where no record is dropped. So there are never more than some, however long a sink is away, and
 * in every sink the largest record of each identity is exact.
 */

/** So many identities are told again and again before new losses are added to one of them. */
const MANY = 8;

/** Puts into words and numbers what is dropped. */
export class DropLosses {
  /** The most that was told of each identity. */
  private readonly largest = new Map<string, bigint>();
  private newest: { readonly node: string; readonly loss: NamedLoss } | undefined;
  private live = 0;

  /** `earlier`: what was told before, as far as it is here. */
  constructor(earlier: readonly Loss[]) {
    for (const { id, lost } of countedOnce(earlier)) if (id !== undefined) this.largest.set(id, lost);
  }

  /** What is to be dropped of one node. `sinks`: those that had not everything of it. `events`: what is lost by it and was not before. */
  async note(segments: readonly Segment[], sinks: readonly string[], why: string): Promise<LossNote & { readonly events: bigint }> {
    const own = segments.filter(({ epoch }) => epoch.startsWith(LOCAL_EPOCH));
    const events = segments.filter(({ epoch }) => !epoch.startsWith(LOCAL_EPOCH));
    const bodies = await Promise.all(own.map(({ path }) => readFile(path).then(lossesIn)));
    const told = countedOnce(bodies.flat()).map((loss) => this.atItsLargest(loss));
    if (own.length > 0) this.live = told.length;
    const fresh = events.reduce((sum, { count }) => sum + BigInt(count), 0n);
    const node = segments[0]?.node ?? '';
    const note = { deed: 'drop', segments: segments.map(({ id, record }) => ({ id, record })), node, events: fresh } as const;
    if (fresh === 0n) return { ...note, losses: told };
    const base =
      told.find(({ where }) => where === 'spool') ?? (this.live >= MANY && this.newest?.node === node ? this.newest.loss : undefined);
    const spans = events.map(({ epoch, ranges }) => `${rangesText(ranges)} of epoch ${epoch}`);
    const few = spans.length <= 8 ? spans : [...spans.slice(0, 4), '...', ...spans.slice(-4)];
    const before = base === undefined ? '' : `; ${base.lost} events had been lost so before`;
    const what = `${fresh} events (sequences ${few.join('; ')})`;
    const which = `in segments ${segments[0]?.id} to ${segments.at(-1)?.id}`;
    const detail = `${why}: ${what} ${which} were removed before ${sinks.join(' and ')} had them${before}.`;
    const loss: NamedLoss = {
      ...{ where: 'spool', lost: fresh + (base?.lost ?? 0n), firstNs: 0n, lastNs: 0n, detail },
      ...{ id: base?.id ?? lossId('drop'), unknown: base?.unknown === true },
    };
    return { ...note, losses: [...told.filter(({ id }) => id !== loss.id), loss] };
  }

  /** The note is durable. */
  noted({ node, losses }: LossNote): void {
    for (const loss of losses) {
      this.largest.set(loss.id, loss.lost);
      if (loss.where === 'spool') this.newest = { node, loss };
    }
  }

  private atItsLargest(loss: Loss): NamedLoss {
    const { id = lossId('told'), lost } = loss;
    const most = this.largest.get(id) ?? 0n;
    return { ...loss, id, lost: most > lost ? most : lost };
  }
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
