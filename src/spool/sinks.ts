import { systemReason } from '../text/system-error.js';
import { sentenceOf } from '../wire/errors.js';
import { CursorFiles, type CursorReading, cursorNames, readCursor, type SinkCursor } from './cursors.js';
import { generationOf, type Standing, standingOf } from './reconcile.js';
import type { SealedLag, SealedSegments } from './sealed.js';
import type { Segment } from './segment.js';
import type { StateFile } from './state.js';

/** A sink that the spool holds segments for. */
export interface KnownSink {
  readonly cursor: SinkCursor;
  /** Why its cursor was not believed at the start, a sentence. */
  readonly doubt: string | undefined;
  /** Why its cursor cannot be read, a sentence: it holds everything back. */
  readonly trouble: string | undefined;
}

/** A sink that has a cursor and that the configuration does not name: its segments are held back until it is forgotten. */
export interface IdleSink extends SealedLag {
  readonly name: string;
  /** The last segment that it has. */
  readonly delivered: number;
  readonly trouble: string | undefined;
}

const BEGINNING: SinkCursor = { delivered: 0, chain: '', generation: 0, doubtUntil: 0, lacks: undefined };

/**
 * The sinks that a spool is kept for: those of the configuration, and those that have a cursor here. All are known, and hold everything back, before anything may be
 * removed.
 */
export class SpoolSinks {
  private readonly directory: string;
  private readonly files: CursorFiles;
  private readonly state: StateFile;
  private readonly sealed: SealedSegments;
  private readonly configured = new Set<string>();
  private readonly known = new Map<string, KnownSink>();
  private readonly readings = new Map<string, CursorReading>();
  private generation = 1;
  private last: Promise<void> = Promise.resolve();

  constructor(directory: string, state: StateFile, sealed: SealedSegments) {
    this.directory = directory;
    this.files = new CursorFiles(directory);
    this.state = state;
    this.sealed = sealed;
  }

  /** Reads what is on disk. Until settle() every sink holds everything back. */
  async read(configured: readonly string[]): Promise<void> {
    for (const name of configured) this.configured.add(name);
    for (const name of new Set([...configured, ...(await cursorNames(this.directory))])) await this.readOne(name);
  }

  private async readOne(name: string): Promise<void> {
    let trouble: string | undefined;
    try {
      const reading = await readCursor(this.directory, name);
      this.readings.set(name, reading);
      // Nobody can ask a sink that is not there.
      if (reading.state === 'damaged' && !this.configured.has(name)) trouble = reading.reason;
    } catch (error) {
      trouble = `The cursor of sink ${name} in ${this.directory} cannot be read (${systemReason(error) ?? sentenceOf(error)}).`;
    }
    this.set(name, { cursor: this.known.get(name)?.cursor ?? BEGINNING, doubt: undefined, trouble });
  }

  /** Ids that cursors know of. */
  get newestDelivered(): number {
    return Math.max(0, ...[...this.readings.values()].map((one) => (one.state === 'whole' ? one.cursor.delivered : 0)));
  }

  /** What was read, by name. */
  get onDisk(): ReadonlyMap<string, CursorReading> {
    return this.readings;
  }

  /** Decides how each sink goes on, and makes that durable where there is room. Sinks whose cursors cannot be read go on holding everything back. */
  async settle(standing: Standing): Promise<void> {
    this.generation = generationOf(standing);
    const { generation } = this;
    this.state.change((state) => (state.generation === generation ? state : { ...state, generation }));
    for (const name of this.known.keys()) await this.settleOne(name, standing);
  }

  private async settleOne(name: string, standing: Standing): Promise<void> {
    const reading = this.readings.get(name);
    if (this.known.get(name)?.trouble !== undefined || reading === undefined) return;
    const { cursor, doubt } = standingOf(name, reading, this.generation, standing);
    this.set(name, { cursor, doubt, trouble: undefined });
    // A sink that is not configured is left as it is: when it comes back it is looked at again.
    if (this.configured.has(name)) await this.files.write(name, cursor).catch(() => undefined); // the next delivery tries again
  }

