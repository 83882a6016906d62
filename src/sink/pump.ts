import { setTimeout as sleep } from 'node:timers/promises';
import { ALWAYS_DOUBTED, type Lack, type SinkCursor } from '../spool/cursors.js';
import { LOCAL_EPOCH } from '../spool/loss.js';
import { listRefusals, type RefusedSegment } from '../spool/refusals.js';
import type { Segment } from '../spool/segment.js';
import type { Spool } from '../spool/spool.js';
import { sentenceOf } from '../wire/errors.js';
import { Circuit, type CircuitState } from './circuit.js';
import type { SinkToCompare } from './comparison.js';
import { mend } from './mend.js';
import { forget, refusedSegments, setAside } from './refused.js';
import { type ReplayProgress, type ReplayResult, type ReplaySelection, replaySegments, selectSegments } from './replay.js';
import { type Sink, type SinkNotes, SinkRejection } from './sink.js';

export interface PumpOptions {
  /** How often a segment that the sink refuses for its content is tried before it is set aside. Default 3. */
  readonly rejections?: number;
  /** Shortest and longest wait before another try, ms. Default 200 and 30000. */
  readonly retryMinMs?: number;
  readonly retryMaxMs?: number;
}

export interface PumpStatus {
  readonly sink: string;
  /** `waiting`: the sink does not take anything; `lastError` says why. */
  readonly state: 'running' | 'waiting' | 'stopped';
  readonly circuit: CircuitState;
  /** Tries that failed since the last one that worked. */
  readonly failures: number;
  /** When the next try is made, ms since 1970; undefined while none is waited for. */
  readonly retryAtMs: number | undefined;
  /** Id of the last segment that the sink has. */
  readonly delivered: number;
  readonly lagSegments: number;
  readonly lagEvents: number;
  readonly deliveredEvents: number;
  readonly refused: readonly RefusedSegment[];
  /** Why segments are looked for in the sink before they are sent, and up to which; undefined: its cursor is believed. */
  readonly doubt: string | undefined;
  /** What was gone before the sink had it; undefined: nothing. */
  readonly lacks: Lack | undefined;
  /** A sentence; undefined when all is well. */
  readonly lastError: string | undefined;
  /** Undefined: it has none. */
  readonly notes: SinkNotes | undefined;
}

/** What a replay is to bring: segments of the spool by time, or those that the sink refused. */
export interface ReplayRequest extends ReplaySelection {
  /** The segments that were set aside, instead of the spool's. */
  readonly refused?: boolean;
}

/** A replay that waits for its turn. */
interface ReplayJob {
  run(): Promise<void>;
  cancel(): void;
  fail(error: Error): void;
}

/** A sink whose next try is further away than this is not waited for at a stop, ms, however long that may take. */
const LATER_MS = 5000;
/** How long stop() waits for a delivery, and for the sink's close, ms. */
const STOP_MS = 5000;
/** Runs of sequences that the sentence on a refused segment names. */
const RANGES_TOLD = 10;

/** Brings sealed segments to one sink, in order, one at a time, for as long as it takes. */
export class Pump {
  readonly sink: Sink;
  private readonly spool: Spool;
  private readonly rejections: number;
  private readonly circuit: Circuit;
  private readonly abort = new AbortController();
  private refused: readonly RefusedSegment[] = [];
  /** The cursor and the list of what was refused have been read. */
  private known = false;
  private deliveredEvents = 0;
  private state: PumpStatus['state'] = 'stopped';
  private lastError: string | undefined;
  /** The sink failed since it was made ready. */
  private unready = true;
  private jobs: ReplayJob[] = [];
  private running: Promise<void> | undefined;
  private wake: () => void = () => undefined;

  constructor(spool: Spool, sink: Sink, options: PumpOptions = {}) {
    this.spool = spool;
    this.sink = sink;
    this.rejections = options.rejections ?? 3;
    this.circuit = new Circuit(options.retryMinMs ?? 200, options.retryMaxMs ?? 30_000);
  }

  /** Reads the cursor and begins. Does not wait for the sink. A cursor that cannot be read keeps this sink back, and nothing is removed from the spool meanwhile. */
  async start(): Promise<void> {
    await this.know().catch(() => undefined); // tried again, and told
    this.spool.on('sealed', this.onSealed);
    this.state = 'running';
    this.running = this.loop();
  }

  private async know(): Promise<void> {
    if (this.known) return;
    await this.spool.register(this.sink.name);
    this.refused = await listRefusals(this.spool.directory, this.sink.name);
    this.known = true;
  }

  private get cursor(): SinkCursor {
    return this.spool.sinks.get(this.sink.name).cursor;
  }

  /** The sink has nothing beyond its cursor, as far as anybody knows. */
  private get trusted(): boolean {
    const { delivered, doubtUntil } = this.cursor;
    return doubtUntil <= delivered;
  }

