import type { RecordName } from '../../src/spool/segment.js';
import type { Batch } from '../../src/wire/batch.js';
import type { ClientOptions, Position, SourceStatus, Subscription, Welcome } from '../../src/wire/client.js';
import { crc32c } from '../../src/wire/crc32c.js';
import { ConnectionError } from '../../src/wire/errors.js';
import { toLong, v1 } from '../../src/wire/proto.js';

const NODE = 'director';

/** What a capture made since it started. */
export interface Epoch {
  readonly name: string;
  /** Sequence of the last record. */
  last: bigint;
  /** Some of it was acknowledged: somebody knows of it for good. */
  isHeard?: boolean;
  /** Its journal went before anybody knew of it, and nothing before it waits for more: nobody can know of it. */
  isUnheard?: boolean;
  /** Its last record says that the capture stopped. */
  isEnded?: boolean;
}

interface Kept {
  readonly batch: Batch;
  /** Of its last record, over all epochs. */
  readonly ordinal: bigint;
}

/** The privileged half, as far as a collector can see it: its journal outlives it, unless somebody takes that away. */
export class SimulatedCapture {
  /** All that it ever made, oldest first. */
  readonly epochs: Epoch[] = [];
  private journal: Kept[] = [];
  private ordinal = 0n;
  private acknowledged = 0n;
  private session: SimulatedClient | undefined;
  private up = true;
  private readonly nowMs: () => number;
  /** So many batches that were acknowledged are in the journal still: their place was not needed yet. */
  private readonly spare: number;

  constructor(nowMs: () => number, spare: number) {
    this.nowMs = nowMs;
    this.spare = spare;
    this.begin(undefined);
  }

  /** So many events come. */
  make(count: number, record: RecordName = 'conn'): void {
    if (!this.up) return;
    this.add(
      record,
      Array.from({ length: count }, () => ({})),
    );
    this.session?.offer();
  }

  /** It is stopped, and says so. */
  stop(): void {
    if (!this.up) return;
    this.add('control', [{ kind: v1.ControlKind.Value.capture_stopped }]);
    const epoch = this.epochs.at(-1);
    if (epoch !== undefined) epoch.isEnded = true;
    this.session?.offer();
    this.up = false;
  }

  /** It dies; what it had made is in its journal. */
  kill(): void {
    this.up = false;
    this.hangUp();
  }

  /** It starts. `journal`: that is there still. */
  start(journal: boolean): void {
    if (this.up) return;
    this.up = true;
    const before = this.epochs.at(-1);
    if (!journal) {
      for (const [i, epoch] of this.epochs.entries()) {
        const earlier = this.epochs[i - 1];
        const awaited = earlier !== undefined && earlier.isUnheard !== true && earlier.isEnded !== true;
        if (epoch.isHeard !== true && !awaited) epoch.isUnheard = true;
      }
      this.journal = [];
      this.acknowledged = this.ordinal;
    }
    this.begin(journal ? before : undefined);
    this.session?.offer();
  }

  get isUp(): boolean {
    return this.up;
  }

  /** Whether the collector has acknowledged all. */
  get isHandedOver(): boolean {
    return this.acknowledged === this.ordinal;
  }

  /** The collector is gone, or the network is. */
  hangUp(): void {
    this.session?.broken(new ConnectionError('The capture hung up.'));
    this.session = undefined;
  }

  connect(client: SimulatedClient): void {
    if (!this.up) throw new ConnectionError('Nobody listens.');
    this.session?.broken(new ConnectionError('Another one came.'));
    this.session = client;
  }

  get epoch(): string {
    return this.epochs.at(-1)?.name ?? '';
  }

  subscribe(client: SimulatedClient, after: Position | undefined): Subscription {
    const current = this.epochs.at(-1);
    if (current !== undefined && after?.epoch === current.name && after.sequence > current.last)
      throw new ConnectionError(`after_sequence is ${after.sequence}, but the log ends at ${current.last}.`);
    const has = after === undefined ? 0n : (this.ordinalOf(after) ?? 0n);
    this.acknowledge(has);
    client.sent = has;
    const next = this.after(has);
    const epoch = next?.batch.epoch ?? current?.name ?? '';
    const first = next?.batch.first ?? (current?.last ?? 0n) + 1n;
    const expected = after?.epoch === epoch ? after.sequence + 1n : 1n;
    const skipped = first > expected ? first - expected : 0n;
    return { epoch, first, skipped, skippedFirstNs: 0n, skippedLastNs: 0n, filtered: false };
  }

  /** The first batch with a record that comes after. */
  after(ordinal: bigint): Kept | undefined {
    return this.journal.find((kept) => kept.ordinal > ordinal);
  }

  acknowledgeAt(position: Position): void {
    const ordinal = this.ordinalOf(position);
    if (ordinal === undefined) return;
    for (const epoch of this.epochs) if (epoch.name === position.epoch) epoch.isHeard = true;
    this.acknowledge(ordinal);
  }

