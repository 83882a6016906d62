import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../access/place.js';
import { replaceFile, syncDirectory } from '../../spool/layout.js';
import type { LostRun } from '../missing.js';
import { EngineFolder } from './folder.js';

/** Folder inside the store for what was damaged. */
export const SET_ASIDE = 'set-aside';
const NOTES = 'notes.json';
/** So many notes are kept. */
const MOST_NOTES = 1000;

/** Something damaged that was moved away, or that was found to be gone. */
export interface Aside {
  /** RFC 3339. */
  readonly at: string;
  /** What it was and what is wrong with it, a sentence. */
  readonly what: string;
  /** Where it is now; null: there was nothing to move. */
  readonly place: string | null;
}

/** What is still to be made good of what was set aside. */
export interface Owed {
  /** Tables that lack rows, and in which partitions; `*`: in all. */
  readonly tables: Readonly<Record<string, readonly string[]>>;
  /** Rows may be gone of which the ledger does not know. */
  readonly unknown: boolean;
  /** The same for one damage. */
  readonly id: string;
  /** What the ledger said was there and is not. */
  readonly runs: readonly LostRun[];
  /** The ledger was asked since the last damage. */
  readonly asked: boolean;
}

interface Notes {
  readonly asides: readonly Aside[];
  readonly owed: Owed | null;
}

/** Everything that was set aside of a store, and what is owed for it: it outlives the process, and is written down before it is done. */
export class SetAside {
  private readonly folder: EngineFolder;
  private notes: Notes;
  private made = 0;

  constructor(folder: EngineFolder) {
    this.folder = folder;
    this.notes = this.read();
  }

  /** As it is on the disk now: whoever has looked at what was set aside removes the folder. */
  get all(): readonly Aside[] {
    return this.read().asides;
  }

  get owed(): Owed | null {
    return this.notes.owed;
  }

  /** Moves a file or folder of the store away. `lacks`: the table, and its partition, that lack rows by it; undefined: no rows went. */
  async move(path: string, what: string, lacks?: readonly [table: string, partition: string]): Promise<void> {
    const now = new Date().toISOString();
    const stamp = `${now.replace(/[:.]/g, '-')}-${++this.made}`;
    const target = join(this.root, stamp, this.folder.told(path));
    const there = existsSync(path) || lstatSync(path, { throwIfNoEntry: false }) !== undefined;
    await this.write([{ at: now, what, place: there ? target : null }], lacks);
    if (!there) return;
    makeFolder(dirname(target));
    await rename(path, target);
    await syncDirectory(dirname(path));
  }

  /** Rows may be gone of which the ledger does not know. */
  async lacksUnknown(): Promise<void> {
    await this.write([], undefined, true);
  }

  /** What the ledger says is missing: it is kept until it was made good, since the ledger itself is then amended. */
  async know(runs: readonly LostRun[]): Promise<void> {
    const { owed } = this.notes;
    if (owed !== null) await this.save({ ...this.notes, owed: { ...owed, runs: [...owed.runs, ...runs], asked: true } });
  }

  /** What is owed was made good, or told. */
  async settle(): Promise<void> {
    await this.save({ ...this.notes, owed: null });
  }

  private get root(): string {
    return join(this.folder.dir, SET_ASIDE);
  }

  private async write(asides: readonly Aside[], lacks: readonly [string, string] | undefined, unknown = false): Promise<void> {
    const { owed } = this.notes;
    const tables = { ...owed?.tables };
    if (lacks !== undefined) tables[lacks[0]] = [...new Set([...(tables[lacks[0]] ?? []), lacks[1]])];
    // What the ledger said before is not all any more: what it still says comes on top, see know().
    const more =
      lacks === undefined && !unknown
        ? owed
        : {
            tables,
            unknown: unknown || owed?.unknown === true,
            id: owed?.id ?? `${Date.now()}-${process.pid}`,
            runs: owed?.runs ?? [],
            asked: false,
          };
    await this.save({ asides: [...this.all, ...asides].slice(-MOST_NOTES), owed: more });
  }

  private async save(notes: Notes): Promise<void> {
    makeFolder(this.root);
    await replaceFile(this.root, NOTES, `${JSON.stringify(notes, asText, 1)}\n`);
    this.notes = notes;
  }

  private read(): Notes {
    try {
      const { asides, owed } = JSON.parse(readFileSync(join(this.root, NOTES), 'utf8'), fromText) as Partial<Notes>;
      return { asides: asides ?? [], owed: owed ?? null };
    } catch {
      return { asides: [], owed: null };
    }
  }
}

/** Sequences are larger than JSON's numbers. */
function asText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

function fromText(key: string, value: unknown): unknown {
  return (key === 'first' || key === 'last') && typeof value === 'string' ? BigInt(value) : value;
}

/** What was set aside of the store in a directory. */
export function setAsideIn(dir: string): readonly Aside[] {
  return new SetAside(new EngineFolder(dir)).all;
}
