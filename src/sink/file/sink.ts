import { type FileHandle, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PlaceError } from '../../access/errors.js';
import { makeFolder } from '../../access/place.js';
import type { EraseTarget } from '../../erase/target.js';
import { SpoolInUseError } from '../../spool/errors.js';
import { LOCK_FILE, syncDirectory } from '../../spool/layout.js';
import { lockDirectory } from '../../spool/lock.js';
import type { RecordName, Segment } from '../../spool/segment.js';
import { type Erasable, type ErasedRows, type HourTally, type SequenceSpan, type Sink, SinkRejection, type TakenSpan } from '../sink.js';
import { catchUp } from './catch-up.js';
import { closeFiles } from './close.js';
import type { EpochSpans } from './contents.js';
import { removeHalf } from './erase.js';
import { folderSentence, TargetError, UnreadableSegment } from './failure.js';
import { beginFile, finishedFiles, finishFile, hasFiles, removeOldFiles, repairFolder, takenFrom } from './folder.js';
import { type FileStyle, formatFileName, NAME_MAX, PART, parseFileName } from './names.js';
import { filesWith, indexOf } from './search.js';
import { SequenceSet, type Span } from './sequences.js';
import { EMPTY, type FileState, type Hull, type OpenFile, PRIVATE, readState, StateError, writeState } from './state.js';
import { FileWorker } from './worker-client.js';

export interface FileSinkOptions extends FileStyle {
  readonly dir: string;
  /** Size on disk at which a file is finished, bytes. */
  readonly rotateBytes: number;
  /** Age at which a file is finished, ms. */
  readonly rotateAgeMs: number;
  /** Finished files in all, bytes; 0 keeps all. */
  readonly keepBytes: number;
  /** Finished files of a record type; 0 keeps all. */
  readonly keepFiles: number;
  /** Told what a person should know. */
  readonly note?: ((line: string) => void) | undefined;
}

/** How often the age of files that get nothing is looked at, ms. */
const LOOK_MS = 1000;

/**
 * Files for pipelines of other people. A segment is first in the file, durably, and then in the state, which is replaced as a whole: what a file has behind the length
 * in the state is read at the next start and counts, as far as it can be read; the rest is cut off and delivered again. So every event is there once, and a finished file never changes.
 */
export class FileSink implements Sink {
  readonly name = 'file';
  private readonly options: FileSinkOptions;
  private readonly worker = new FileWorker();
  private readonly indexes = new Map<string, readonly EpochSpans[]>();
  private lock: FileHandle | undefined;
  /** Undefined: it has to be read, and the files made to agree with it. */
  private state: FileState | undefined;
  private last: Promise<unknown> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;

  constructor(options: FileSinkOptions) {
    this.options = options;
  }

  start(): Promise<void> {
    return this.alone(async () => {
      await this.ready();
    });
  }

  deliver(segment: Segment): Promise<void> {
    return this.alone(async () => {
      const { ledger } = await this.ready();
      await this.add(segment, ledger.of(segment.node, segment.epoch));
    });
  }

  restore(segment: Segment): Promise<number> {
    return this.alone(async () => {
      const state = await this.ready();
      return this.add(segment, await this.present(segment, state));
    });
  }