  /** Resolves when the sink has every segment that is sealed now, or after `ms`; tells which. One that takes nothing and is tried again only later is not waited for. */
  async drain(ms: number): Promise<boolean> {
    const target = this.spool.newestSealed;
    const end = performance.now() + ms;
    while (this.cursor.delivered < target && this.spool.lag(this.cursor.delivered).segments > 0) {
      const left = end - performance.now();
      const away = (this.circuit.retryInMs ?? 0) > Math.min(left, LATER_MS);
      if (left <= 0 || this.running === undefined || away) return false;
      await sleep(10);
    }
    return true;
  }

  /** Ends after the delivery that is under way, if that does not take too long, and closes the sink. */
  async stop(): Promise<void> {
    this.abort.abort();
    this.wake();
    this.spool.off('sealed', this.onSealed);
    // A delivery that hangs ends by the sink's close; it may be repeated, so nothing is lost by that.
    for (const job of this.jobs.splice(0)) job.cancel();
    await within(STOP_MS, this.running);
    this.running = undefined;
    this.state = 'stopped';
    await within(STOP_MS, this.sink.close());
  }

  /**
   * Brings segments once more, between two deliveries: what the sink has stays as it is. Waits for its turn; `signal` ends it after the segment that is under way.
   * Rejects when that happens or when the pump is stopped.
   */
  replay(request: ReplayRequest, onProgress: (progress: ReplayProgress) => void, signal: AbortSignal): Promise<ReplayResult> {
    return new Promise((resolve, reject) => {
      const either = AbortSignal.any([signal, this.abort.signal]);
      const cancel = (): void => reject(new Error(`The replay to sink ${this.sink.name} was ended before it was done.`));
      if (this.running === undefined || either.aborted) return cancel();
      if (this.circuit.state === 'open') return reject(this.away());
      const run = async (): Promise<void> => {
        try {
          if (this.unready) await this.makeReady();
          resolve(await this.bringAgain(request, onProgress, either));
        } catch (error) {
          if (either.aborted) cancel();
          else reject(error);
        }
      };
      this.jobs.push({ run, cancel, fail: reject });
      this.wake();
    });
  }

