import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BodyEraser } from '../erase/eraser.js';
import { type EraseOrder, makeOrders, readOrders, removeOrder, writeOrder } from '../erase/order.js';
import { type ErasureRecord, localRecord, recordByCapture } from '../erase/record.js';
import type { Pump } from '../sink/pump.js';
import { listSealed } from '../spool/catalog.js';
import { QUARANTINE, REFUSED } from '../spool/layout.js';
import { commitRewrite, countEvents, prepareRewrite, recoverRewrites, rewriteFile } from '../spool/rewrite.js';
import type { RecordName, Segment } from '../spool/segment.js';
import type { Spool } from '../spool/spool.js';
import type { SourceStatus } from '../wire/client.js';
import { sentenceOf } from '../wire/errors.js';
import { toBigInt } from '../wire/proto.js';
import type { Receiver } from './receiver.js';

/** How long an order waits for what the capture still has before it begins with what is there, ms, and how often it is looked. */
const ARRIVAL_MS = 10_000;
const LOOK_MS = 50;
/** Longest wait for a connection to the capture, ms. */
const CONNECT_MS = 3000;
/** Wait before an order is tried again that could not be carried out, ms: at first and at most. */
const AGAIN_MS = { first: 500, most: 30_000 };

/** How far an order is. */
export interface ErasureProgress {
  /** Words: "spool, segment 3 of 12". */
  readonly step: string;
  /** Why it does not go on, a sentence; it is tried again. Null: it does. */
  readonly problem: string | null;
}

/** What was erased, or would be. */
export interface ErasureReport {
  readonly id: string;
  readonly dry_run: boolean;
  readonly connections: number;
  /** Each event once. */
  readonly events: number;
  /** Events by place: `spool`, and the names of the sinks. */
  readonly places: Readonly<Record<string, number>>;
  /** What is out of reach, words. */
  readonly beyond: readonly string[];
  /** Why the order stays in force, a sentence; null: it is done. */
  readonly in_force: string | null;
}

export interface ErasureParts {
  /** Folder of the orders. */
  readonly directory: string;
  /** The capture's socket. */
  readonly capture: string;
  readonly spool: Spool;
  readonly pumps: readonly Pump[];
  readonly receiver: Pick<Receiver, 'sourceStatus' | 'status'>;
}

interface Watcher {
  readonly id: string;
  readonly onProgress: (progress: ErasureProgress) => void;
  resolve(report: ErasureReport): void;
  reject(error: Error): void;
}

/** Carries out the orders to erase a person, one after the other, each until it is done, however often the process ends meanwhile. */
export class Erasures {
  private readonly parts: ErasureParts;
  private readonly stopping = new AbortController();
  private readonly watchers = new Set<Watcher>();
  private working: Promise<void> | undefined;
  /** The step that is under way in the spool. */
  private inSpool: Promise<unknown> = Promise.resolve();
  private wake: () => void = () => undefined;

  constructor(parts: ErasureParts) {
    this.parts = parts;
  }

  /** Takes up what an earlier process left. Throws PlaceError. */
  start(): void {
    makeOrders(this.parts.directory);
    this.work();
  }

  /**
   * Resolves when an order that is in the folder was carried out, or is in force only for what may still come from the capture. Rejects with RangeError when there is no
   * such order, and when the collector stops. That nobody waits any more changes nothing.
   */
  async carriedOut(id: string, onProgress: (progress: ErasureProgress) => void, signal: AbortSignal): Promise<ErasureReport> {
    const orders = await readOrders(this.parts.directory);
    if (!orders.some((one) => one.id === id)) throw new RangeError(`There is no order ${JSON.stringify(id)} to erase anybody.`);
    return new Promise((resolve, reject) => {
      const watcher = { id, onProgress, resolve, reject };
      this.watchers.add(watcher);
      signal.addEventListener('abort', () => this.watchers.delete(watcher), { once: true });
      this.wake();
      this.work();
    });
  }

