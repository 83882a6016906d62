import { connect, type Socket } from 'node:net';
import { systemReason } from '../text/system-error.js';
import { type Batch, nextEvent, readBatch } from './batch.js';
import { type ConnFilter, connFilterMessage } from './conn-filter.js';
import { CaptureRefusal, ConnectionError, sentenceOf, WireError } from './errors.js';
import { encodeFrame, type Frame, FrameReader } from './frame.js';
import { FrameFlag, MessageType, PROTOCOL_VERSION } from './message.js';
import { toBigInt, toLong, v1 } from './proto.js';
import { ReadMemory } from './read-memory.js';

/** One of the capture's multicast groups, as proto/vslog/v1/socket.proto names them. */
export type GroupName = Exclude<keyof typeof v1.Group.Value, 'unspecified'>;

/** What the subscriber has already. */
export interface Position {
  readonly epoch: string;
  readonly sequence: bigint;
}

export interface Subscription {
  readonly epoch: string;
  /** Of the first event that will come. */
  readonly first: bigint;
  /** Events between what the subscriber has and that, which are gone. */
  readonly skipped: bigint;
  /** Wall clock, ns: those are not from before and not from after these; 0: not known. */
  readonly skippedFirstNs: bigint;
  readonly skippedLastNs: bigint;
  /** The filter that was asked for is at work. */
  readonly filtered: boolean;
}

/** What a live subscription gets; nothing given means everything. */
export interface Wanted {
  readonly groups?: readonly GroupName[];
  /** An encoded EventFilter: event-filter.ts. */
  readonly filter?: Uint8Array | undefined;
}

/** A live subscriber was too slow: what it missed. */
export interface MissedEvents {
  readonly missed: bigint;
  readonly first: bigint;
  readonly last: bigint;
}

/** What ending connections came to. */
export interface Expiry {
  readonly matched: number;
  readonly ended: number;
  /** Connections of the same real servers that the filter left out, and that end with them. */
  readonly others: number;
  /** What is done for it, a sentence each; empty where connections are ended one by one. */
  readonly steps: readonly string[];
}

/** Called by the client while it reads; they must not throw. */
export interface ClientHandlers {
  onSubscribed?(subscription: Subscription): void;
  onBatch?(batch: Batch): void;
  onOverrun?(missed: MissedEvents): void;
  /** After every chunk read: the time to act on the batches that came. */
  onChunk?(): void;
}

export interface ClientOptions {
  /** Path of the capture's unix socket. */
  readonly path: string;
  /** What we are, for the capture's own log. */
  readonly software?: string;
  readonly handlers?: ClientHandlers;
  /** How long an answer may take, ms. Default 60000: a change that is carried out late must not look like one that failed. */
  readonly timeoutMs?: number;
  /** The receiver of batches calls release() for each when it has no more use for the body, whose memory is then written to again. Default: it is never written to again. */
  readonly releases?: boolean;
}

export type Welcome = InstanceType<typeof v1.Welcome>;
export type SourceStatus = InstanceType<typeof v1.SourceStatus>;
export type ConnEvent = InstanceType<typeof v1.ConnEvent>;

interface Waiting {
  /** The type of the last frame of the answer. */
  readonly answer: number;
  /** Takes the frames of a type that come before it. */
  readonly parts?: { readonly type: number; take(frame: Frame): void };
  resolve(frame: Frame): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

/** One session with the capture. It ends with the connection: to connect again, make another. */
export class CaptureClient {
  /** Resolves when the connection has ended, with the error that ended it or undefined after close(). Never rejects. */
  readonly closed: Promise<Error | undefined>;
  private readonly path: string;
  private readonly software: string;
  private readonly handlers: ClientHandlers;
  private readonly timeoutMs: number;
  private readonly releases: boolean;
  private readonly memory: ReadMemory;
  private readonly reader = new FrameReader();
  private readonly waiting = new Map<number, Waiting>();
  private socket: Socket | undefined;
  private sequence = 0;
  private port = 0;
  private failure: Error | undefined;
  private paused = false;
  private ended = false;
  private markClosed: (error: Error | undefined) => void = () => undefined;

