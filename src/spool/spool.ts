import { EventEmitter } from 'node:events';
import type { FileHandle } from 'node:fs/promises';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../access/place.js';
import { systemReason } from '../text/system-error.js';
import type { Batch } from '../wire/batch.js';
import { sentenceOf } from '../wire/errors.js';
import { BodyChecks } from './body-check.js';
import { listSealed, loadIndex, loadSealed } from './catalog.js';
import { DropLosses, lossId, oldDropNotes, removeDoomed } from './dropped.js';
import { DamagedSegmentError, SpoolWriteError } from './errors.js';
import { type Extent, extentOf } from './extent.js';
import { CHAIN_START, type LogPosition, type ParsedIndex } from './index-file.js';
import { bodyName, CURSORS, indexName, listSegments, QUARANTINE, REFUSED, type SegmentFiles, syncDirectory } from './layout.js';
import { lockDirectory } from './lock.js';
import { LOCAL_EPOCH, type LocalRecord, type Loss, localBatch, lossBatch } from './loss.js';
import { countedOnce, LossLedger, type LossNote, type LossTotal, type NamedLoss } from './loss-ledger.js';
import type { SpoolMark } from './mark.js';
import { type SpoolOptions, type SpoolSettings, spoolSettings } from './options.js';
import { extentsAside, moveAway, oldQuarantineNotes, quarantineNote } from './quarantine.js';
import { areOf, missingFrom, type Standing } from './reconcile.js';
import { type DamagedFiles, finishRemovals, holdsNothing, makeDurable, recoverTail, removeSegment } from './recover.js';
import { type Change, commitRewrite, discardRewrite, prepareRewrite, recoverRewrites } from './rewrite.js';
import { countOf, missingOf, rangesText, withPositions } from './run.js';
import { type SealedLag, SealedSegments } from './sealed.js';
import type { RecordName, Segment } from './segment.js';
import { SegmentWriter, segmentOf, settleAll } from './segment-writer.js';
import { type IdleSink, SpoolSinks } from './sinks.js';
import { type SealedPart, StateFile, type StateReading, withoutSegment, withPassed, withSealed } from './state.js';
import { lossesOf } from './told.js';

/** Bytes that one group commit takes at most. */
const GROUP_BYTES = 8 * 1024 * 1024;
/** How long the spool waits after a failure before it tries to seal again, ms. */
const RETRY_MS = 1000;
/** How much older than its age a segment becomes at most while the sinks are behind, ms. */
const STRETCHED_MS = 30_000;
/** So many segments wait in passing. */
const AHEAD = 2;
/** Newest segments of which some may be of the run that recovery reads. */
const RECENT = 4;
/** How often it is looked whether something has become too old, ms: at most and at least. */
const AGE_CHECK_MS = { most: 60_000, least: 50 };

/** A segment that is to be set aside. */
type Aside = Pick<DamagedFiles, 'files' | 'extent' | 'reason'>;

/** A run of batches without gaps that becomes durable as a whole. */
interface Append {
  readonly batches: readonly Batch[];
  readonly node: string;
  readonly epoch: string;
  readonly first: bigint;
  readonly last: bigint;
  readonly bytes: number;
  readonly local: boolean;
  /** Where the capture's log stands afterwards; undefined: where it stood. */
  readonly position: LogPosition | undefined;
  resolve(): void;
  reject(error: Error): void;
}

/** The segments being written: up to one a record type, together a run of one epoch's sequences without gaps. */
interface Run {
  readonly node: string;
  readonly epoch: string;
  readonly start: bigint;
  readonly local: boolean;
  readonly position: LogPosition | undefined;
  readonly writers: Map<RecordName, SegmentWriter>;
  next: bigint;
}

export interface SpoolStatus {
  readonly directory: string;
  /** Of sealed and active segments' bodies. */
  readonly bytes: number;
  /** Sealed ones. */
  readonly segments: number;
  readonly oldest: number | undefined;
  readonly newest: number | undefined;
  readonly activeEvents: number;
  readonly activeBytes: number;
  /** Received and not yet written. */
  readonly backlogBytes: number;
  readonly lastDurable: LogPosition | undefined;
  readonly quarantined: number;
  /** What the spool ever told as lost. */
  readonly losses: readonly LossTotal[];
  /** Of sealed segments that some sink has not. */
  readonly waitingBytes: number;
  /** `running`, or a sentence on what is wrong. */
  readonly state: string;
  /** Sinks that segments are held back for and that are not configured. */
  readonly idle: readonly IdleSink[];
}

/** Batches on disk until every sink has them. See docs/architecture.md, "Spool". */
export class Spool extends EventEmitter<{ sealed: []; room: [] }> {
  readonly directory: string;
  /** The sinks that it is kept for, and how far each is. */
  readonly sinks: SpoolSinks;
  private readonly settings: SpoolSettings;
  private readonly memory: StateFile;
  private readonly lock: FileHandle;
  private readonly localEpoch = `${LOCAL_EPOCH}${Date.now()}`;
  /** Of the collector's own records: the last that was taken, and the last that is durable. One that is rejected gives its number back. */
  private localSequence = 0n;
  private localDurable = 0n;

