import { join } from 'node:path';
import { BelievedClock } from '../../src/clock/believed-clock.js';
import { readClock } from '../../src/clock/memory.js';
import { Collector } from '../../src/collector/collector.js';
import type { SpoolOptions } from '../../src/spool/options.js';
import { SimulatedCapture, useCapture } from './capture.js';
import { SimulatedClock } from './clock.js';
import { type Dice, type Inode, MemoryDisk } from './disk.js';
import { useDisk } from './files.js';
import { SimulatedSink, SinkMemory } from './sinks.js';

/** When simulations begin: 2026-01-01. */
const BEGIN_MS = Date.UTC(2026, 0, 1);
/** Longest that anything is waited for that must come, ms of simulated time. */
const PATIENCE_MS = 600_000;

export interface WorldOptions {
  readonly spool: SpoolOptions;
  /** Batches that the capture has still after they were acknowledged. */
  readonly spare: number;
  readonly sinks: readonly { readonly name: string; readonly isTopic: boolean }[];
}

/** A machine with a collector, the capture beside it and the sinks behind it. */
export class World {
  readonly clock = new SimulatedClock(BEGIN_MS);
  readonly disk: MemoryDisk;
  readonly capture: SimulatedCapture;
  readonly sinks: ReadonlyMap<string, SinkMemory>;
  /** Those that are configured. */
  readonly on: Set<string>;
  private readonly options: WorldOptions;
  private collector: Collector | undefined;
  private isStarting = false;
  /** Its death is a power cut. */
  private cutsWith: Dice | undefined;
  /** Boots of the machine. */
  private boot = 1;

  constructor(options: WorldOptions) {
    this.options = options;
    this.disk = new MemoryDisk(() => this.clock.wallMs);
    this.disk.onDeath = () => this.died();
    this.capture = new SimulatedCapture(() => this.clock.wallMs, options.spare);
    this.sinks = new Map(options.sinks.map(({ name, isTopic }) => [name, new SinkMemory(name, isTopic)]));
    this.on = new Set(this.sinks.keys());
  }

  /** Does it in this world, whose clock, disk and capture are everybody's meanwhile. */
  async run<T>(action: () => Promise<T>): Promise<T> {
    this.clock.install();
    useDisk(this.disk);
    useCapture(this.capture);
    try {
      return await action();
    } finally {
      this.disk.kill();
      useDisk(undefined);
      useCapture(undefined);
      this.clock.release();
    }
  }

  get isUp(): boolean {
    return this.collector !== undefined;
  }

  get running(): Collector | undefined {
    return this.collector;
  }

  get spoolDirectory(): string {
    return join(this.disk.place, 'spool');
  }

  /** Starts a collector with the sinks that are on. False: it died, or said why it cannot; what it said is thrown. */
  async start(): Promise<void> {
    if (this.collector !== undefined || this.isStarting) return;
    this.isStarting = true;
    let outcome: { error?: unknown } | undefined;
    const begun = this.begin();
    begun.then(
      () => {
        outcome ??= {};
      },
      (error: unknown) => {
        outcome ??= { error };
      },
    );
    await this.until(() => outcome !== undefined || !this.isStarting, 'the start');
    if (outcome === undefined) return;
    this.isStarting = false;
    if ('error' in outcome) throw outcome.error;
  }

  private async begin(): Promise<void> {
    const { disk, clock, boot } = this;
    const life = disk.place;
    const directory = this.spoolDirectory;
    const memory = await readClock(directory).catch(() => undefined);
    const sources = { wall: () => clock.wallMs, uptime: () => clock.uptimeMs, boot: String(boot) };
    const collector = new Collector({
      capture: 'simulated',
      spoolDirectory: directory,
      spool: this.options.spool,
      clock: new BelievedClock(sources, memory),
      sinks: [...this.on].map((name) => SimulatedSink.of(this.sinks.get(name) as SinkMemory, this.disk.place)),
      pump: { retryMinMs: 50, retryMaxMs: 1000 },
      reconnectMinMs: 20,
      reconnectMaxMs: 200,
    });
    await collector.start();
    if (disk.place === life) this.collector = collector;
  }

  /** Ends it orderly. */
  async stop(): Promise<void> {
    const { collector } = this;
    if (collector === undefined) return;
    let over: { error?: unknown } | undefined;
    collector.stop({ drainMs: 2000 }).then(
      () => {
        over ??= {};
      },
      (error: unknown) => {
        over ??= { error };
      },
    );
    await this.until(() => over !== undefined || this.collector !== collector, 'the stop');
    if (this.collector === collector) this.buried();
    this.disk.kill();
    if (over !== undefined && 'error' in over) throw over.error;
  }

  /** kill -9. */
  kill(): void {
    this.disk.kill();
    this.buried();
  }

  /** It dies at an operation on its disk that comes, all at once or by a power cut. */
  killIn(operations: number, cut: Dice | undefined): void {
    this.disk.faults.diesIn = operations;
    this.cutsWith = cut;
  }

  powerCut(dice: Dice): void {
    this.disk.powerCut(dice);
    this.buried();
    this.boot++;
  }

  /** Puts an earlier copy of the disk into its place. */
  restore(copy: Inode): void {
    this.disk.restore(copy);
    this.buried();
  }

  private died(): void {
    if (this.cutsWith === undefined) this.buried();
    else this.powerCut(this.cutsWith);
  }

  private buried(): void {
    this.cutsWith = undefined;
    const known = new Map(this.collector?.comparable().map(({ sink, delivered }) => [sink.name, delivered]));
    this.collector = undefined;
    this.isStarting = false;
    this.clock.forgetTimers();
    this.capture.hangUp();
    for (const memory of this.sinks.values()) memory.leftOpen(known.get(memory.name));
  }

  /** Lets time pass until it is so. Throws when it does not become so. */
  async until(isSo: () => boolean | Promise<boolean>, what: string, everyMs = 20): Promise<void> {
    await this.clock.settle();
    for (let waited = 0; !(await isSo()); waited += everyMs) {
      if (waited > PATIENCE_MS) throw new Error(`It did not come: ${what}.`);
      await this.clock.advance(everyMs);
    }
  }
}