  constructor(options: ClientOptions) {
    this.path = options.path;
    this.software = options.software ?? 'vslog';
    this.handlers = options.handlers ?? {};
    this.timeoutMs = options.timeoutMs ?? 60_000;
    this.releases = options.releases ?? false;
    this.memory = new ReadMemory(this.releases);
    this.closed = new Promise((resolve) => {
      this.markClosed = resolve;
    });
  }

  /** Connects and says hello. Rejects with ConnectionError, CaptureRefusal or WireError, each one sentence. */
  async connect(): Promise<Welcome> {
    await this.open();
    const hello = v1.Hello.encode({ version_min: PROTOCOL_VERSION, version_max: PROTOCOL_VERSION, software: this.software }).finish();
    try {
      const frame = await this.request(MessageType.controlHello, hello, MessageType.controlWelcome);
      this.port = frame.port;
      return decode(v1.Welcome, frame);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** A named subscription that is kept until acknowledged: everything after `after`, or from the oldest that is kept. */
  async subscribeDurable(name: string, after: Position | undefined): Promise<Subscription> {
    return this.subscribe(
      v1.Subscribe.encode({
        mode: v1.SubscriptionMode.Value.durable,
        name,
        epoch: after?.epoch ?? '',
        after_sequence: toLong(after?.sequence ?? 0n),
      }).finish(),
    );
  }

  /** New events only, those that are wanted. */
  async subscribeLive({ groups = [], filter }: Wanted = {}): Promise<Subscription> {
    const subscribed = await this.subscribe(
      v1.Subscribe.encode({
        mode: v1.SubscriptionMode.Value.live,
        groups: groups.map((group) => v1.Group.Value[group]),
        ...(filter === undefined ? {} : { filter: v1.EventFilter.decode(filter) }),
      }).finish(),
    );
    if (filter === undefined || subscribed.filtered) return subscribed;
    throw new ConnectionError('The capture is older than its reader and cannot filter events: restart it.');
  }

  /** Everything up to this sequence is safe. Not answered. */
  ack(position: Position): void {
    const payload = v1.Acknowledge.encode({ epoch: position.epoch, sequence: toLong(position.sequence) }).finish();
    this.write(MessageType.eventAck, 0, payload);
  }

  /** Drops the named durable subscription: the capture keeps nothing for it any more. */
  async forget(name: string): Promise<void> {
    const payload = v1.Subscribe.encode({ mode: v1.SubscriptionMode.Value.durable, name }).finish();
    await this.request(MessageType.eventForget, payload, MessageType.controlError);
  }

  /** How the source and the journal are. */
  async sourceStatus(timeoutMs?: number): Promise<SourceStatus> {
    return decode(v1.SourceStatus, await this.request(MessageType.sourceStatus, new Uint8Array(0), MessageType.sourceStatus, timeoutMs));
  }

  /** Hands over every live connection that matches; resolves when that was all. */
  async listConnections(filter: ConnFilter, onConnection: (event: ConnEvent) => void, timeoutMs?: number): Promise<void> {
    const payload = v1.ConnList.encode({ filter: connFilterMessage(filter) }).finish();
    const take = (frame: Frame): void => {
      const { body } = decode(v1.ConnEntries, frame);
      for (let at = 0; at < body.length; ) {
        const { start, end } = nextEvent(body, at);
        onConnection(v1.ConnEvent.decode(body.subarray(start, end)));
        at = end;
      }
    };
    await this.request(MessageType.connList, payload, MessageType.controlDone, timeoutMs, { type: MessageType.connEntry, take });
  }

  /** Ends every live connection that matches. `ended` is less than `matched` where one ended by itself meanwhile, or could not be ended. */
  async expireConnections(filter: ConnFilter, how: { force?: boolean; dryRun?: boolean; timeoutMs?: number } = {}): Promise<Expiry> {
    const payload = v1.ConnExpire.encode({
      filter: connFilterMessage(filter),
      force: how.force ?? false,
      dry_run: how.dryRun ?? false,
    }).finish();
    const { matched, ended, others, steps } = decode(
      v1.ConnExpired,
      await this.request(MessageType.connExpire, payload, MessageType.connExpired, how.timeoutMs),
    );
    return { matched: Number(toBigInt(matched)), ended: Number(toBigInt(ended)), others: Number(toBigInt(others)), steps };
  }

  /** One request and the payload of its answer, for a subsystem with messages of its own. `parts`: frames of another type that come before it. */
  async call(
    request: { readonly type: number; readonly payload: Uint8Array; readonly answer: number; readonly timeoutMs?: number },
    parts?: { readonly type: number; take(payload: Uint8Array): void },
  ): Promise<Uint8Array> {
    const taking = parts && { type: parts.type, take: (frame: Frame): void => parts.take(frame.payload) };
    return (await this.request(request.type, request.payload, request.answer, request.timeoutMs, taking)).payload;
  }

  /** The body of this batch is not read any more. Only with the option `releases`, once for each batch that was handed out. */
  release(batch: Batch): void {
    if (this.releases) this.memory.release(batch.body);
  }

  /** Stops reading until resume(): the capture's send buffer fills and it waits for us. Answers wait as well. */
  pause(): void {
    if (this.paused || this.ended) return;
    this.paused = true;
    this.socket?.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (!this.ended) this.socket?.resume();
  }

  /** Ends the connection. */
  close(): void {
    this.fail(undefined);
  }

  /** Ends the connection for a reason of ours, which `closed` then tells. */
  end(reason: Error): void {
    this.fail(reason);
  }

  private open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect({
        path: this.path,
        onread: {
          // Each read goes on where the last one ended, so most frames stay in one piece and are never copied.
          buffer: () => this.memory.next(this.carry),
          callback: (count) => {
            this.onChunk(this.memory.took(count));
            return !this.paused;
          },
        },
      });
      this.socket = socket;
      socket.once('connect', resolve);
      socket.on('error', (error) => {
        const failure = new ConnectionError(connectSentence(this.path, error), { cause: error });
        reject(failure);
        this.fail(failure);
      });
      socket.on('end', () => this.onEnd());
      socket.on('close', () => {
        const failure = new ConnectionError(`The capture at ${this.path} closed the connection.`);
        reject(failure); // of no effect once connected
        this.fail(failure);
      });
    });
  }