  private acknowledge(ordinal: bigint): void {
    if (ordinal > this.acknowledged) this.acknowledged = ordinal;
    let done = this.journal.findIndex((kept) => kept.ordinal > this.acknowledged);
    if (done < 0) done = this.journal.length;
    this.journal.splice(0, Math.max(0, done - this.spare));
  }

  /** Undefined: of no epoch of which it knows anything. */
  private ordinalOf({ epoch, sequence }: Position): bigint | undefined {
    let before = 0n;
    for (const one of this.epochs) {
      if (one.name === epoch) return before + (sequence < one.last ? sequence : one.last);
      before += one.last;
    }
    return undefined;
  }

  private begin(before: Epoch | undefined): void {
    this.epochs.push({ name: `${String(this.epochs.length + 1).padStart(32, '0')}-1700000000000`, last: 0n });
    const old_value = before === undefined ? '' : `epoch=${before.name} last=${before.last} end=killed`;
    this.add('control', [{ kind: v1.ControlKind.Value.capture_started, old_value }]);
  }

  private add(record: RecordName, fields: readonly Partial<Parameters<typeof v1.ControlEvent.encode>[0]>[]): void {
    const epoch = this.epochs.at(-1);
    if (epoch === undefined || fields.length === 0) return;
    const first = epoch.last + 1n;
    const time_ns = toLong(BigInt(Math.floor(this.nowMs())) * 1_000_000n);
    const body = Buffer.concat(
      fields.map((field, i) => {
        const sequence = toLong(first + BigInt(i));
        return record === 'conn'
          ? v1.ConnEvent.encodeDelimited({ kind: v1.EventKind.Value.create, time_ns, sequence, conn_id: sequence }).finish()
          : v1.ControlEvent.encodeDelimited({ kind: v1.ControlKind.Value.knob_changed, ...field, time_ns, sequence }).finish();
      }),
    );
    epoch.last += BigInt(fields.length);
    this.ordinal += BigInt(fields.length);
    const batch = {
      record,
      node: NODE,
      epoch: epoch.name,
      first,
      last: epoch.last,
      count: fields.length,
      crc32c: crc32c(body),
      filtered: false,
      body,
    };
    this.journal.push({ batch, ordinal: this.ordinal });
  }
}

let capture: SimulatedCapture | undefined;

/** To whom collectors connect from now on. */
export function useCapture(used: SimulatedCapture | undefined): void {
  capture = used;
}

/** Stands for CaptureClient of src/wire/client.ts. */
export class SimulatedClient {
  readonly closed: Promise<Error | undefined>;
  /** Ordinal of the last record that was sent. */
  sent = 0n;
  private readonly handlers: NonNullable<ClientOptions['handlers']>;
  private readonly to: SimulatedCapture;
  private markClosed: (error: Error | undefined) => void = () => undefined;
  private subscribed = false;
  private paused = false;
  private over = false;
  private offering = false;

  constructor({ handlers }: ClientOptions) {
    if (capture === undefined) throw new Error('There is no capture now.');
    this.to = capture;
    this.handlers = handlers ?? {};
    this.closed = new Promise((resolve) => {
      this.markClosed = resolve;
    });
  }

  async connect(): Promise<Welcome> {
    await undefined;
    this.to.connect(this);
    return { node: NODE, epoch: this.to.epoch, source: 'simulated', software: 'simulation' } as Welcome;
  }

  async subscribeDurable(_name: string, after: Position | undefined): Promise<Subscription> {
    await undefined;
    const subscription = this.to.subscribe(this, after);
    this.handlers.onSubscribed?.(subscription);
    this.subscribed = true;
    this.offer();
    return subscription;
  }

  /** Sends what there is, a few batches a chunk. */
  offer(): void {
    if (this.offering) return;
    this.offering = true;
    void this.send().finally(() => {
      this.offering = false;
    });
  }

  private async send(): Promise<void> {
    await undefined;
    while (this.subscribed && !this.paused && !this.over) {
      let read = 0;
      for (
        let next = this.to.after(this.sent);
        next !== undefined && read < 3 && !this.paused && !this.over;
        next = this.to.after(this.sent)
      ) {
        this.sent = next.ordinal;
        this.handlers.onBatch?.(next.batch);
        read++;
      }
      if (read === 0) return;
      this.handlers.onChunk?.();
      await undefined;
    }
  }

  ack(position: Position): void {
    if (!this.over) this.to.acknowledgeAt(position);
  }

  release(): void {}

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.offer();
  }

  async sourceStatus(): Promise<SourceStatus | undefined> {
    return undefined;
  }

  end(error: Error): void {
    this.broken(error);
  }

  close(): void {
    this.broken(undefined);
  }

  broken(error: Error | undefined): void {
    if (this.over) return;
    this.over = true;
    this.markClosed(error);
  }
}
