import type { LogPosition } from '../spool/index-file.js';
import type { Loss } from '../spool/loss.js';
import type { Spool } from '../spool/spool.js';
import { Backoff } from '../wire/backoff.js';
import { type Batch, withoutFirst } from '../wire/batch.js';
import { CaptureClient, type SourceStatus, type Subscription, type Welcome } from '../wire/client.js';
import { ConnectionError, sentenceOf } from '../wire/errors.js';
import { nodeClockRecord } from './clock-record.js';
import { endsByStop, lossesAtEnd, stoppedAt, takenOver } from './epoch-end.js';
import type { NodeClocks } from './node-clocks.js';
import type { CollectorOptions } from './options.js';

/** How long the capture may take to tell how it is, ms: its answer stands behind the batches that we have not read. */
const STATUS_MS = 2000;

export interface ReceiverStatus {
  /** `waiting`: no connection; `lastError` says why. */
  readonly state: 'stopped' | 'waiting' | 'connected';
  readonly socket: string;
  readonly node: string;
  readonly epoch: string;
  readonly source: string;
  readonly software: string;
  /** Connections made since the start. */
  readonly connections: number;
  /** A sentence; undefined when all is well. */
  readonly lastError: string | undefined;
}

export interface ReceiverCounters {
  /** Into the spool, duplicates not counted. */
  events: number;
  batches: number;
  /** Of their bodies. */
  bytes: number;
  /** Batches that had come before. */
  duplicates: number;
  /** Events that never came and were written down as lost. */
  lost: bigint;
}

/** Brings the capture's log into the spool, and acknowledges what is durable there. It connects again for as long as it takes. */
export class Receiver {
  readonly counters: ReceiverCounters = { events: 0, batches: 0, bytes: 0, duplicates: 0, lost: 0n };
  private readonly spool: Spool;
  private readonly options: CollectorOptions;
  private readonly backlogBytes: number;
  private readonly nodeClocks: NodeClocks | undefined;
  private readonly backoff: Backoff;
  private readonly abort = new AbortController();
  private client: CaptureClient | undefined;
  private welcome: Welcome | undefined;
  private subscription: Subscription | undefined;
  private lastError: string | undefined;
  private connections = 0;
  private running: Promise<void> | undefined;
  /** The last sequence received, durable or not. */
  private received: LogPosition | undefined;
  /** That is the capture's stop. */
  private stopped = false;
  /** Batches of the chunk being read. */
  private pending: Batch[] = [];

  /** `nodeClocks`: is shown each batch; undefined: nobody looks at what time it is of. */
  constructor(spool: Spool, options: CollectorOptions, nodeClocks?: NodeClocks) {
    this.nodeClocks = nodeClocks;
    this.spool = spool;
    this.options = options;
    this.backlogBytes = options.backlogBytes ?? 16 * 1024 * 1024;
    this.backoff = new Backoff(options.reconnectMinMs ?? 100, options.reconnectMaxMs ?? 1000);
  }

  start(): void {
    this.spool.on('room', this.onRoom);
    this.running = this.loop();
  }

  /** Ends the session; what was received is still written. */
  async stop(): Promise<void> {
    this.abort.abort();
    this.client?.pause();
    await this.spool.idle(); // what was received is acknowledged before the connection goes
    this.client?.close();
    await this.running;
    this.spool.off('room', this.onRoom);
  }

  status(): ReceiverStatus {
    const connected = this.subscription !== undefined;
    return {
      state: this.abort.signal.aborted ? 'stopped' : connected ? 'connected' : 'waiting',
      socket: this.options.capture,
      node: this.welcome?.node ?? '',
      // What an earlier epoch left comes first.
      epoch: (connected ? this.received?.epoch : undefined) ?? this.subscription?.epoch ?? this.welcome?.epoch ?? '',
      source: this.welcome?.source ?? '',
      software: this.welcome?.software ?? '',
      connections: this.connections,
      lastError: this.lastError,
    };
  }

  /** Asks the capture; undefined when there is no connection. */
  async sourceStatus(): Promise<SourceStatus | undefined> {
    return this.subscription === undefined ? undefined : this.client?.sourceStatus(STATUS_MS);
  }

  private async loop(): Promise<void> {
    const { signal } = this.abort;
    while (!signal.aborted) {
      try {
        const ended = await this.session();
        if (ended !== undefined) throw ended;
      } catch (error) {
        this.lastError = sentenceOf(error);
      }
      this.subscription = undefined;
      this.client = undefined;
      await this.backoff.wait(signal);
    }
  }

  /** One connection from hello to its end; the error that ended it. */
  private async session(): Promise<Error | undefined> {
    await this.spool.ready();
    this.pending = [];
    this.received = this.spool.lastDurable();
    this.stopped = this.received !== undefined && (await stoppedAt(this.spool.directory, this.received));
    const client = new CaptureClient({
      path: this.options.capture,
      software: this.options.software ?? 'vslog',
      releases: true,
      handlers: {
        onSubscribed: (subscription) => this.onSubscribed(client, subscription),
        onBatch: (batch) => this.onBatch(client, batch),
        onChunk: () => this.onChunk(client),
      },
    });
    this.client = client;
    if (this.abort.signal.aborted) return undefined;
    this.welcome = await client.connect();
    try {
      await client.subscribeDurable(this.options.name ?? 'collector', this.received);
      return await client.closed;
    } finally {
      client.close();
    }
  }