  /** Runs it between two deliveries and replays, and hands it the last segment that the sink has. Rejects when the sink takes nothing now, or the pump is stopped. */
  between<T>(action: (delivered: number) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = (): void => reject(new Error(`Sink ${this.sink.name} was stopped before its turn came.`));
      if (this.running === undefined || this.abort.signal.aborted) return cancel();
      if (this.circuit.state === 'open') return reject(this.away());
      const run = async (): Promise<void> => {
        try {
          if (this.unready) await this.makeReady();
          resolve(await action(this.cursor.delivered));
        } catch (error) {
          reject(error);
        }
      };
      this.jobs.push({ run, cancel, fail: reject });
      this.wake();
    });
  }

  /** The sink and how far it is, to be compared with the spool. */
  comparable(): SinkToCompare {
    const away = this.circuit.state === 'closed' ? undefined : (this.lastError ?? 'It failed several times in a row.');
    const { delivered, lacks } = this.cursor;
    return { sink: this.sink, delivered, refused: this.refused, lacks, doubt: this.doubt(), away };
  }

  status(): PumpStatus {
    const lag = this.spool.lag(this.cursor.delivered);
    return {
      sink: this.sink.name,
      state: this.state,
      circuit: this.circuit.state,
      failures: this.circuit.failures,
      retryAtMs: this.circuit.retryAtMs,
      delivered: this.cursor.delivered,
      lagSegments: lag.segments,
      lagEvents: lag.events,
      deliveredEvents: this.deliveredEvents,
      refused: this.refused,
      doubt: this.doubt(),
      lacks: this.cursor.lacks,
      lastError: this.lastError,
      notes: this.sink.notes?.(),
    };
  }

  private doubt(): string | undefined {
    if (this.trusted) return undefined;
    const { doubtUntil } = this.cursor;
    const upTo = doubtUntil === ALWAYS_DOUBTED ? '' : ` up to ${doubtUntil}`;
    const why = this.spool.sinks.get(this.sink.name).doubt ?? 'How far it is was not certain at an earlier start.';
    return `${why} Each segment${upTo} is looked for in the sink before it is sent, so that nothing is there twice.`;
  }

  private readonly onSealed = (): void => this.wake();

  private async loop(): Promise<void> {
    const { signal } = this.abort;
    await this.untilDone(() => this.know());
    await this.untilDone(() => this.makeReady());
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      await this.jobs.shift()?.run();
      let segment: Segment | undefined;
      await this.untilDone(async () => {
        segment = await this.spool.next(this.cursor.delivered);
      });
      if (segment !== undefined) await this.bring(segment);
      else if (!signal.aborted && this.jobs.length === 0) await woken;
    }
  }

  private async makeReady(): Promise<void> {
    await this.sink.start(this.trusted);
    await mend(this.sink, this.spool, this.cursor.delivered);
    this.unready = false;
  }

  /** Brings a segment; how many of its events the sink had not got. */
  private async send(segment: Segment): Promise<number> {
    if (this.unready || this.sink.mendable?.pending === true) await this.makeReady();
    const { sink } = this;
    if (segment.id <= this.cursor.doubtUntil && sink.restore !== undefined && sink.looksItself !== true) return sink.restore(segment);
    await sink.deliver(segment);
    return segment.count;
  }

  private async bringAgain(
    request: ReplayRequest,
    onProgress: (progress: ReplayProgress) => void,
    signal: AbortSignal,
  ): Promise<ReplayResult> {
    const { directory } = this.spool;
    const { name } = this.sink;
    if (request.refused !== true) {
      const delivered = this.spool.sealed().filter(({ id }) => id <= this.cursor.delivered);
      const chosen = await selectSegments(delivered, request);
      return replaySegments(this.sink, chosen, onProgress, signal, undefined, request.replace);
    }
    const chosen = await selectSegments(await refusedSegments(directory, name), request);
    const onDelivered = async (segment: Segment): Promise<void> => {
      await forget(directory, name, segment);
      this.refused = this.refused.filter(({ id }) => id !== segment.id);
    };
    return replaySegments(this.sink, chosen, onProgress, signal, onDelivered, request.replace);
  }

  /** Delivers one segment, or sets it aside when the sink refuses it for good. */
  private async bring(segment: Segment): Promise<void> {
    let rejections = 0;
    let refusal: SinkRejection | undefined;
    let gone = false;
    let events = 0;
    const settled = await this.untilDone(async () => {
      gone = !this.spool.has(segment.id);
      if (gone) return;
      try {
        events = await this.send(segment);
      } catch (error) {
        this.unready = !(error instanceof SinkRejection);
        // Given up by `spool.when_full` while we tried: its loss stands in the log.
        gone = !this.spool.has(segment.id);
        if (gone) return;
        if (!(error instanceof SinkRejection) || ++rejections < this.rejections) throw error;
        refusal = error;
      }
    });
    if (!settled || gone) return;
    const { id, count, node, epoch, ranges } = segment;
    if (refusal !== undefined) {
      const reason = refusal.message;
      const some = ranges.slice(0, RANGES_TOLD).map((range) => `${range.first}-${range.last}`);
      const sequences = [...some, ...(ranges.length > some.length ? [`and ${ranges.length - some.length} more runs`] : [])].join(', ');
      const detail = `Sink ${this.sink.name} refused segment ${id} (epoch ${epoch}, sequences ${sequences}), which is set aside: ${reason}`;
      let kept = false;
      const aside = await this.untilDone(async () => {
        kept = this.spool.has(id);
        if (kept) await setAside(this.spool.directory, this.sink.name, segment, reason);
      });
      if (!aside || !kept) return;
      // A loss record that is itself refused gets none of its own: they would be refused for ever.
      const own = epoch.startsWith(LOCAL_EPOCH);
      const lost = { where: 'sink', lost: BigInt(count), detail, id: `refused:${this.sink.name}:${segment.chain.slice(0, 32)}` } as const;
      const recorded = own || (await this.untilDone(() => this.spool.keepLoss(lost, node)));
      if (!recorded) return;
    }
    await this.untilDone(async () => {
      const { trusted } = this;
      await this.spool.advance(this.sink.name, segment);
      // From here on it need not look any more.
      if (!trusted && this.trusted) this.unready = true;
      const others = this.refused.filter((one) => one.id !== id);
      if (refusal !== undefined) this.refused = [...others, { id, reason: refusal.message }];
      else {
        this.deliveredEvents += events;
        // It was refused at an earlier try, and the cursor had not moved yet.
        if (others.length < this.refused.length) await forget(this.spool.directory, this.sink.name, segment);
        this.refused = others;
      }
    });
  }

  private away(): Error {
    return new Error(
      `Sink ${this.sink.name} takes nothing now, so nothing can be done with what it has: ${this.lastError ?? 'it failed several times in a row'}`,
    );
  }

  /** Tries until it works; false when the pump was stopped before. */
  private async untilDone(action: () => Promise<void>): Promise<boolean> {
    while (!this.abort.signal.aborted) {
      try {
        this.circuit.begin();
        await action();
        this.circuit.succeeded();
        this.state = 'running';
        this.lastError = undefined;
        return true;
      } catch (error) {
        this.state = 'waiting';
        this.lastError = sentenceOf(error);
        const waited = this.circuit.failedAndWait(this.abort.signal);
        // Who waits for a replay is told, instead of waiting for a sink that may never come back.
        if (this.circuit.state === 'open') for (const job of this.jobs.splice(0)) job.fail(this.away());
        await waited;
      }
    }
    return false;
  }
}

/** Resolves when the promise is settled, or after `ms`. Rejects as it does. */
async function within(ms: number, promise: Promise<void> | undefined): Promise<void> {
  const patience = new AbortController();
  try {
    await Promise.race([promise, sleep(ms, undefined, { signal: patience.signal }).catch(() => undefined)]);
  } finally {
    patience.abort();
  }
}