  /** Makes a sink known that was not named at the start, or whose cursor could not be read then. Rejects with a sentence while it cannot. */
  async register(name: string, standing: () => Promise<Standing>): Promise<void> {
    const had = this.known.get(name);
    if (had !== undefined && had.trouble === undefined && this.configured.has(name)) return;
    this.configured.add(name);
    await this.readOne(name);
    const { trouble } = this.known.get(name) as KnownSink;
    if (trouble !== undefined) throw new Error(trouble);
    await this.settleOne(name, await standing());
  }

  get(name: string): KnownSink {
    return this.known.get(name) ?? { cursor: BEGINNING, doubt: undefined, trouble: undefined };
  }

  /** How far each is, by name. */
  delivered(): Map<string, number> {
    return new Map([...this.known].map(([name, { cursor }]) => [name, cursor.delivered]));
  }

  /** Whether no sink wants a segment any more: each has it, or keeps or tells what it refused and what it lacks. False where there is no sink. */
  allHave(id: number): boolean {
    const all = [...this.known.values()];
    return all.length > 0 && all.every(({ cursor, trouble }) => trouble === undefined && cursor.delivered >= id);
  }

  /** A sink has everything up to this segment. Durable when it resolves; nothing changes when it rejects. */
  async advance(name: string, { id, chain }: Pick<Segment, 'id' | 'chain'>): Promise<void> {
    await this.change(name, (cursor) => ({ ...cursor, delivered: id, chain, doubtUntil: cursor.doubtUntil > id ? cursor.doubtUntil : 0 }));
    // Behind the cursor: a cursor that is less than this says was set back.
    this.state.change((state) => ({ ...state, cursors: { ...state.cursors, [name]: id } }));
  }

  /** A loss record says what a sink lacks. */
  recorded(name: string): Promise<void> {
    return this.change(name, (cursor) => (cursor.lacks === undefined ? cursor : { ...cursor, lacks: { ...cursor.lacks, recorded: true } }));
  }

  /** Somebody says that what a sink lacks is all right: from here on. */
  accept(name: string): Promise<void> {
    return this.change(name, (cursor) => (cursor.lacks === undefined ? cursor : { ...cursor, lacks: { ...cursor.lacks, accepted: true } }));
  }

  /** One after the other: each goes on from what the last one made. */
  private change(name: string, change: (cursor: SinkCursor) => SinkCursor): Promise<void> {
    const mine = this.last.then(async () => {
      const { cursor, doubt } = this.get(name);
      const next = { ...change(cursor), generation: this.generation };
      await this.files.write(name, next);
      this.set(name, { cursor: next, doubt: next.doubtUntil === 0 ? undefined : doubt, trouble: undefined });
    });
    this.last = mine.catch(() => undefined);
    return mine;
  }

  /** What segments are held back for and nobody fetches. */
  idle(): IdleSink[] {
    return [...this.known]
      .filter(([name]) => !this.configured.has(name))
      .map(([name, { cursor, trouble }]) => ({ name, delivered: cursor.delivered, trouble, ...this.sealed.lag(cursor.delivered) }));
  }

  /** Removes a sink's cursor: nothing is held back for it any more, and when it comes back it is new. */
  async forget(name: string): Promise<void> {
    await this.files.remove(name);
    this.known.delete(name);
    this.readings.delete(name);
    this.sealed.removeCursor(name);
    this.state.change((state) => ({
      ...state,
      cursors: Object.fromEntries(Object.entries(state.cursors).filter(([other]) => other !== name)),
    }));
  }

  async close(): Promise<void> {
    await this.last;
    await this.files.close();
  }

  private set(name: string, sink: KnownSink): void {
    this.known.set(name, sink);
    this.sealed.setCursor(name, sink.cursor.delivered);
  }
}