  private readonly carry = (to: Buffer): number => this.reader.moveTo(to);

  private onChunk(chunk: Buffer): void {
    if (this.ended) return;
    try {
      this.reader.push(chunk, this.onFrame);
    } catch (error) {
      const http = error instanceof WireError && chunk.subarray(0, 5).toString('latin1') === 'HTTP/';
      this.fail(http ? new ConnectionError(otherSocket(this.path)) : error instanceof Error ? error : new Error(String(error)));
    }
    this.handlers.onChunk?.();
  }

  private onEnd(): void {
    try {
      this.reader.end();
      this.fail(new ConnectionError(`The capture at ${this.path} closed the connection.`));
    } catch (error) {
      this.fail(error as WireError);
    }
  }

  private readonly onFrame = (frame: Frame): void => {
    if (this.ended) return;
    switch (frame.type) {
      case MessageType.eventBatch: {
        const batch = readBatch(frame.payload, frame.offset + 16);
        if (this.releases) this.memory.hold(batch.body);
        this.handlers.onBatch?.(batch);
        return;
      }
      case MessageType.controlOverrun: {
        const overrun = decode(v1.Overrun, frame);
        const [missed, first, last] = [overrun.missed, overrun.first_sequence, overrun.last_sequence].map(toBigInt) as [
          bigint,
          bigint,
          bigint,
        ];
        this.handlers.onOverrun?.({ missed, first, last });
        return;
      }
      case MessageType.controlError:
        this.onError(frame);
        return;
      default: {
        const waiting = this.waiting.get(frame.sequence);
        if (waiting?.parts?.type === frame.type) {
          waiting.timer.refresh();
          this.takePart(waiting.parts, frame);
          return;
        }
        if (waiting === undefined || waiting.answer !== frame.type) return;
        // The batches may follow in the same chunk, before the promise's turn comes: the handler is told first.
        if (frame.type === MessageType.eventSubscribed) this.handlers.onSubscribed?.(subscription(frame));
        this.settle(frame.sequence)?.resolve(frame);
      }
    }
  };

