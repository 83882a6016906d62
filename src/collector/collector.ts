import type { BelievedClock, ClockDoubt } from '../clock/believed-clock.js';
import { openClock } from '../clock/open.js';
import type { SinkToCompare } from '../sink/comparison.js';
import { Pump, type PumpStatus, type ReplayRequest } from '../sink/pump.js';
import type { ReplayProgress, ReplayResult } from '../sink/replay.js';
import type { SpoolMark } from '../spool/mark.js';
import type { SinkRequest } from '../spool/requests.js';
import { lacksNothing, type NotGot, sinkInUse, unknownSink } from '../spool/sink-changes.js';
import { Spool, type SpoolStatus } from '../spool/spool.js';
import type { Batch } from '../wire/batch.js';
import type { SourceStatus, Wanted } from '../wire/client.js';
import { sentenceOf } from '../wire/errors.js';
import { type ErasureProgress, type ErasureReport, Erasures } from './erasures.js';
import { NodeClocks } from './node-clocks.js';
import type { CollectorOptions } from './options.js';
import { Receiver, type ReceiverCounters, type ReceiverStatus } from './receiver.js';
import { type TailHandlers, tail } from './tail.js';
import { Upkeep } from './upkeep.js';

export interface CollectorStatus {
  readonly capture: ReceiverStatus & {
    /** The capture's own account; undefined while there is no connection. */
    readonly status: SourceStatus | undefined;
  };
  readonly spool: SpoolStatus;
  readonly sinks: readonly PumpStatus[];
  readonly counters: Readonly<ReceiverCounters>;
  readonly clock: ClockStatus;
  /** When the collector started, ms since 1970. */
  readonly startedMs: number;
}

/** How the collector's clock is, and the nodes'. */
export interface ClockStatus {
  /** The time that is believed, and what the clock shows, ms since 1970. */
  readonly believedMs: number;
  readonly wallMs: number;
  /** Undefined: the clock is believed. */
  readonly doubt: ClockDoubt | undefined;
  /** Whether it was ever set. */
  readonly isSet: boolean;
  /** Why what is too old is not removed, a sentence; undefined: it is, or the clock is doubted. */
  readonly problem: string | undefined;
  /** Nodes whose events have times that are not believed. */
  readonly nodes: readonly { readonly node: string; readonly aheadMs: number }[];
}

/** What a sink has not got at the end. */
export interface Undelivered {
  readonly sink: string;
  readonly events: number;
  /** Why it took nothing, a sentence; undefined: it would have gone on. */
  readonly away: string | undefined;
}

export interface StopOptions {
  /** How long the sinks may take for what is in the spool, ms. One that takes nothing, and is tried again only later, is not waited for. Default 10000. */
  readonly drainMs?: number;
  /** Told from time to time while sinks are waited for: how many events the one furthest behind has not got. */
  readonly onWaiting?: (events: number) => void;
  /** Told what stays in the spool. */
  readonly onUndelivered?: (left: Undelivered) => void;
}

/** How often a stop says how much is left, ms. */
const TELL_MS = 3000;

/** The unprivileged half: capture → spool → sinks. No event is decoded on that way. */
export class Collector {
  private readonly options: CollectorOptions;
  private readonly startedMs = Date.now();
  private spool: Spool | undefined;
  private receiver: Receiver | undefined;
  private pumps: Pump[] = [];
  private erasures: Erasures | undefined;
  private clock: BelievedClock | undefined;
  private nodeClocks: NodeClocks | undefined;
  private upkeep: Upkeep | undefined;

  constructor(options: CollectorOptions) {
    this.options = options;
  }

  /**
   * Takes the spool's directory and begins. Waits neither for the capture nor for the sinks: status() tells how they are. Rejects with SpoolInUseError, or the
   * system's error when the directory cannot be used.
   */
  async start(): Promise<void> {
    const clock = this.options.clock ?? (await openClock(this.options.spoolDirectory));
    this.clock = clock;
    // All of them before anything may be removed: a sink that comes later would find gone what it lacks.
    const names = this.options.sinks.map(({ name }) => name);
    const spool = await Spool.open(this.options.spoolDirectory, { ...this.options.spool, now: clock.now }, names);
    this.spool = spool;
    try {
      for (const sink of this.options.sinks) {
        const pump = new Pump(spool, sink, this.options.pump);
        await pump.start();
        this.pumps.push(pump);
      }
    } catch (error) {
      await this.stop({ drainMs: 0 });
      throw error;
    }
    const nodeClocks = new NodeClocks(clock);
    this.nodeClocks = nodeClocks;
    const receiver = new Receiver(spool, this.options, nodeClocks);
    const { eraseDirectory: directory, capture } = this.options;
    if (directory !== undefined) this.erasures = new Erasures({ directory, capture, spool, pumps: this.pumps, receiver });
    try {
      this.erasures?.start();
    } catch (error) {
      await this.stop({ drainMs: 0 });
      throw error;
    }
    this.receiver = receiver;
    this.upkeep = new Upkeep({ clock, spool, pumps: this.pumps });
    this.upkeep.start();
    receiver.start();
  }