  /** Begins nothing more. Resolves when the spool is left alone; what is under way in a sink ends with the sink. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await this.inSpool.catch(() => undefined);
    for (const watcher of this.watchers) watcher.reject(new Error('The collector stops; its next start goes on with the order.'));
    this.watchers.clear();
  }

  /** Resolves when nothing is under way. After stop(), and after the sinks were closed. */
  async ended(): Promise<void> {
    await this.working;
  }

  private work(): void {
    this.working ??= this.loop().finally(() => {
      this.working = undefined;
    });
  }

  private async loop(): Promise<void> {
    const { signal } = this.stopping;
    let again = AGAIN_MS.first;
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      let left = false;
      for (const order of await readOrders(this.parts.directory, (line) => this.tell(undefined, 'an order', line)).catch(() => [])) {
        if (signal.aborted) return;
        try {
          if (!(await this.carryOut(order))) left = true;
          again = AGAIN_MS.first;
        } catch (error) {
          left = true;
          this.tell(order.id, 'waiting', sentenceOf(error));
        }
      }
      if (!left) return;
      await Promise.race([woken, sleep(again, undefined, { signal }).catch(() => undefined)]);
      again = Math.min(again * 2, AGAIN_MS.most);
    }
  }

  /** False: it stays in force. */
  private async carryOut(found: EraseOrder): Promise<boolean> {
    const { directory } = this.parts;
    if (found.dryRun) {
      const report = await this.counted(found);
      await removeOrder(directory, found.id);
      this.finish(found.id, report);
      return true;
    }
    let order = await this.recorded(found);
    order = await this.begun(order);
    const again = order.progress.recorded !== undefined;
    const reached = await this.arrived(order, again ? 0 : ARRIVAL_MS);
    if (again && !reached) return false;
    const { progress, events } = await this.pass(order);
    order = await this.told({ ...order, progress }, events);
    const { id, progress: done } = order;
    const report: ErasureReport = {
      ...{ id, dry_run: false, connections: done.connections ?? 0, events: done.recorded ?? 0, places: done.counts ?? {} },
      beyond: this.beyond(),
      in_force: reached ? null : IN_FORCE,
    };
    if (reached) await removeOrder(directory, id);
    this.finish(id, report);
    return reached;
  }

  /** Sees to it that the order stands in the log before anything is changed. */
  private async recorded(order: EraseOrder): Promise<EraseOrder> {
    if (order.told) return order;
    await this.parts.spool.record(localRecord(recordOf(order, 'ordered'), order.author));
    return this.keep({ ...order, told: true });
  }

  /** Writes down where things stand before anything is changed. */
  private async begun(order: EraseOrder): Promise<EraseOrder> {
    let { progress } = order;
    if (progress.position === undefined) {
      const status = await this.captureStatus();
      if (status !== undefined) progress = { ...progress, position: positionOf(status) };
    }
    if (progress.before === undefined) {
      const { connections } = await this.counted(order);
      const before: Record<string, number> = { spool: erasedIn(this.parts.spool.sealed()) };
      for (const pump of this.parts.pumps) {
        const { name, erasure } = pump.sink;
        if (erasure?.erased !== undefined) before[name] = await pump.between(() => erasure.erased?.() ?? Promise.resolve(0));
      }
      progress = { ...progress, before, connections };
    }
    return progress === order.progress ? order : this.keep({ ...order, progress });
  }

  /** What the capture says of itself; waits a moment for a connection that is being made. */
  private async captureStatus(): Promise<SourceStatus | undefined> {
    const { receiver } = this.parts;
    const end = performance.now() + CONNECT_MS;
    for (;;) {
      const status = await receiver.sourceStatus().catch(() => undefined);
      const { state, lastError } = receiver.status();
      const hopeless = state !== 'connected' && lastError !== undefined;
      if (status !== undefined || hopeless || performance.now() >= end || this.stopping.signal.aborted) return status;
      await sleep(LOOK_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
  }

  /** Whether the spool has all that the capture had when the order came; waits for it. */
  private async arrived({ id, progress: { position } }: EraseOrder, patienceMs: number): Promise<boolean> {
    const { spool, receiver } = this.parts;
    if (position === undefined) return false;
    const [epoch, sequence] = position;
    const end = performance.now() + patienceMs;
    for (;;) {
      const durable = spool.lastDurable();
      if (durable?.epoch === epoch ? durable.sequence >= BigInt(sequence) : sequence === '0') return true;
      // The log of another boot is gone with it.
      const { epoch: now } = receiver.status();
      if (now !== '' && now !== epoch && durable?.epoch === now) return true;
      if (this.stopping.signal.aborted || performance.now() >= end) return false;
      this.tell(id, 'waiting for what the capture still has', null);
      await sleep(LOOK_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
  }

  /** Erases what is there, in every place. */
  private async pass(order: EraseOrder): Promise<{ progress: EraseOrder['progress']; events: number }> {
    const { spool, pumps } = this.parts;
    const { target, progress } = order;
    const { before = {}, counts = {} } = progress;
    const say = (step: string): void => this.tell(order.id, step, null);
    const eraser = new BodyEraser(target);
    const inTurn = async <T>(action: () => Promise<T>): Promise<T> => {
      this.stopping.signal.throwIfAborted();
      const step = action();
      this.inSpool = step;
      return step;
    };
    let changed = 0;
    await inTurn(() => spool.seal());
    const segments = spool.sealed();
    for (const [i, segment] of segments.entries()) {
      say(`spool, segment ${i + 1} of ${segments.length}`);
      const events = await inTurn(() => spool.rewrite(segment, changeOf(eraser, segment.record)));
      if (segment.record === 'conn') changed += events;
    }
    say('quarantine');
    await inTurn(() => eraseQuarantine(join(spool.directory, QUARANTINE), eraser));
    const refused = join(spool.directory, REFUSED);
    for (const name of await readdir(refused).catch(() => []))
      if (!pumps.some(({ sink }) => sink.name === name)) await inTurn(() => eraseAside(join(refused, name), eraser));
    const now: Record<string, number> = {
      ...counts,
      spool: Math.max((counts.spool ?? 0) + changed, erasedIn(spool.sealed()) - (before.spool ?? 0)),
    };
    let events = now.spool ?? 0;
    for (const pump of pumps) {
      const { name, erasure } = pump.sink;
      await pump.between(async (delivered) => {
        await inTurn(() => eraseAside(join(refused, name), eraser));
        if (erasure === undefined) return;
        const erased = await erasure.erase(target, (step) => say(`${name}, ${step}`));
        const there = await erasure.erased?.();
        now[name] = Math.max((counts[name] ?? 0) + erased, there === undefined ? 0 : there - (before[name] ?? 0));
        const waiting = erasedIn(spool.sealed().filter(({ id }) => id > delivered));
        events = Math.max(events, now[name] + (there === undefined ? 0 : waiting));
      });
    }
    return { progress: { ...progress, counts: now }, events };
  }

  /** Writes into the log how many events were erased; once more only when there are more of them. */
  private async told(order: EraseOrder, events: number): Promise<EraseOrder> {
    const { progress } = order;
    const { recorded, connections = 0, counts = {} } = progress;
    const more = events - (recorded ?? 0);
    if (recorded !== undefined && more <= 0) return order;
    const record: ErasureRecord = { ...recordOf(order, 'done'), events: more, places: { connections, ...counts } };
    try {
      await recordByCapture(this.parts.capture, record);
      // Until it is here the log seems to lack what it says.
      const status = await this.parts.receiver.sourceStatus().catch(() => undefined);
      if (status !== undefined) await this.arrived({ ...order, progress: { position: positionOf(status) } }, ARRIVAL_MS);
    } catch {
      const self = { uid: process.geteuid?.() ?? 0xffffffff, loginUid: 0xffffffff, pid: process.pid };
      await this.parts.spool.record(localRecord(record, self));
    }
    return this.keep({ ...order, progress: { ...progress, recorded: events } });
  }

  /** Counts what would go. */
  private async counted(order: EraseOrder): Promise<ErasureReport> {
    const { spool, pumps } = this.parts;
    const { id, target } = order;
    const eraser = new BodyEraser(target);
    await spool.seal();
    const places: Record<string, number> = { spool: 0 };
    const segments = spool.sealed().filter(({ record }) => record === 'conn');
    for (const [i, segment] of segments.entries()) {
      this.tell(id, `counting in the spool, segment ${i + 1} of ${segments.length}`, null);
      const found = await countEvents(spool.directory, segment, (batch) => eraser.conn(batch, true)).catch(() => 0); // removed meanwhile, or damaged
      places.spool = (places.spool ?? 0) + found;
    }
    let connections = eraser.connections.size;
    for (const pump of pumps) {
      const { name, erasure } = pump.sink;
      if (erasure === undefined) continue;
      this.tell(id, `counting in ${name}`, null);
      const found = await pump.between(() => erasure.count(target));
      places[name] = found.events;
      connections = Math.max(connections, found.connections);
    }
    return { id, dry_run: true, connections, events: Math.max(...Object.values(places)), places, beyond: this.beyond(), in_force: null };
  }

  private beyond(): string[] {
    return this.parts.pumps.flatMap(({ sink: { name, erasure, beyond } }) =>
      beyond === undefined ? (erasure === undefined ? [`sink ${name}`] : []) : [beyond],
    );
  }

  private async keep(order: EraseOrder): Promise<EraseOrder> {
    await writeOrder(this.parts.directory, order);
    return order;
  }

  private tell(id: string | undefined, step: string, problem: string | null): void {
    for (const watcher of this.watchers) if (id === undefined || watcher.id === id) watcher.onProgress({ step, problem });
  }

  private finish(id: string, report: ErasureReport): void {
    for (const watcher of this.watchers) {
      if (watcher.id !== id) continue;
      this.watchers.delete(watcher);
      watcher.resolve(report);
    }
  }
}

const IN_FORCE =
  'The collector has not got all that the capture had when the order came: the order stays in force for that, and is carried out once more when it is here.';

/** Where a capture's log ends. */
function positionOf({ epoch, next_sequence }: SourceStatus): readonly [epoch: string, sequence: string] {
  return [epoch, String(toBigInt(next_sequence) - 1n)];
}

function recordOf({ id, selectors, reason, target }: EraseOrder, stage: ErasureRecord['stage']): ErasureRecord {
  return { id, selectors, reason, stage, beforeNs: target.beforeNs };
}

function changeOf(eraser: BodyEraser, record: RecordName): (batch: Buffer) => number {
  return (batch) => (record === 'conn' ? eraser.conn(batch) : eraser.control(batch));
}

/** Events of segments of which only the place is left. Changed command lines are among them. */
function erasedIn(segments: readonly Segment[]): number {
  return segments.filter(({ record }) => record === 'conn').reduce((sum, { erased = 0 }) => sum + erased, 0);
}

/** Damaged bodies, as far as they can be read, and what looks like an address in the rest. */
async function eraseQuarantine(dir: string, eraser: BodyEraser): Promise<void> {
  for (const name of await readdir(dir).catch(() => [])) {
    const [, record] = /^\d{12}\.(conn|control)\.pb$/.exec(name) ?? [];
    if (record === undefined) continue;
    await rewriteFile(dir, name, (body) => {
      const before = Buffer.from(body);
      try {
        changeOf(eraser, record as RecordName)(body);
      } catch {
        // What comes behind the damage is looked through below.
      }
      if (record === 'conn') eraser.damaged(body);
      return before.equals(body) ? 0 : 1;
    });
  }
}

/** Segments that a sink refused, which are kept for it. */
async function eraseAside(dir: string, eraser: BodyEraser): Promise<void> {
  await recoverRewrites(dir);
  for (const segment of await listSealed(dir).catch(() => [])) {
    const made = await prepareRewrite(dir, segment, changeOf(eraser, segment.record));
    if (made !== undefined) await commitRewrite(dir, segment);
  }
}