  private readonly sealedSegments: SealedSegments;
  /** The last failure was a full disk. */
  private diskFull = false;
  private trimWanted = false;
  /** Every sink has them, and their files are to be removed. */
  private readonly leaving = new Set<Segment>();
  /** What is done between two writes. None rejects. */
  private readonly between: (() => Promise<void>)[] = [];
  private drops: DropLosses | undefined;
  private ledger!: LossLedger;
  /** Notes whose records are being written. */
  private readonly telling = new Map<LossNote, Promise<void>>();
  /** What the state says that was sealed, and the start did not find. */
  private gone: readonly SealedPart[] = [];
  /** What was found missing within runs since the start. */
  private readonly vanished: Pick<Extent, 'epoch' | 'ranges'>[] = [];
  /** Tells once more what could not be written into the log. */
  private readonly untold: (() => void)[] = [];
  /** What the start found, sentences. */
  private readonly found: string[] = [];
  /** Identities of what this process told. */
  private readonly told = new Set<string>();
  private nextId = 1;
  private chain = CHAIN_START;
  /** Of what is written, durable or not. */
  private written: LogPosition | undefined;
  private durable: LogPosition | undefined;
  private node = '';
  private quarantined = 0;

  private run: Run | undefined;
  private queue: Append[] = [];
  private queueBytes = 0;
  /** Written and waiting for the next sync. */
  private unsynced: Append[] = [];
  /** By a clock that nobody sets, ms. */
  private lastSync = Number.NEGATIVE_INFINITY;
  private sealWanted = false;
  private syncWanted = false;
  /** A write failed; the files have not been read back since. */
  private broken = false;
  /** A write failed; nothing is taken until ready() was asked, so that no gap arises behind what was rejected. */
  private refusing = false;
  private state = 'running';
  private working: Promise<void> | undefined;
  private sealTimer: NodeJS.Timeout | undefined;
  private syncTimer: NodeJS.Timeout | undefined;
  /** Set while what is queued waits for more to come. */
  private gatherTimer: NodeJS.Timeout | undefined;
  private ageTimer: NodeJS.Timeout | undefined;
  private readonly bodies = new BodyChecks();
  /** What is queued does not wait for more. */
  private hurry = false;
  private lastGroup = Number.NEGATIVE_INFINITY;
  private closing = false;

  private constructor(directory: string, settings: SpoolSettings, lock: FileHandle, memory: StateFile) {
    super();
    this.directory = directory;
    this.settings = settings;
    this.sealedSegments = new SealedSegments(settings);
    this.memory = memory;
    this.sinks = new SpoolSinks(directory, memory, this.sealedSegments);
    this.lock = lock;
  }

  /**
   * Takes the directory, which is made when missing, and recovers what an earlier process left: a torn tail is cut, damaged segments go to `quarantine/` and become
   * loss records. `sinks`: the names of all that are configured; together with those that have a cursor here they hold segments back from the first moment on. Rejects
   * with SpoolInUseError when another process has it.
   */
  static async open(directory: string, options: SpoolOptions = {}, sinks: readonly string[] = []): Promise<Spool> {
    const settings = spoolSettings(options);
    makeFolder(join(directory, QUARANTINE));
    makeFolder(join(directory, CURSORS));
    const lock = await lockDirectory(directory);
    try {
      const { file, reading } = await StateFile.open(directory);
      const spool = new Spool(directory, settings, lock, file);
      await spool.load(reading, sinks);
      spool.watchAges();
      return spool;
    } catch (error) {
      await lock.close();
      throw error;
    }
  }

  /** The last sequence of a capture's log that is safe here, losses that were recorded included. */
  lastDurable(): LogPosition | undefined {
    return this.durable;
  }

  /** Bytes received and not yet written: the sender is to be stopped while this is large. The event `room` tells of every group written. */
  get backlogBytes(): number {
    return this.queueBytes;
  }

  get newestSealed(): number {
    return this.sealedSegments.newest?.id ?? this.nextId - 1;
  }

  /**
   * Writes batches of one node, in order. Resolves when they are durable by the fsync policy; rejects with SpoolWriteError when they could not be written, and then with
   * all that were queued behind them, so that no gap arises.
   */
  append(batches: readonly Batch[]): Promise<void> {
    const runs: Promise<void>[] = [];
    let begin = 0;
    for (let i = 1; i <= batches.length; i++) {
      const previous = batches[i - 1] as Batch;
      const batch = batches[i];
      if (batch !== undefined && batch.epoch === previous.epoch && batch.node === previous.node && batch.first === previous.last + 1n)
        continue;
      runs.push(this.enqueue(batches.slice(begin, i), false, { epoch: previous.epoch, sequence: previous.last }));
      begin = i;
    }
    return runs.length === 1 ? (runs[0] as Promise<void>) : Promise.all(runs).then(() => undefined);
  }

  /**
   * Writes a loss into the log, as a batch of the collector's own epoch. `position`: the capture's log is accounted for up to there once this is durable. Whoever cannot tell
   * it again uses keepLoss().
   */
  async recordLoss(loss: Loss, node = this.node, position?: LogPosition): Promise<void> {
    const named = { ...loss, id: loss.id ?? lossId(loss.where) };
    await this.enqueueOwn((sequence) => lossBatch(named, node, this.localEpoch, sequence), position);
    await this.ledger.count(named);
  }

  /** Keeps a loss until it stands in the log, whatever happens. Durable when it resolves, also on a full disk; may be repeated. */
  async keepLoss(loss: NamedLoss, node = this.node): Promise<void> {
    if (this.told.has(loss.id) || (await lossesOf(this.sealedSegments.all())).some(({ id }) => id === loss.id)) return;
    const note: LossNote = { deed: 'none', segments: [], node, losses: [loss] };
    await this.ledger.add(note, [totalOf(loss)]);
    this.tell(note, note.losses);
  }

  /** Writes another record of the collector's own into the log. */
  record(fields: LocalRecord): Promise<void> {
    return this.enqueueOwn((sequence) => localBatch(fields, this.node, this.localEpoch, sequence), undefined);
  }

  private enqueueOwn(make: (sequence: bigint) => Batch, position: LogPosition | undefined): Promise<void> {
    const refused = this.refusal();
    if (refused !== undefined) return Promise.reject(refused);
    this.localSequence += 1n;
    return this.enqueue([make(this.localSequence)], true, position);
  }