  /** Ends the subscription, seals the spool, lets the sinks catch up for a while, and closes everything. Resolves to whether every sink had everything. */
  async stop(options: StopOptions = {}): Promise<boolean> {
    const { spool, receiver, pumps, erasures, upkeep } = this;
    this.receiver = undefined;
    this.erasures = undefined;
    this.upkeep = undefined;
    this.pumps = [];
    this.spool = undefined;
    await receiver?.stop();
    await erasures?.stop();
    await upkeep?.stop();
    await spool?.seal();
    const told = setInterval(() => options.onWaiting?.(Math.max(0, ...pumps.map((pump) => pump.status().lagEvents))), TELL_MS);
    await Promise.all(pumps.map((pump) => pump.drain(options.drainMs ?? 10_000)));
    clearInterval(told);
    const away = pumps.map((pump) => pump.comparable().away);
    await Promise.all(pumps.map((pump) => pump.stop()));
    await erasures?.ended();
    await upkeep?.ended();
    let drained = true;
    for (const [i, pump] of pumps.entries()) {
      const { sink, lagEvents } = pump.status();
      if (lagEvents === 0) continue;
      drained = false;
      options.onUndelivered?.({ sink, events: lagEvents, away: away[i] });
    }
    await spool?.close();
    return drained;
  }

  private clockStatus(): ClockStatus {
    const { clock, nodeClocks, upkeep } = this;
    if (clock === undefined) throw new Error('The collector is not running.');
    return {
      believedMs: clock.now(),
      wallMs: clock.wall(),
      doubt: clock.doubted,
      isSet: clock.isSet,
      problem: upkeep?.problem,
      nodes: nodeClocks?.status() ?? [],
    };
  }

  /** How everything is. Asks the capture, and goes without its answer when it does not come. */
  async status(): Promise<CollectorStatus> {
    const { spool, receiver } = this;
    if (spool === undefined || receiver === undefined) throw new Error('The collector is not running.');
    let status: SourceStatus | undefined;
    let silence: string | undefined;
    try {
      status = await receiver.sourceStatus();
    } catch (error) {
      silence = sentenceOf(error);
    }
    const capture = receiver.status();
    return {
      capture: { ...capture, lastError: capture.lastError ?? silence, status },
      spool: spool.status(),
      sinks: this.pumps.map((pump) => pump.status()),
      counters: { ...receiver.counters },
      clock: this.clockStatus(),
      startedMs: this.startedMs,
    };
  }

  /** Where the spool stands now. */
  mark(): SpoolMark {
    if (this.spool === undefined) throw new Error('The collector is not running.');
    return this.spool.mark();
  }

  /** The sinks as they stand now, to be compared with the spool. */
  comparable(): SinkToCompare[] {
    return this.pumps.map((pump) => pump.comparable());
  }

  /** Brings segments of the spool to one sink once more; what it has stays as it is. Rejects with RangeError, a sentence, when there is no such sink. */
  async replay(
    sink: string,
    request: ReplayRequest,
    onProgress: (progress: ReplayProgress) => void,
    signal: AbortSignal,
  ): Promise<ReplayResult> {
    const pump = this.pumps.find((one) => one.sink.name === sink);
    if (pump === undefined) {
      const known = this.pumps.map((one) => one.sink.name).join(', ');
      throw new RangeError(`There is no sink ${JSON.stringify(sink)}: ${known === '' ? 'none is configured' : `there are ${known}`}.`);
    }
    return pump.replay(request, onProgress, signal);
  }

  /**
   * Forgets a sink that is not configured, or accepts what one lacks; what it had not got. Rejects with RangeError, a sentence, when there is nothing to be done. Who may ask for that
   * is the caller's to know.
   */
  async changeSink(name: string, request: SinkRequest): Promise<NotGot> {
    const { spool } = this;
    if (spool === undefined) throw new Error('The collector is not running.');
    const known = [...spool.sinks.delivered().keys()];
    if (!known.includes(name)) throw unknownSink(name, known);
    if (request === 'forget') {
      if (this.pumps.some(({ sink }) => sink.name === name)) throw sinkInUse(name);
      const { segments, events } = spool.lag(spool.sinks.get(name).cursor.delivered);
      await spool.forget(name);
      return { segments, events };
    }
    const { lacks } = spool.sinks.get(name).cursor;
    if (lacks === undefined || lacks.accepted) throw lacksNothing(name);
    await spool.sinks.accept(name);
    return { segments: lacks.last - lacks.first + 1, events: lacks.events ?? 0 };
  }

  /** What the start found and a person should know, sentences. */
  get notes(): readonly string[] {
    return this.spool?.notes ?? [];
  }

  /** Waits until an order that lies in the folder of orders is carried out. Rejects with RangeError, a sentence, when there is none. */
  async erase(id: string, onProgress: (progress: ErasureProgress) => void, signal: AbortSignal): Promise<ErasureReport> {
    if (this.erasures === undefined) throw new RangeError('This collector takes no orders to erase anybody.');
    return this.erasures.carriedOut(id, onProgress, signal);
  }

  /**
   * New events as they happen, those that are wanted, on a connection of its own, so that a slow reader slows nobody. Resolves when `signal` is aborted; rejects
   * when the connection cannot be made or ends.
   */
  tail(wanted: Wanted, onBatch: (batch: Batch) => void | Promise<void>, signal: AbortSignal, handlers: TailHandlers = {}): Promise<void> {
    return tail(this.options.capture, wanted, onBatch, signal, handlers);
  }
}