  async tally(spans: readonly SequenceSpan[]): Promise<HourTally[]> {
    const { dir } = this.options;
    const wanted = spans.map(({ node, epoch, first, last }) => ({ node, epoch, spans: [[Number(first), Number(last)] as const] }));
    // Not among the deliveries, which must not wait for it. A file that gets its final name meanwhile is looked for once more.
    for (let tries = 3; ; tries--) {
      try {
        const state = await readState(dir);
        if (state === undefined) throw new StateError(`file.dir ${dir} has no files of vslog.`);
        return await this.worker.tally(await filesWith(dir, state, wanted), wanted);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === 0) throw this.sentence(error);
      }
    }
  }

  async taken(): Promise<TakenSpan[]> {
    const { dir } = this.options;
    try {
      const state = await readState(dir);
      return state === undefined ? [] : await takenFrom(dir, state);
    } catch (error) {
      throw this.sentence(error);
    }
  }

  readonly beyond = 'files that were taken out of file.dir';

  readonly erasure: Erasable = {
    count: (target) =>
      this.alone(async () => {
        await this.finishAll();
        return this.eachFile(target, true, () => undefined);
      }),
    // A file that is being written is finished first: its length stands in the state, a finished one's stands nowhere.
    erase: (target, say) =>
      this.alone(async () => {
        await this.finishAll();
        await removeHalf(this.options.dir);
        return (await this.eachFile(target, false, say)).events;
      }),
  };

  private async finishAll(): Promise<void> {
    const { open } = await this.ready();
    for (const [record, file] of Object.entries(open) as [RecordName, OpenFile | undefined][])
      if (file !== undefined) await this.finish(record, file);
  }

  private async eachFile(target: EraseTarget, count: boolean, say: (step: string) => void): Promise<ErasedRows> {
    const { dir } = this.options;
    const connections = new Set<string>();
    let events = 0;
    const files = await finishedFiles(dir);
    for (const [i, { text, name }] of files.entries()) {
      say(`file ${i + 1} of ${files.length}`);
      try {
        const found = await this.worker.erase({ dir, file: text, target, count });
        // A command line that was written over is no event of theirs.
        if (name.record === 'conn') events += found.events;
        for (const id of found.connections) connections.add(id);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // somebody took it
      }
    }
    return { events, connections: connections.size };
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    this.timer = undefined;
    await this.worker.close();
    await this.last; // what the worker's end made fail has to be over before the lock is
    this.state = undefined;
    await this.lock?.close();
    this.lock = undefined;
  }

  /** One after the other. After a failure nothing is taken for granted: the state is read again, and the files are cut back to it. */
  private alone<T>(action: () => Promise<T>): Promise<T> {
    const mine = this.last.then(action).catch((error: unknown) => {
      this.state = undefined;
      throw this.sentence(error);
    });
    this.last = mine.catch(() => undefined);
    return mine;
  }

  private async ready(): Promise<FileState> {
    if (this.state !== undefined) return this.state;
    const { dir } = this.options;
    if (this.lock === undefined) for (const line of closeFiles(dir)) this.options.note?.(line);
    makeFolder(join(dir, PRIVATE));
    this.lock ??= await this.own();
    let state = await readState(dir);
    if (state === undefined) {
      if (await hasFiles(dir))
        throw new StateError(
          `file.dir ${dir} has files of vslog, but ${join(dir, PRIVATE)} does not say what is in them: move them elsewhere, or put it back.`,
        );
      await syncDirectory(dir);
      await writeState(dir, EMPTY);
      state = EMPTY;
    }
    const caught = await catchUp(dir, state, (file) => this.worker.index(file));
    if (caught !== state) await writeState(dir, caught);
    this.state = await repairFolder(dir, caught);
    this.indexes.clear();
    this.timer ??= setInterval(() => this.look(), LOOK_MS).unref();
    return this.state;
  }

  private async own(): Promise<FileHandle> {
    const dir = join(this.options.dir, PRIVATE);
    try {
      return await lockDirectory(dir);
    } catch (error) {
      if (!(error instanceof SpoolInUseError)) throw error;
      const holder = (await readFile(join(dir, LOCK_FILE), 'utf8').catch(() => '')).trim();
      const who = holder === '' ? 'another process' : `process ${holder}`;
      throw new StateError(`file.dir ${this.options.dir} is in use by ${who}: stop it first, or name another folder.`);
    }
  }

  /** Writes the events of a segment that are not in `have`; how many. */
  private async add(segment: Segment, have: SequenceSet): Promise<number> {
    const absent = segment.ranges.flatMap(({ first, last }) => have.missing(Number(first), Number(last)));
    const missing = absent.reduce((sum, [first, last]) => sum + last - first + 1, 0);
    if (missing === 0) return 0;
    const { dir, format, compression, rotateBytes } = this.options;
    const { record, node, epoch, count, id } = segment;
    const file = await this.openFor(segment);
    const { bytes, events } = await this.worker.append({
      segment: id,
      source: segment.path,
      record,
      node,
      epoch,
      count,
      only: missing === count ? null : absent,
      target: join(dir, file.name + PART),
      offset: file.bytes,
      format,
      compression,
    });
    if (events !== missing)
      throw new UnreadableSegment(`Segment ${id} should have ${missing} events with its sequences that are new, and has ${events}.`);
    const state = this.state as FileState;
    const grown = { ...file, bytes, hulls: withHull(file.hulls, node, epoch, missing === count ? whole(segment) : absent) };
    const next = { ...state, open: { ...state.open, [record]: grown }, ledger: state.ledger.with(node, epoch, absent) };
    await writeState(dir, next);
    this.state = next;
    this.remember(join(dir, file.name + PART), file.bytes, bytes, segment, absent);
    if (bytes >= rotateBytes) await this.finish(record, grown);
    return missing;
  }

  /** The file that a segment goes to. */
  private async openFor({ id, record, node, epoch }: Segment): Promise<OpenFile> {
    const { dir, format, compression } = this.options;
    const current = this.state?.open[record];
    if (current !== undefined) {
      const is = parseFileName(current.name);
      const suits =
        is?.format === format && is.compression === compression && (format === 'jsonl' || (is.node === node && is.epoch === epoch));
      if (suits && !this.old(current)) return current;
      await this.finish(record, current);
    }
    const state = this.state as FileState;
    const newestMs = Math.max(Date.now(), state.newestMs + 1);
    const name = formatFileName({ record, begunMs: newestMs, segment: id, format, compression, node, epoch });
    if (Buffer.byteLength(name) > NAME_MAX) throw new UnreadableSegment(`The node's name ${node} is too long for a file's name.`);
    await beginFile(dir, name);
    this.state = { ...state, newestMs };
    return { name, bytes: 0, openedMs: Date.now(), hulls: [] };
  }

  private async finish(record: RecordName, file: OpenFile): Promise<void> {
    const { dir, keepBytes, keepFiles } = this.options;
    await finishFile(dir, file);
    const state = this.state as FileState;
    // The state on disk may name it still: the next start sees that it was finished.
    this.state = { ...state, open: { ...state.open, [record]: undefined } };
    await removeOldFiles(dir, keepBytes, keepFiles);
  }

  private old({ openedMs }: OpenFile): boolean {
    return Math.abs(Date.now() - openedMs) >= this.options.rotateAgeMs; // either way: clocks are set back, too
  }

  /** Finishes what has become old without getting anything. */
  private look(): void {
    if (!Object.values(this.state?.open ?? {}).some((file) => file !== undefined && this.old(file))) return;
    const finishing = this.alone(async () => {
      const { open } = await this.ready();
      for (const [record, file] of Object.entries(open) as [RecordName, OpenFile | undefined][])
        if (file !== undefined && this.old(file)) await this.finish(record, file);
    });
    finishing.catch(() => undefined); // tried again; a delivery will tell of it
  }

  /** Which sequences of a segment's epoch the files really have, and those that were taken with finished files. */
  private async present({ node, epoch, record, ranges }: Segment, state: FileState): Promise<SequenceSet> {
    const spans = ranges.map(({ first, last }) => [Number(first), Number(last)] as const);
    const found = new SequenceSet();
    for (const span of await takenFrom(this.options.dir, state))
      if (span.record === record && span.node === node && span.epoch === epoch) found.add(Number(span.first), Number(span.last));
    for (const file of await filesWith(this.options.dir, state, [{ node, epoch, spans }])) {
      const key = indexOf(file);
      const index = this.indexes.get(key) ?? (await this.worker.index(file));
      this.indexes.set(key, index);
      for (const one of index) if (one.node === node && one.epoch === epoch) for (const [first, last] of one.spans) found.add(first, last);
    }
    return found;
  }

  /** What was just added to a file whose content is known need not be read. */
  private remember(path: string, before: number, bytes: number, { node, epoch }: Segment, added: readonly Span[]): void {
    const known = this.indexes.get(indexOf({ path, bytes: before }));
    if (known === undefined) return;
    this.indexes.delete(indexOf({ path, bytes: before }));
    this.indexes.set(indexOf({ path, bytes }), [...known, { node, epoch, spans: added }]);
  }

  private sentence(error: unknown): Error {
    if (error instanceof UnreadableSegment) return new SinkRejection(error.message);
    if (error instanceof StateError) return error;
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof PlaceError || error instanceof TargetError || code !== undefined)
      return new Error(folderSentence(this.options.dir, error), { cause: error });
    return error as Error;
  }
}

/** The hulls of a file that got sequences of an epoch. */
function withHull(hulls: readonly Hull[], node: string, epoch: string, spans: readonly Span[]): Hull[] {
  const ours = (hull: Hull): boolean => hull[0] === node && hull[1] === epoch;
  const set = new SequenceSet(hulls.filter(ours).map(([, , first, last]): Span => [first, last]));
  for (const [first, last] of spans) set.add(first, last);
  return [...hulls.filter((hull) => !ours(hull)), ...set.spans.map(([first, last]): Hull => [node, epoch, first, last])];
}

/** From a whole segment's first to its last sequence: between them is only the other record type. */
function whole({ ranges }: Segment): Span[] {
  return [[Number(ranges[0]?.first ?? 0n), Number(ranges.at(-1)?.last ?? 0n)]];
}