  /** The first sealed segment after `id`; undefined when there is none yet. One that is found damaged goes to quarantine and is passed over. */
  async next(id: number): Promise<Segment | undefined> {
    for (;;) {
      const segment = this.sealedSegments.after(id);
      if (segment === undefined) return undefined;
      if (this.sealedSegments.isChecked(segment.id)) return segment;
      const wrong = await this.bodies.flaw(segment);
      // Rewritten while it was read?
      if (wrong !== undefined) await this.alone(async () => undefined);
      // Dropped meanwhile, or found wrong by the pump of another sink.
      if (!this.has(segment.id) || this.sealedSegments.after(id) !== segment) continue;
      if (wrong === undefined) {
        this.sealedSegments.setChecked(segment.id);
        return segment;
      }
      await this.quarantine(segment, segment, `The body of segment ${bodyName(segment.id, segment.record)} ${wrong}.`);
    }
  }

  /** Whether a segment is here still: one that waits may be given up, see `spool.when_full`. */
  has(id: number): boolean {
    return this.sealedSegments.has(id);
  }

  /**
   * Changes events of a sealed segment in place; how many. A crash leaves the old segment or the new one, whose place, length and sequences are the same. 0: there was
   * nothing to change, or the segment is not here any more. One that is found damaged goes to quarantine.
   */
  async rewrite(segment: Segment, change: Change): Promise<number> {
    let made: Awaited<ReturnType<typeof prepareRewrite>>;
    try {
      made = await prepareRewrite(this.directory, segment, change);
    } catch (error) {
      if (!this.has(segment.id)) return 0;
      if (!(error instanceof DamagedSegmentError)) throw error;
      await this.alone(() => this.quarantine(segment, segment, error.message));
      return 0;
    }
    if (made === undefined) return 0;
    const { segment: next, events } = made;
    return this.alone(async () => {
      if (!this.has(segment.id)) {
        await discardRewrite(this.directory, segment);
        return 0;
      }
      await commitRewrite(this.directory, segment);
      this.sealedSegments.replace(next);
      return events;
    });
  }

