import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CURSORS, syncDirectory } from './layout.js';
import { noteRefusal } from './refusals.js';
import { readSlots, TwoSlots } from './two-slots.js';

/** Most that a cursor may say, bytes. */
const CURSOR_BYTES = 2000;
const SUFFIX = '.cursor';
/** As an earlier version wrote it, with the reasons of refused segments, and anew for each segment. */
const OLD_SUFFIX = '.json';
/** Until somebody says otherwise each segment may be in the sink already. */
export const ALWAYS_DOUBTED = Number.MAX_SAFE_INTEGER;

/** What a sink was never given, since it was removed before. Told as long as nobody accepts it. */
export interface Lack {
  /** Ids of the segments; not each of them needs to have existed. */
  readonly first: number;
  readonly last: number;
  /** Events in them; null: nobody knows. */
  readonly events: number | null;
  /** When that was found, ms since 1970. */
  readonly atMs: number;
  /** The sink came later than they went: nobody removed what it should have had. */
  readonly isNew: boolean;
  /** A loss record says it. Never of a new sink, whose lack is no loss. */
  readonly recorded: boolean;
  /** Somebody said that it is all right: from here on. */
  readonly accepted: boolean;
}

/** How far a sink is. */
export interface SinkCursor {
  /** It has every segment up to this id, but those that it refused and those that it lacks. */
  readonly delivered: number;
  /** Chain value of that segment; empty: not known. */
  readonly chain: string;
  /** Of the spool that it is of; 0: not known. */
  readonly generation: number;
  /** Segments up to this id may be in the sink beyond `delivered`: each is looked for there before it is sent. */
  readonly doubtUntil: number;
  readonly lacks: Lack | undefined;
}

/** What is on disk of a sink's cursor. */
export type CursorReading =
  | { readonly state: 'absent' }
  /** `reason`: a sentence. */
  | { readonly state: 'damaged'; readonly reason: string }
  | { readonly state: 'whole'; readonly cursor: SinkCursor };

/** A cursor as an earlier version wrote it. */
interface OldCursor {
  readonly delivered: number;
  readonly refused: readonly { readonly id: number; readonly reason: string }[];
}

/** Reads the cursor of a sink and changes nothing. Rejects with the system's error when it is there and cannot be read. */
export async function readCursor(directory: string, sink: string): Promise<CursorReading> {
  const path = join(directory, CURSORS, `${sink}${SUFFIX}`);
  const read = await readSlots(path, CURSOR_BYTES);
  if (read.state === 'whole') {
    const cursor = decode(read.content);
    if (cursor !== undefined) return { state: 'whole', cursor };
  }
  if (read.state !== 'absent') return { state: 'damaged', reason: `The cursor ${path} is damaged.` };
  const old = await readOld(directory, sink);
  if (old === undefined) return { state: 'absent' };
  if (old === 'damaged') return { state: 'damaged', reason: `The cursor ${join(directory, CURSORS, sink)}${OLD_SUFFIX} is damaged.` };
  return { state: 'whole', cursor: { delivered: old.delivered, chain: '', generation: 0, doubtUntil: 0, lacks: undefined } };
}

async function readOld(directory: string, sink: string): Promise<OldCursor | 'damaged' | undefined> {
  let text: string;
  try {
    text = await readFile(join(directory, CURSORS, `${sink}${OLD_SUFFIX}`), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const json = JSON.parse(text) as OldCursor;
    if (Number.isSafeInteger(json.delivered) && Array.isArray(json.refused)) return json;
  } catch {
    // It is damaged.
  }
  return 'damaged';
}

/** Names of the sinks that have a cursor in a spool, ascending. */
export async function cursorNames(directory: string): Promise<string[]> {
  const names = new Set<string>();
  for (const name of await readdir(join(directory, CURSORS)).catch(() => [])) {
    const [, sink, suffix] = /^([a-z0-9-]{1,63})(\.cursor|\.json)$/.exec(name) ?? [];
    if (sink === undefined) continue;
    // Sinks keep other files here, too.
    if (suffix === SUFFIX || typeof (await readOld(directory, sink)) === 'object') names.add(sink);
  }
  return [...names].sort();
}

/** The cursors of a spool, open to be written. */
export class CursorFiles {
  private readonly directory: string;
  private readonly open = new Map<string, TwoSlots>();

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Writes a cursor; durable when it resolves. The first write makes the file, with its room; what an earlier version wrote is taken over. */
  async write(sink: string, cursor: SinkCursor): Promise<void> {
    const content = encode(cursor);
    const slots = this.open.get(sink);
    if (slots !== undefined) return slots.write(content);
    const folder = join(this.directory, CURSORS);
    const found = await TwoSlots.open(join(folder, `${sink}${SUFFIX}`), CURSOR_BYTES);
    if (found !== undefined) {
      this.open.set(sink, found.slots);
      await found.slots.write(content);
    } else this.open.set(sink, await TwoSlots.create(folder, `${sink}${SUFFIX}`, CURSOR_BYTES, content));
    await this.takeOver(sink);
  }

  /** Removes a sink's cursor for good. */
  async remove(sink: string): Promise<void> {
    await this.open.get(sink)?.close();
    this.open.delete(sink);
    const folder = join(this.directory, CURSORS);
    for (const suffix of [SUFFIX, OLD_SUFFIX]) await rm(join(folder, `${sink}${suffix}`), { force: true });
    await syncDirectory(folder);
  }

  async close(): Promise<void> {
    for (const slots of this.open.values()) await slots.close();
    this.open.clear();
  }

  private async takeOver(sink: string): Promise<void> {
    const old = await readOld(this.directory, sink);
    if (old === undefined) return;
    if (old !== 'damaged') for (const { id, reason } of old.refused) await noteRefusal(this.directory, sink, id, reason);
    await rm(join(this.directory, CURSORS, `${sink}${OLD_SUFFIX}`), { force: true });
  }
}

function encode(cursor: SinkCursor): Buffer {
  return Buffer.from(JSON.stringify({ version: 1, ...cursor }));
}

/** The checksum has been checked. */
function decode(content: Buffer): SinkCursor | undefined {
  try {
    const { version, delivered, chain, generation, doubtUntil, lacks } = JSON.parse(content.toString('utf8')) as SinkCursor & {
      readonly version: number;
    };
    return version === 1 ? { delivered, chain, generation, doubtUntil, lacks } : undefined;
  } catch {
    return undefined;
  }
}