  private onSubscribed(client: CaptureClient, subscription: Subscription): void {
    this.subscription = subscription;
    this.connections++;
    this.lastError = undefined;
    this.backoff.reset();
    const { epoch, first, skipped, skippedFirstNs, skippedLastNs } = subscription;
    if (skipped > 0n) {
      if (this.received !== undefined && this.received.epoch !== epoch) this.onEpoch(client, epoch, undefined);
      const where = `${first - skipped} to ${first - 1n}`;
      const detail = `The capture no longer had ${skipped} events (sequences ${where} of epoch ${epoch}) when the collector asked for them.`;
      const loss: Loss = {
        where: 'journal',
        lost: skipped,
        firstNs: skippedFirstNs,
        lastNs: skippedLastNs,
        detail,
        id: journalLoss(epoch, first - skipped, first - 1n),
      };
      this.recordGap(client, loss, { epoch, sequence: first - 1n });
    }
  }

  private onBatch(client: CaptureClient, batch: Batch): void {
    if (this.received !== undefined && this.received.epoch !== batch.epoch) this.onEpoch(client, batch.epoch, takenOver(batch));
    let fresh = batch;
    const received = this.received?.epoch === batch.epoch ? this.received.sequence : undefined;
    // A batch of another epoch is checked against the place where the subscription said it would begin.
    const expected = received !== undefined ? received + 1n : this.subscription?.epoch === batch.epoch ? this.subscription.first : 1n;
    if (batch.last < expected) {
      this.counters.duplicates++;
      if (this.pending.length === 0 && this.isDurable(batch)) client.ack({ epoch: batch.epoch, sequence: batch.last });
      client.release(batch);
      return;
    }
    if (batch.first < expected) {
      fresh = withoutFirst(batch, Number(expected - batch.first));
    } else if (batch.first > expected) {
      const lost = batch.first - expected;
      const detail = `${lost} events (sequences ${expected} to ${batch.first - 1n} of epoch ${batch.epoch}) never came from the capture.`;
      const id = journalLoss(batch.epoch, expected, batch.first - 1n);
      this.recordGap(client, { where: 'journal', lost, detail, id }, { epoch: batch.epoch, sequence: batch.first - 1n });
    }
    this.received = { epoch: fresh.epoch, sequence: fresh.last };
    this.stopped = endsByStop(fresh);
    this.pending.push(fresh);
    const clock = this.nodeClocks?.look(fresh);
    // What cannot be written is told by status.
    if (clock !== undefined) this.spool.record(nodeClockRecord(clock)).catch(() => undefined);
  }

  /** Another epoch begins. What is missing at the end of the one before is written down first: once the new one counts nobody looks back. */
  private onEpoch(client: CaptureClient, epoch: string, before: LogPosition | undefined): void {
    if (this.received === undefined) return;
    this.flush(client);
    for (const loss of lossesAtEnd(this.received, this.stopped, epoch, before)) {
      this.counters.lost += loss.lost;
      this.spool.recordLoss(loss, this.welcome?.node).catch((error: unknown) => this.fail(client, error));
    }
  }

  private onChunk(client: CaptureClient): void {
    this.flush(client);
    if (this.spool.backlogBytes > this.backlogBytes || this.spool.full) client.pause();
  }

  /** Hands the batches read so far to the spool. */
  private flush(client: CaptureClient): void {
    const batches = this.pending;
    const last = batches.at(-1);
    if (last === undefined) return;
    this.pending = [];
    this.spool.append(batches).then(
      () => {
        client.ack({ epoch: last.epoch, sequence: last.last });
        this.counters.batches += batches.length;
        for (const batch of batches) {
          this.counters.events += batch.count;
          this.counters.bytes += batch.body.length;
          client.release(batch);
        }
      },
      (error: unknown) => this.fail(client, error),
    );
  }

  private recordGap(client: CaptureClient, loss: Loss, position: LogPosition): void {
    this.flush(client);
    this.received = position;
    this.counters.lost += loss.lost;
    this.spool.recordLoss(loss, this.welcome?.node, position).then(
      () => client.ack(position),
      (error: unknown) => this.fail(client, error),
    );
  }

  /** The spool could not keep something: the session ends, and the next one asks for it again. */
  private fail(client: CaptureClient, error: unknown): void {
    this.lastError = sentenceOf(error);
    client.end(new ConnectionError(sentenceOf(error), { cause: error }));
  }

  private isDurable(batch: Batch): boolean {
    const durable = this.spool.lastDurable();
    return durable !== undefined && durable.epoch === batch.epoch && durable.sequence >= batch.last;
  }

  private readonly onRoom = (): void => {
    if (!this.abort.signal.aborted && !this.spool.full && this.spool.backlogBytes <= this.backlogBytes / 2) this.client?.resume();
  };
}

/** Identity of sequences that never came from the capture. */
function journalLoss(epoch: string, first: bigint, last: bigint): string {
  return `journal:${epoch}:${first}-${last}`;
}