  /** Runs it while nothing is written, sealed or removed. */
  private alone<T>(action: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.between.push(() => action().then(resolve, reject));
      void this.work();
    });
  }

  /** What is kept or waits grows old also while nothing comes. */
  private watchAges(): void {
    const ages = this.sealedSegments.agesWithinMs;
    if (ages === undefined) return;
    const every = Math.max(AGE_CHECK_MS.least, Math.min(AGE_CHECK_MS.most, ages / 10));
    this.ageTimer = setInterval(() => {
      if (!this.sealedSegments.overKept && this.sealedSegments.doomed(false) === undefined) return;
      this.trimWanted = true;
      void this.work();
    }, every).unref();
  }

  /** The sealed segments that are here now, ascending by id. */
  sealed(): readonly Segment[] {
    return this.sealedSegments.all();
  }

  /** Sealed segments after `id`, and what they hold. */
  lag(id: number): SealedLag {
    return this.sealedSegments.lag(id);
  }

  /** A sink has everything up to segment `id`: nothing after it is removed. */
  setCursor(name: string, id: number): void {
    const waited = this.full;
    this.sealedSegments.setCursor(name, id);
    this.afterMove(waited);
  }

  /** A sink has everything up to this segment, and nothing after it is removed. Durable when it resolves. */
  async advance(name: string, segment: Pick<Segment, 'id' | 'chain'>): Promise<void> {
    const waited = this.full;
    await this.sinks.advance(name, segment);
    this.afterMove(waited);
  }

  /** Makes a sink known that was not named when the spool was opened, or whose cursor could not be read then. Rejects with a sentence while it cannot be read. */
  async register(name: string): Promise<void> {
    await this.sinks.register(name, () => this.standing('whole', this.memory.value.newest, new Set()));
    this.tellLack(name);
  }

  /** Removes the cursor of a sink that is not configured: nothing is held back for it any more. */
  async forget(name: string): Promise<void> {
    const waited = this.full;
    await this.sinks.forget(name);
    this.afterMove(waited);
  }

  /** What the start found and a person should know, sentences. */
  get notes(): readonly string[] {
    return this.found;
  }

  private afterMove(waited: boolean): void {
    if (waited && !this.full) this.emit('room');
    if (!this.sealedSegments.overKept && !this.diskFull) return;
    this.trimWanted = true;
    void this.work();
  }

  /** More waits for the sinks than may, and the policy is to block: nothing more should be read. The event `room` tells of the end. */
  get full(): boolean {
    return this.sealedSegments.full;
  }

  /** Seals what is active, if anything is, and what is queued, without waiting for its age. */
  async seal(): Promise<void> {
    this.hurry = true;
    // What is queued is written first: the worker seals before it writes. After a failure nothing is queued.
    const last = this.queue.at(-1);
    while (last !== undefined && this.queue.includes(last)) await this.work();
    this.sealWanted = true;
    await this.work();
  }

  /**
   * To be awaited before lastDurable() is asked in order to go on: what is written and waits for its sync is durable afterwards, since it would be asked for, and written, once more;
   * and after a failed write this reads back what the disk really has, and appends are taken again.
   * Rejects with SpoolWriteError as long as that cannot be done.
   */
  async ready(): Promise<void> {
    await this.idle();
    if (this.unsynced.length > 0) {
      this.syncWanted = true;
      await this.work();
    }
    if (this.broken) await this.seal();
    if (this.broken) throw new SpoolWriteError(this.state, 'EAGAIN');
    this.refusing = false;
    await this.tellNotes();
    if (this.untold.length === 0) return;
    for (const tell of this.untold.splice(0)) tell();
    // They may move the place from which the capture is asked.
    await this.idle();
    if (this.broken) throw new SpoolWriteError(this.state, 'EAGAIN');
  }

  /** Resolves when everything queued was written. */
  async idle(): Promise<void> {
    while (this.working !== undefined || this.gatherTimer !== undefined) {
      this.hurry = true;
      await this.work();
    }
  }

  /** Where it stands now. */
  mark(): SpoolMark {
    return { sealed: this.sealedSegments.newest?.id ?? 0, next: this.nextId, durable: this.durable };
  }

  status(): SpoolStatus {
    const sealed = this.sealedSegments;
    let activeEvents = 0;
    let activeBytes = 0;
    for (const writer of this.run?.writers.values() ?? []) {
      activeEvents += writer.events;
      activeBytes += writer.bytes;
    }
    return {
      directory: this.directory,
      bytes: sealed.bytes + activeBytes,
      segments: sealed.length,
      oldest: sealed.oldest?.id,
      newest: sealed.newest?.id,
      activeEvents,
      activeBytes,
      backlogBytes: this.queueBytes,
      lastDurable: this.durable,
      quarantined: this.quarantined,
      losses: this.ledger.totals,
      waitingBytes: sealed.waitingBytes,
      state: sealed.full && this.state === 'running' ? sealed.fullSentence() : this.state,
      idle: this.sinks.idle(),
    };
  }

  /** Writes what is queued, seals, and gives the directory up. */
  async close(): Promise<void> {
    if (this.closing) return;
    await this.seal();
    this.closing = true;
    clearTimeout(this.sealTimer);
    clearTimeout(this.syncTimer);
    clearTimeout(this.gatherTimer);
    clearInterval(this.ageTimer);
    this.failQueued(new SpoolWriteError('The spool is closed.', 'ECANCELED'));
    for (const writer of this.run?.writers.values() ?? []) await writer.close().catch(() => undefined);
    await Promise.all(this.telling.values());
    await this.memory.close();
    await this.sinks.close();
    await this.ledger.close();
    await this.lock.close();
  }

  private enqueue(batches: readonly Batch[], local: boolean, position: LogPosition | undefined): Promise<void> {
    const first = batches[0];
    const last = batches.at(-1);
    if (first === undefined || last === undefined) return Promise.resolve();
    const refused = this.refusal();
    if (refused !== undefined) return Promise.reject(refused);
    let bytes = 0;
    for (const batch of batches) bytes += batch.body.length;
    if (!local) this.node = first.node;
    return new Promise((resolve, reject) => {
      this.queue.push({
        batches,
        node: first.node,
        epoch: first.epoch,
        first: first.first,
        last: last.last,
        bytes,
        local,
        position,
        resolve,
        reject,
      });
      this.queueBytes += bytes;
      void this.work();
    });
  }

  /** Why nothing is taken now; undefined: something is. */
  private refusal(): SpoolWriteError | undefined {
    if (this.closing) return new SpoolWriteError('The spool is closed.', 'ECANCELED');
    return this.refusing ? new SpoolWriteError(this.state, 'EAGAIN') : undefined;
  }

  /** Runs the one worker that writes; returns when it has nothing left to do. */
  private work(): Promise<void> {
    this.working ??= this.workLoop();
    return this.working;
  }

  private async workLoop(): Promise<void> {
    // The first turn waits a little, so that all batches of one read become one group.
    await undefined;
    while (this.queue.length > 0 || this.sealWanted || this.syncWanted || this.trimWanted || this.between.length > 0) {
      try {
        for (const action of this.between.splice(0)) await action();
        if (this.diskFull) await this.trim();
        if (this.broken) await this.repair();
        if (this.sealWanted) {
          this.sealWanted = false;
          await this.sealRun();
        }
        if (this.syncWanted) {
          this.syncWanted = false;
          if (this.run !== undefined) await this.sync(this.run, performance.now());
          this.settle();
        }
        if (this.trimWanted) {
          this.trimWanted = false;
          await this.trim();
        }
        if (this.gathers()) break;
        await this.writeGroup();
        await this.trim();
      } catch (error) {
        await this.onFailure(error);
        break;
      }
    }
    // In the same turn as the check above, so that nobody queues in between and waits for ever.
    this.working = undefined;
  }

  /** Whether what is queued waits for more; the worker is called again in time. */
  private gathers(): boolean {
    clearTimeout(this.gatherTimer);
    this.gatherTimer = undefined;
    const rest = this.lastGroup + this.settings.gatherMs - performance.now();
    if (rest <= 0 || this.hurry || this.queue.length === 0 || this.queueBytes >= GROUP_BYTES) return false;
    this.gatherTimer = setTimeout(() => {
      this.hurry = true;
      void this.work();
    }, rest);
    return true;
  }

  private async writeGroup(): Promise<void> {
    const head = this.queue[0];
    if (head === undefined) return;
    this.lastGroup = performance.now();
    if (this.run !== undefined && !fits(this.run, head)) await this.sealRun();
    const run = this.run ?? (await this.begin(head));
    const group: Append[] = [];
    let next = run.next;
    let bytes = 0;
    for (const append of this.queue) {
      if (bytes >= GROUP_BYTES || !fits({ ...run, next }, append)) break;
      group.push(append);
      next = append.last + 1n;
      bytes += append.bytes;
    }
    let created = false;
    for (const append of group) {
      for (const batch of append.batches) {
        let writer = run.writers.get(batch.record);
        if (writer === undefined) {
          writer = await this.createWriter(run, batch.record);
          created = true;
        }
        writer.stage(batch);
      }
    }
    for (const writer of run.writers.values()) await writer.flush();
    const now = performance.now();
    const sync = this.settings.syncMs !== undefined && (this.settings.syncMs === 0 || now - this.lastSync >= this.settings.syncMs);
    if (sync) await this.sync(run, now);
    if (created && this.settings.syncMs !== undefined) await syncDirectory(this.directory);
    for (const writer of run.writers.values()) writer.commit();

    run.next = next;
    this.queue.splice(0, group.length);
    this.queueBytes -= bytes;
    if (this.queue.length === 0) this.hurry = false;
    for (const append of group) if (append.position !== undefined) this.written = append.position;
    this.state = 'running';
    this.diskFull = false;
    this.unsynced.push(...group);
    if (sync || this.settings.syncMs === undefined) this.settle();
    else this.armSync(now);
    this.emit('room');
    for (const writer of run.writers.values()) {
      if (writer.bytes >= this.settings.segmentBytes || writer.events >= this.settings.segmentEvents) this.sealWanted = true;
    }
  }

  /** Everything written so far is durable. */
  private settle(): void {
    this.durable = this.written;
    const settled = this.unsynced;
    this.unsynced = [];
    for (const append of settled) {
      if (append.local) this.localDurable = append.last;
      append.resolve();
    }
  }

  private async sync(run: Run, now: number): Promise<void> {
    await settleAll([...run.writers.values()].map((writer) => writer.sync()));
    this.lastSync = now;
  }

  private armSync(now: number): void {
    if (this.syncTimer !== undefined || this.settings.syncMs === undefined) return;
    this.syncTimer = setTimeout(
      () => {
        this.syncTimer = undefined;
        if (this.unsynced.length === 0) return;
        this.syncWanted = true;
        void this.work();
      },
      Math.max(1, this.lastSync + this.settings.syncMs - now),
    );
  }

  private async begin(append: Append): Promise<Run> {
    const { node, epoch, first, local } = append;
    this.run = { node, epoch, start: first, next: first, local, position: local ? append.position : undefined, writers: new Map() };
    this.armSealByAge(performance.now());
    return this.run;
  }

  /** Seals what is active in so many ms. */
  private armSeal(ms: number): void {
    clearTimeout(this.sealTimer);
    if (this.closing) return;
    this.sealTimer = setTimeout(() => {
      this.sealWanted = true;
      void this.work();
    }, ms);
  }

  /**
   * Seals what is active at its age. While every sink is behind nobody sees it sooner for that, and many small segments cost sinks more than few large ones: so it may
   * become older then, and a machine that is too slow for small segments catches up.
   */
  private armSealByAge(begunMs: number): void {
    clearTimeout(this.sealTimer);
    if (this.closing) return;
    const { segmentAgeMs } = this.settings;
    this.sealTimer = setTimeout(() => {
      if (performance.now() - begunMs < sealAge(segmentAgeMs, this.sealedSegments.ahead)) return this.armSealByAge(begunMs);
      this.sealWanted = true;
      void this.work();
    }, segmentAgeMs);
  }

  private async createWriter(run: Run, record: RecordName): Promise<SegmentWriter> {
    const { node, epoch, start, local, position } = run;
    const writer = await SegmentWriter.create(this.directory, { id: this.nextId, record, node, epoch, start, local, position });
    this.nextId++;
    run.writers.set(record, writer);
    return writer;
  }

  private async sealRun(): Promise<void> {
    const run = this.run;
    if (run === undefined) return;
    clearTimeout(this.sealTimer);
    await this.sealWriters(withPositions([...run.writers.values()], this.written));
    this.run = undefined;
    this.lastSync = performance.now();
    this.settle();
  }

  /** Seals in ascending order of ids, so that the chain goes over them in that order, and over those `between` that are to be set aside. */
  private async sealWriters(
    writers: ReturnType<typeof withPositions>,
    between: readonly { readonly id: number; readonly chain: string }[] = [],
  ): Promise<void> {
    const durable = this.settings.syncMs !== undefined;
    if (durable) await settleAll(writers.map(({ writer }) => writer.sync()));
    for (const { writer, position } of writers) {
      const last = this.sealedSegments.newest?.id ?? 0;
      this.chain = between.filter(({ id }) => id > last && id < writer.header.id).at(-1)?.chain ?? this.chain;
      const segment = await writer.seal(this.chain, position, durable);
      this.chain = segment.chain;
      this.sealedSegments.add(segment, this.settings.now(), true);
      this.memory.change((state) => withSealed(state, segment));
    }
    if (writers.length > 0) this.emit('sealed');
  }

  /** Nothing more is written until repair() has read back what the disk has; everybody who waits is told. */
  private async onFailure(error: unknown): Promise<void> {
    const code = (error as NodeJS.ErrnoException).code ?? 'EIO';
    this.diskFull = code === 'ENOSPC' || code === 'EDQUOT';
    const reason = systemReason(error) ?? sentenceOf(error);
    this.state = `The spool ${this.directory} cannot be written (${reason}): nothing is acknowledged until it can.`;
    const writers = [...(this.run?.writers.values() ?? [])];
    for (const writer of writers) await writer.rollback().catch(() => undefined);
    for (const writer of writers) await writer.close().catch(() => undefined);
    this.run = undefined;
    this.broken = true;
    this.refusing = true;
    clearTimeout(this.syncTimer);
    this.syncTimer = undefined;
    clearTimeout(this.gatherTimer);
    this.gatherTimer = undefined;
    this.failQueued(new SpoolWriteError(this.state, code, { cause: error }));
    this.sealWanted = false;
    this.syncWanted = false;
    this.trimWanted = false;
    this.armSeal(RETRY_MS);
  }

  private failQueued(error: SpoolWriteError): void {
    const failed = [...this.unsynced, ...this.queue];
    this.unsynced = [];
    this.queue = [];
    this.queueBytes = 0;
    this.localSequence = this.localDurable;
    for (const append of failed) append.reject(error);
    this.emit('room');
  }

  /** After a failed write: what is on the disk is the truth. */
  private async repair(): Promise<void> {
    const newest = this.sealedSegments.newest?.id ?? 0;
    const tail = (await listSegments(this.directory)).filter((files) => files.id > newest);
    for (const { files, extent, reason } of await this.recover(tail)) await this.quarantine(files, extent, reason);
    for (const { epoch, ranges } of this.sealedSegments.all())
      if (epoch === this.localEpoch) for (const { last } of ranges) if (last > this.localDurable) this.localDurable = last;
    this.localSequence = this.localDurable;
    this.broken = false;
    this.state = 'running';
  }

  /** `damagedBefore`: what segments held that are still to be set aside. Resolves with those that are to be set aside beside them. */
  private async recover(tail: readonly SegmentFiles[], damagedBefore: readonly Extent[] = []): Promise<Aside[]> {
    const sealed: ParsedIndex[] = [];
    const recent = this.sealedSegments.all().slice(-RECENT);
    if (this.settings.syncMs !== undefined) await makeDurable(this.directory, recent);
    for (const segment of recent) {
      const index = await loadIndex(this.directory, segment);
      if (index !== undefined) sealed.push(index);
    }
    this.nextId = Math.max(this.nextId, ...tail.map((files) => files.id + 1));
    const { writers, position, damaged, vanished } = await recoverTail(
      this.directory,
      tail,
      sealed,
      [...damagedBefore, ...(await extentsAside(this.directory, this.nextId - RECENT))],
      this.memory.value.accounted,
      () => this.nextId++,
    );
    try {
      let said = this.durable;
      const speaking = writers.map(({ writer, position: own }) => {
        said = own ?? said;
        return { writer, position: said };
      });
      const chains = damaged.flatMap(({ files: { id }, chain }) => (chain === undefined ? [] : [{ id, chain }]));
      // No footer before its files have their names: a power cut must not leave one without its body.
      await syncDirectory(this.directory);
      await this.sealWriters(speaking, chains);
      this.chain = chains.filter(({ id }) => id > (this.sealedSegments.newest?.id ?? 0)).at(-1)?.chain ?? this.chain;
    } catch (error) {
      for (const { writer } of writers) await writer.close().catch(() => undefined);
      throw error;
    }
    this.written = position ?? this.durable;
    this.durable = this.written;
    for (const extent of vanished) if (!areOf(this.gone, extent)) await this.recordVanished(extent);
    return damaged.map(({ files, extent, reason }) => ({ files, extent: upTo(this.durable, extent), reason }));
  }

  /** Reads what an earlier process left. */
  private async load(reading: StateReading, configured: readonly string[]): Promise<void> {
    const newestBefore = reading.state === 'whole' ? reading.content.newest : 0;
    await this.sinks.read(configured);
    await recoverRewrites(this.directory);
    await finishRemovals(this.directory);
    this.ledger = await LossLedger.open(this.directory, async () =>
      countedOnce(await lossesOf(await listSealed(this.directory))).map(totalOf),
    );
    for (const { note, remove } of [...(await oldDropNotes(this.directory)), ...(await oldQuarantineNotes(this.directory))]) {
      await this.ledger.add(note, note.losses.map(totalOf));
      await remove();
    }
    const droppedIds = this.ledger.notes.flatMap(({ segments }) => segments.map(({ id }) => id));
    for (const note of this.ledger.notes) await this.doNoted(note);
    const all = await listSegments(this.directory);
    const indexes = new Map<number, ParsedIndex | undefined>();
    for (const files of all) indexes.set(files.id, await loadIndex(this.directory, files));
    const sealed = new Map<number, Awaited<ReturnType<typeof loadSealed>>>();
    const wrong = new Map<number, string>();
    for (const files of all)
      await loadSealed(this.directory, files, indexes.get(files.id)).then(
        (found) => sealed.set(files.id, found),
        (error: unknown) => wrong.set(files.id, sentenceOf(error)),
      );
    const newestSealed = [...sealed.keys()].at(-1) ?? 0;
    const quarantined = (await listSegments(join(this.directory, QUARANTINE))).map(({ id }) => id);
    this.quarantined = quarantined.length;
    const given = [newestBefore, this.sinks.newestDelivered, ...quarantined, ...droppedIds, ...(await refusedIds(this.directory))];
    this.nextId = Math.max(0, newestSealed, ...given) + 1;

    const known = new Set([...all.map(({ id }) => id), ...quarantined, ...droppedIds]);
    this.gone = this.memory.value.recent.filter(({ id }) => id >= (all[0]?.id ?? 0) && !known.has(id));

    const damaged: { files: SegmentFiles; reason: string }[] = [];
    for (const files of all.filter((each) => each.id <= newestSealed)) {
      const found = sealed.get(files.id);
      this.chain = (found ?? indexes.get(files.id))?.footer?.chain ?? this.chain;
      if (found === undefined) {
        damaged.push({ files, reason: wrong.get(files.id) ?? '' });
        continue;
      }
      const { header, footer } = found;
      const segment = segmentOf(header, footer, join(this.directory, bodyName(files.id, files.record)));
      const { mtimeMs } = await stat(join(this.directory, indexName(files.id, files.record)));
      this.sealedSegments.add(segment, mtimeMs, false);
      this.memory.change((state) => withSealed(state, segment));
      this.node = header.node;
      this.durable = footer.position;
    }
    const extents = new Map<SegmentFiles, Extent>();
    for (const { files } of damaged) {
      const segments = this.sealedSegments.all();
      const extent = await extentOf(this.directory, files, indexes.get(files.id), segments, [...extents.values()], this.node);
      // One that was begun on a full disk, and nothing is missing.
      if (extent.count === 0 && (await holdsNothing(this.directory, files))) await removeSegment(this.directory, files);
      else extents.set(files, extent);
    }
    let torn: Aside[] = [];
    try {
      torn = await this.recover(
        all.filter((files) => files.id > newestSealed),
        [...extents.values()],
      );
    } catch (error) {
      // A full disk must not keep us from starting: ready() tries again.
      await this.onFailure(error);
    }
    this.memory.touch();
    // Which of them went without a loss record is not known any more.
    for (const id of reading.state === 'damaged' ? quarantined : []) this.memory.change((state) => withPassed(state, id, id));
    await this.settleWith(reading.state, newestBefore, new Set([...droppedIds, ...[...damaged, ...torn].map(({ files }) => files.id)]));
    await this.tellNotes();
    // Not before it is known how far each sink is: what every sink has is not lost.
    const whole = damaged.flatMap(({ files, reason }) => {
      const extent = extents.get(files);
      return extent === undefined ? [] : [{ files, extent, reason }];
    });
    for (const { files, extent, reason } of [...torn, ...whole]) await this.quarantine(files, extent, reason);
    await this.memory.flush();
  }

  /** Compares what is there with what was, decides how each sink goes on, and has told what is missing. */
  private async settleWith(reading: StateReading['state'], newestBefore: number, elsewhere: ReadonlySet<number>): Promise<void> {
    const standing = await this.standing(reading, newestBefore, elsewhere);
    await this.sinks.settle(standing);
    if (reading === 'damaged')
      this.found.push(`The spool's own state in ${this.directory} was damaged: it is made anew, and sinks are asked for what they have.`);
    for (const name of this.sinks.delivered().keys()) {
      const { doubt } = this.sinks.get(name);
      if (doubt !== undefined)
        this.found.push(`Sink ${name}: ${doubt} Each segment that may be there is looked for in the sink before it is sent.`);
      this.tellLack(name);
    }
    const missing = missingFrom(standing, this.sinks.delivered());
    if (missing === undefined) return;
    const { loss, position } = missing;
    const accounted = position ?? this.durable;
    const passed = Math.min(missing.last, ...this.sinks.delivered().values());
    const settled = (): void =>
      this.memory.change((state) => ({
        ...(passed < missing.first || this.sinks.delivered().size === 0 ? state : withPassed(state, missing.first, passed)),
        accounted: accounted ?? state.accounted,
        recent: state.recent.filter(({ id }) => id < missing.first || id > missing.last),
      }));
    if (loss === undefined) {
      // Every sink has it: nothing is lost, and the capture need not be asked for it.
      this.written = this.durable = position ?? this.durable;
      this.found.push(
        `Segments ${missing.first} to ${missing.last} were removed from the spool by somebody. Every sink has what they held.`,
      );
      settled();
      return;
    }
    this.found.push(loss.detail);
    const named = { ...loss, id: `missing:${this.memory.value.generation}:${missing.first}-${missing.last}` };
    this.tellLater(() => this.recordLoss(named, this.node, position).then(settled));
  }

  private async standing(reading: StateReading['state'], newestBefore: number, elsewhere: ReadonlySet<number>): Promise<Standing> {
    const segments = this.sealedSegments.all();
    const [oldest] = segments;
    const before = oldest === undefined ? undefined : (await loadIndex(this.directory, oldest).catch(() => undefined))?.footer?.previous;
    const quarantined = await listSegments(join(this.directory, QUARANTINE));
    return {
      ...{ reading, newestBefore, segments, before: before ?? '', position: this.durable },
      state: this.memory.value,
      elsewhere: new Set([...elsewhere, ...quarantined.map(({ id }) => id)]),
      vanished: this.vanished,
      cursors: this.sinks.onDisk,
      nowMs: this.settings.now(),
    };
  }

  /** What a sink lacks, and should have had, stands in the log. */
  private tellLack(name: string): void {
    const { lacks } = this.sinks.get(name).cursor;
    if (lacks === undefined || lacks.isNew || lacks.recorded) return;
    const what = lacks.events === null ? 'nobody knows how many events' : `${lacks.events} events`;
    const detail = `Sink ${name} lacks segments ${lacks.first} to ${lacks.last}, ${what}: they were gone before it had them.`;
    const id = `lack:${name}:${lacks.first}-${lacks.last}`;
    const loss: NamedLoss = { where: 'sink', lost: BigInt(lacks.events ?? 0), unknown: lacks.events === null, detail, id };
    this.tellLater(() => this.keepLoss(loss).then(() => this.sinks.recorded(name)));
  }

  /** Not awaited: a full disk must not keep us. What fails is told again when the spool takes something again. */
  private tellLater(record: () => Promise<void>): void {
    record().catch(() => void this.untold.push(() => this.tellLater(record)));
  }

  /** Moves a damaged segment away and writes its loss into the log, where some sink has not got what it held. */
  private async quarantine(files: Pick<Segment, 'id' | 'record'>, extent: Extent, reason: string): Promise<void> {
    // First, so that only one of those that find it at once tells of it.
    this.sealedSegments.remove(files.id);
    this.quarantined++;
    this.memory.change((state) => withoutSegment(state, files.id));
    if (this.sinks.allHave(files.id)) {
      this.found.push(`${reason} It is in ${QUARANTINE}, and every sink has what it held.`);
      this.memory.change((state) => withPassed(state, files.id, files.id));
      await this.memory.flush();
      await this.doNoted({ deed: 'quarantine', segments: [files], node: extent.node, losses: [] });
      return;
    }
    const { fresh, ...note } = await quarantineNote(this.directory, files, extent, reason);
    await this.ledger.add(note, fresh.map(totalOf));
    await this.doNoted(note);
    this.tell(note, note.losses);
  }

  /** Tells of sequences that were here, and whose file is gone. */
  private async recordVanished({ node, epoch, ranges, count }: Extent): Promise<void> {
    this.vanished.push({ epoch, ranges });
    const detail = `Sequences ${rangesText(ranges)} of epoch ${epoch} were in the spool, and the file that held them is gone.`;
    const id = `vanished:${node}:${epoch}:${ranges[0]?.first}-${ranges.at(-1)?.last}`;
    // The next start finds the same where this one cannot tell it.
    this.recordLoss({ where: 'spool', lost: BigInt(count), detail, id }, node, this.durable).catch(() => undefined);
  }

  /** Does what a note announces, as far as it is not done. */
  private async doNoted(note: LossNote): Promise<void> {
    if (note.deed === 'quarantine') await moveAway(this.directory, note);
    if (note.deed === 'drop') await removeDoomed(this.directory, note);
    if (note.segments.length > 0) await syncDirectory(this.directory);
  }

  /** Not awaited: the worker itself may be who tells. What fails is told again when the spool takes something again, or at the next start. */
  private tell(note: LossNote, losses: readonly NamedLoss[]): void {
    if (!this.ledger.notes.includes(note) || this.telling.has(note)) return;
    const records = losses.map((loss) => this.enqueueOwn((sequence) => lossBatch(loss, note.node, this.localEpoch, sequence), undefined));
    const told = settleAll(records)
      .then(() => {
        for (const { id } of losses) this.told.add(id);
        return this.ledger.settle(note);
      })
      .catch(() => undefined)
      .finally(() => this.telling.delete(note));
    this.telling.set(note, told);
  }

  /** Tells what is noted, except what the log has already: the process ended, or the write failed, after it was told and before that was known. */
  private async tellNotes(): Promise<void> {
    const notes = this.ledger.notes.filter((note) => !this.telling.has(note));
    if (notes.length === 0) return;
    const told = countedOnce(await lossesOf(this.sealedSegments.all()));
    for (const note of notes) {
      const left = note.losses.filter(({ id, lost }) => !told.some((one) => one.id === id && one.lost >= lost));
      this.tell(note, left);
    }
  }

  /** Removes delivered segments while there are more than are kept, and by the policy others that wait for too long. */
  private async trim(): Promise<void> {
    for (;;) {
      const oldest = this.sealedSegments.removable(this.diskFull);
      if (oldest === undefined) break;
      this.sealedSegments.remove(oldest.id);
      this.leaving.add(oldest);
      // In their order: one that could not be removed goes before those behind it, or it would look as if these were missing.
      for (const segment of this.leaving) {
        await removeSegment(this.directory, segment);
        this.leaving.delete(segment);
        this.memory.change((state) => withoutSegment(state, segment.id));
      }
    }
    while (await this.dropOldest());
  }

  /** Removes what waits beyond the limits: first the intention is made durable, then the files go, then the loss stands in the log. False: nothing had to go. */
  private async dropOldest(): Promise<boolean> {
    const doomed = this.sealedSegments.doomed(this.diskFull);
    if (doomed === undefined) return false;
    this.drops ??= new DropLosses([...(await lossesOf(this.sealedSegments.all())), ...this.ledger.notes.flatMap(({ losses }) => losses)]);
    const { events, ...note } = await this.drops.note(doomed.segments, doomed.behind, doomed.why);
    await this.ledger.add(note, [{ where: 'spool', lost: events, unknown: false }]);
    this.drops.noted(note);
    const ids = doomed.segments.map(({ id }) => id);
    const toldTo = Math.max(...ids);
    this.memory.change((state) => ids.reduce(withoutSegment, { ...state, toldTo: Math.max(state.toldTo, toldTo) }));
    await this.memory.flush();
    for (const id of ids) this.sealedSegments.remove(id);
    await this.doNoted(note);
    this.tell(note, note.losses);
    return true;
  }
}

