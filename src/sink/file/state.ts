import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../../spool/layout.js';
import type { RecordName } from '../../spool/segment.js';
import { SequenceSet, type Span } from './sequences.js';

/** The folder inside the sink's that holds what is not for readers. */
export const PRIVATE = '.vslog';
const STATE = 'state.json';

/** Epochs whose sequences are remembered; with more of them the longest unused is forgotten. */
const EPOCHS = 1000;

/** Sequences of one epoch in a file: all that are of the file's record type from the first to the last. A file may have several of an epoch. */
export type Hull = readonly [node: string, epoch: string, first: number, last: number];

/** A file that is being written. */
export interface OpenFile {
  /** Its name when it is finished. */
  readonly name: string;
  /** What counts of it. */
  readonly bytes: number;
  /** When its first event came, ms since 1970. */
  readonly openedMs: number;
  readonly hulls: readonly Hull[];
}

/** Which sequences were written, by node and epoch. */
export class Ledger {
  private readonly epochs = new Map<string, SequenceSet>();

  /** A copy can be changed without changing this one's list of epochs; sets are shared until they are replaced. */
  constructor(entries: Iterable<readonly [string, SequenceSet]> = []) {
    this.epochs = new Map(entries);
  }

  of(node: string, epoch: string): SequenceSet {
    return this.epochs.get(keyOf(node, epoch)) ?? new SequenceSet();
  }

  /** A ledger with these sequences, too. */
  with(node: string, epoch: string, spans: readonly Span[]): Ledger {
    const key = keyOf(node, epoch);
    const set = new SequenceSet([...this.of(node, epoch).spans]);
    for (const [first, last] of spans) set.add(first, last);
    const entries = [...this.epochs].filter(([other]) => other !== key);
    return new Ledger([...entries, [key, set] as const].slice(-EPOCHS));
  }

  toJson(): [string, string, readonly Span[]][] {
    return [...this.epochs].map(([key, set]) => [...(JSON.parse(key) as [string, string]), set.spans]);
  }

  static fromJson(json: readonly [string, string, readonly Span[]][]): Ledger {
    return new Ledger(json.map(([node, epoch, spans]) => [keyOf(node, epoch), new SequenceSet(spans)] as const));
  }
}

function keyOf(node: string, epoch: string): string {
  return JSON.stringify([node, epoch]);
}

/** Everything that must survive: what is not in here was not delivered. */
export interface FileState {
  readonly ledger: Ledger;
  readonly open: Readonly<Partial<Record<RecordName, OpenFile>>>;
  /** Time in the newest name; the next one's is later, also when the clock was set back. */
  readonly newestMs: number;
}

export const EMPTY: FileState = { ledger: new Ledger(), open: {}, newestMs: 0 };

/** The state of a folder; undefined: it has none. Rejects with a sentence when it is damaged. */
export async function readState(dir: string): Promise<FileState | undefined> {
  const path = join(dir, PRIVATE, STATE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const json = JSON.parse(text) as { version: number; ledger: [string, string, Span[]][]; open: FileState['open']; newestMs: number };
    if (json.version === 1) return { ledger: Ledger.fromJson(json.ledger), open: json.open, newestMs: json.newestMs };
  } catch {
    // Told below.
  }
  throw new StateError(`${path} cannot be read: move the files of file.dir elsewhere, ${PRIVATE} with them, and the next ones begin anew.`);
}

/** Durable when it resolves. */
export async function writeState(dir: string, { ledger, open, newestMs }: FileState): Promise<void> {
  await replaceFile(join(dir, PRIVATE), STATE, `${JSON.stringify({ version: 1, newestMs, open, ledger: ledger.toJson() })}\n`);
}

/** The folder's own bookkeeping does not fit what is there. The message is a sentence with what to do. */
export class StateError extends Error {
  override readonly name = 'StateError';
}
