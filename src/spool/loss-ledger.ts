import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { v1 } from '../wire/proto.js';
import type { Loss } from './loss.js';
import type { RecordName } from './segment.js';
import { readSlots, TwoSlots } from './two-slots.js';

/*
 * Losses on their way into the log. A loss is noted here, durably, before anything goes; then it goes; then its record is written; and when that is durable the note is
 * taken out. The file has its room on the disk beforehand and is changed in place, so a full disk keeps nobody from dropping, setting aside or refusing something.
 *
 * A crash anywhere between leaves the note, and the next start goes on with it. Whether the record was written is looked up by its identity in the spool's own records.
 * Where these have gone already (every sink had them, and the spool was trimmed within that moment) it is written again with the same identity, and whoever counts losses
 * counts one identity once: `countedOnce()`, src/api/losses.ts, `vslog report loss`.
 */

/** A loss that can be told twice and counts once. */
export type NamedLoss = Loss & { readonly id: string };

/** Something that is missing, until it stands in the log. */
export interface LossNote {
  /** What is done with `segments`: removed, set aside; nothing. */
  readonly deed: 'drop' | 'quarantine' | 'none';
  readonly segments: readonly { readonly id: number; readonly record: RecordName }[];
  readonly node: string;
  /** Among them such as were told before and go with `segments`. */
  readonly losses: readonly NamedLoss[];
}

/** What was ever told as lost by one spool. */
export interface LossTotal {
  readonly where: Loss['where'];
  readonly lost: bigint;
  /** More may be missing than `lost`. */
  readonly unknown: boolean;
}

interface Content {
  readonly notes: readonly LossNote[];
  readonly totals: readonly LossTotal[];
  /** Identity of the newest loss of each place that is in the totals: told again after a crash, it is not added again. */
  readonly newest: Readonly<Partial<Record<Loss['where'], string>>>;
}

const NAME = 'losses';
/** Room for about a hundred notes. */
const CAPACITY = 64 * 1024 - 20;

export class LossLedger {
  private readonly directory: string;
  /** Undefined: there was no room to make it yet. */
  private slots: TwoSlots | undefined;
  private content: Content;
  private last: Promise<void> = Promise.resolve();

  private constructor(directory: string, slots: TwoSlots | undefined, content: Content) {
    this.directory = directory;
    this.slots = slots;
    this.content = content;
  }

  /** Opens or makes it. `earlier` is asked when it is made: what was told before. A disk that is too full for it is no failure yet: the first note is. */
  static async open(directory: string, earlier: () => Promise<readonly LossTotal[]>): Promise<LossLedger> {
    const path = join(directory, NAME);
    const size = await stat(path).then(
      (found) => found.size,
      () => 0,
    );
    const found = size === 0 ? undefined : await TwoSlots.open(path, Math.max(CAPACITY, size / 2 - 20));
    if (found !== undefined) {
      const content = decode(found.content);
      if (content !== undefined) return new LossLedger(directory, found.slots, content);
      await found.slots.close();
    }
    const totals = [...(await earlier())];
    // Damaged: what it held was told, or it was not; nobody knows.
    if (size > 0) totals.push({ where: 'spool', lost: 0n, unknown: true });
    const content: Content = { notes: [], totals: summed(totals), newest: {} };
    const made = await TwoSlots.create(directory, NAME, CAPACITY, encode(content)).catch(ifFull);
    return new LossLedger(directory, made, content);
  }

  /** What does not stand in the log yet, as far as is known; oldest first. */
  get notes(): readonly LossNote[] {
    return this.content.notes;
  }

  get totals(): readonly LossTotal[] {
    return this.content.totals;
  }

  /** Keeps a note until it is settled; durable when it resolves. `counts`: what is lost by it and was not told before. */
  add(note: LossNote, counts: readonly LossTotal[]): Promise<void> {
    const ids = new Set(note.losses.map(({ id }) => id));
    return this.change((content) => {
      if (ids.size > 0 && content.notes.some(({ losses }) => losses.some(({ id }) => ids.has(id)))) return content;
      return { ...content, notes: [...content.notes, note], totals: summed([...content.totals, ...counts]) };
    });
  }