  /** A part that cannot be read ends the connection, with its reason. */
  private takePart(parts: { take(frame: Frame): void }, frame: Frame): void {
    try {
      parts.take(frame);
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  private onError(frame: Frame): void {
    const reply = decode(v1.ErrorReply, frame);
    const waiting = this.settle(frame.sequence);
    if (reply.code === 0) waiting?.resolve(frame);
    else {
      const refusal = new CaptureRefusal(reply.code, reply.message, reply.field);
      if (waiting === undefined) this.fail(refusal);
      else waiting.reject(refusal);
    }
  }

  private async subscribe(payload: Uint8Array): Promise<Subscription> {
    return subscription(await this.request(MessageType.eventSubscribe, payload, MessageType.eventSubscribed));
  }

  private request(type: number, payload: Uint8Array, answer: number, timeoutMs = this.timeoutMs, parts?: Waiting['parts']): Promise<Frame> {
    if (this.ended) return Promise.reject(this.failure ?? new ConnectionError('The connection to the capture is closed.'));
    this.sequence = (this.sequence % 0xffffffff) + 1;
    const sequence = this.sequence;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        // It is we who do not read.
        if (this.paused) {
          timer.refresh();
          return;
        }
        this.settle(sequence)?.reject(new ConnectionError(`The capture at ${this.path} did not answer within ${timeoutMs} ms.`));
      }, timeoutMs);
      this.waiting.set(sequence, { answer, resolve, reject, timer, ...(parts === undefined ? {} : { parts }) });
      this.write(type, FrameFlag.request, payload, sequence);
    });
  }

  private settle(sequence: number): Waiting | undefined {
    const waiting = this.waiting.get(sequence);
    if (waiting !== undefined) {
      clearTimeout(waiting.timer);
      this.waiting.delete(sequence);
    }
    return waiting;
  }

  private write(type: number, flags: number, payload: Uint8Array, sequence = 0): void {
    if (!this.ended) this.socket?.write(encodeFrame(type, flags, sequence, this.port, payload));
  }

  private fail(error: Error | undefined): void {
    if (this.ended) return;
    this.ended = true;
    this.failure = error;
    this.socket?.destroy();
    for (const sequence of [...this.waiting.keys()]) {
      this.settle(sequence)?.reject(error ?? new ConnectionError('The connection to the capture was closed.'));
    }
    this.markClosed(error);
  }
}

function subscription(frame: Frame): Subscription {
  const message = decode(v1.Subscribed, frame);
  const { epoch, first_sequence, skipped, skipped_first_ns, skipped_last_ns, filtered } = message;
  return {
    epoch,
    first: toBigInt(first_sequence),
    skipped: toBigInt(skipped),
    skippedFirstNs: toBigInt(skipped_first_ns),
    skippedLastNs: toBigInt(skipped_last_ns),
    filtered,
  };
}

/** Decodes a cold message; an unreadable one is a WireError with its place in the stream. */
function decode<T>(type: { decode(bytes: Uint8Array): T }, frame: Frame): T {
  try {
    return type.decode(frame.payload);
  } catch (error) {
    const message = `The payload of a frame of type 0x${frame.type.toString(16).padStart(4, '0')} cannot be read (${sentenceOf(error)})`;
    throw new WireError(message, frame.offset, { cause: error });
  }
}

/** An HTTP server answers there. */
function otherSocket(path: string): string {
  return `${path} is the socket of a collector, not of a capture: name the capture's by --socket, and the collector's by --api-socket.`;
}

function connectSentence(path: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
      return `There is no capture at ${path}: start vslog-capture, or set its socket's path.`;
    case 'ECONNREFUSED':
      return `Nobody listens at ${path}: start vslog-capture.`;
    case 'EACCES':
      return `The socket ${path} may not be opened: become a member of its group.`;
    default:
      return `The connection to the capture at ${path} failed: ${systemReason(error) ?? error.message}.`;
  }
}