function totalOf({ where, lost, unknown = false }: Loss): LossTotal {
  return { where, lost, unknown };
}

/** What of a damaged segment's events the capture is not asked for again. */
function upTo(position: LogPosition | undefined, extent: Extent): Extent {
  // Nobody knows of which log it is, or how much it was: if of this one, it comes again, or the capture tells that it does not.
  if (extent.unknown === true || extent.epoch === '') return { ...extent, ranges: [], count: 0, unknown: true };
  if (position?.epoch !== extent.epoch) return extent;
  const ranges = missingOf(0n, position.sequence, missingOf(0n, position.sequence, extent.ranges));
  return { ...extent, ranges, count: countOf(ranges) };
}

/** Ids of segments that sinks refused and that are kept for them. */
async function refusedIds(directory: string): Promise<number[]> {
  const ids: number[] = [];
  for (const name of await readdir(join(directory, REFUSED)).catch(() => []))
    for (const { id } of await listSegments(join(directory, REFUSED, name)).catch(() => [])) ids.push(id);
  return ids;
}

/** How old a segment becomes while `ahead` others wait for every sink, ms. */
export function sealAge(ageMs: number, ahead: number): number {
  return Math.min(ageMs * 2 ** Math.max(0, ahead - AHEAD), Math.max(ageMs, STRETCHED_MS));
}

function fits(run: Pick<Run, 'node' | 'epoch' | 'next' | 'local' | 'position'>, append: Append): boolean {
  if (run.local && append.position !== undefined && run.position !== append.position) return false;
  return run.epoch === append.epoch && run.node === append.node && run.next === append.first;
}