  /** Takes a note out: its losses stand in the log. */
  settle(note: LossNote): Promise<void> {
    return this.change((content) => ({ ...content, notes: content.notes.filter((one) => one !== note) }));
  }

  /** Counts a loss that needs no note, since whoever told it tells it again after a crash: with the same identity. */
  count({ where, lost, unknown = false, id }: NamedLoss): Promise<void> {
    return this.change((content) => {
      if (content.newest[where] === id) return content;
      return { ...content, totals: summed([...content.totals, { where, lost, unknown }]), newest: { ...content.newest, [where]: id } };
    });
  }

  async close(): Promise<void> {
    await this.last;
    await this.slots?.close();
  }

  private change(next: (content: Content) => Content): Promise<void> {
    const mine = this.last.then(async () => {
      const content = next(this.content);
      if (content === this.content) return;
      const bytes = encode(content);
      if (this.slots !== undefined && bytes.length <= this.slots.capacity) await this.slots.write(bytes);
      else {
        // So many at once: a larger one takes its place, which needs room.
        const old = this.slots;
        this.slots = await TwoSlots.create(this.directory, NAME, slotOf(Math.max(CAPACITY, bytes.length * 2)), bytes);
        await old?.close();
      }
      this.content = content;
    });
    this.last = mine.catch(() => undefined);
    return mine;
  }
}

/** What a spool ever told as lost, by whoever does not own it. Empty: nothing, or what it keeps cannot be read. */
export async function lossTotals(directory: string): Promise<readonly LossTotal[]> {
  const path = join(directory, NAME);
  try {
    const { size } = await stat(path);
    const reading = await readSlots(path, Math.max(CAPACITY, size / 2 - 20));
    return reading.state === 'whole' ? (decode(reading.content)?.totals ?? []) : [];
  } catch {
    return [];
  }
}

function ifFull(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOSPC' && error.code !== 'EDQUOT') throw error;
}

/** A capacity that fills its pages, so that the file's length says it. */
function slotOf(bytes: number): number {
  return Math.ceil((bytes + 20) / 4096) * 4096 - 20;
}

/** Adds up by place. */
export function summed(totals: readonly LossTotal[]): LossTotal[] {
  const places = new Map<string, LossTotal>();
  for (const { where, lost, unknown } of totals) {
    const sum = places.get(where);
    places.set(where, { where, lost: lost + (sum?.lost ?? 0n), unknown: unknown || sum?.unknown === true });
  }
  return [...places.values()];
}

/** Of several records of one loss the largest; those without an identity each count. */
export function countedOnce<L extends { readonly id?: string | undefined; readonly lost: bigint | number }>(losses: readonly L[]): L[] {
  const named = new Map<string, L>();
  const others: L[] = [];
  for (const loss of losses) {
    const { id = '' } = loss;
    if (id === '') others.push(loss);
    else if ((named.get(id)?.lost ?? -1) < loss.lost) named.set(id, loss);
  }
  return [...others, ...named.values()];
}

function encode(content: Content): Buffer {
  return Buffer.from(
    JSON.stringify({ version: 1, ...content }, (_key, value: unknown) => (typeof value === 'bigint' ? { big: String(value) } : value)),
  );
}

function decode(bytes: Buffer): Content | undefined {
  try {
    const json = JSON.parse(bytes.toString(), (_key, value: unknown) =>
      typeof value === 'object' && value !== null && 'big' in value ? BigInt(String(value.big)) : value,
    ) as Content & { readonly version: number };
    if (json.version !== 1 || !Array.isArray(json.notes)) return undefined;
    const known = json.totals.filter(({ where }) => where in v1.LossPlace.Value);
    return { notes: json.notes, totals: known, newest: json.newest };
  } catch {
    return undefined;
  }
}
