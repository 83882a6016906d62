import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Batch } from '../../../src/wire/batch.js';
import { encodeFrame, type Frame, FrameReader } from '../../../src/wire/frame.js';
import { FrameFlag, MessageType } from '../../../src/wire/message.js';
import { toBigInt, toLong, v1 } from '../../../src/wire/proto.js';
import { batchFrame, EPOCH } from './batches.js';

/** The capture's side of docs/wire.md, as far as the collector needs it: a log in memory that a durable subscriber gets from where it stands. */
export class FakeCapture {
  /** The log; push to it through `publish`. */
  readonly log: Batch[] = [];
  epoch = EPOCH;
  /** Everything acknowledged, in order. */
  readonly acks: { epoch: string; sequence: bigint }[] = [];
  readonly subscriptions: { epoch: string; after: bigint }[] = [];
  /** Batches below this sequence are gone: a subscriber is told of them as skipped. */
  oldest = 1n;
  /** Send everything from the beginning whatever the subscriber has, as after a lost acknowledgement. */
  replay = false;
  /** Live connections, whatever the filter: what CONN_LIST tells and CONN_EXPIRE ends. */
  connections: object[] = [];
  /** What was asked for by CONN_LIST and CONN_EXPIRE. */
  readonly filters: { readonly type: number; readonly filter: object }[] = [];
  /** Says no to CONN_LIST and CONN_EXPIRE. */
  refusal: { readonly code: number; readonly message: string } | undefined;
  private readonly path: string;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly subscribers = new Set<Socket>();

  constructor(path: string) {
    this.path = path;
    this.server = createServer((socket) => this.serve(socket));
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.path, resolve);
    });
  }

  /** Appends to the log and sends to every subscriber. */
  publish(...batches: Batch[]): void {
    for (const batch of batches) {
      this.log.push(batch);
      for (const socket of this.subscribers) socket.write(batchFrame(batch));
    }
  }

  /** Sends bytes as they are to every subscriber. */
  sendRaw(bytes: Buffer): void {
    for (const socket of this.subscribers) socket.write(bytes);
  }

  /** Drops every connection, as a killed capture does. */
  dropAll(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.dropAll();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
    rmSync(this.path, { force: true });
  }

  private serve(socket: Socket): void {
    const reader = new FrameReader();
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.sockets.delete(socket);
      this.subscribers.delete(socket);
    });
    socket.on('data', (chunk: Buffer) => reader.push(chunk, (frame) => this.answer(socket, frame)));
  }

  private answer(socket: Socket, frame: Frame): void {
    const reply = (type: number, payload: Uint8Array) => socket.write(encodeFrame(type, FrameFlag.multi, frame.sequence, 7, payload));
    switch (frame.type) {
      case MessageType.controlHello: {
        const hello = v1.Hello.decode(frame.payload);
        if (hello.version_min > 1) {
          const refusal = v1.ErrorReply.encode({ code: 93, message: 'The client speaks versions 2 to 2, the capture 1 to 1.' }).finish();
          reply(MessageType.controlError, refusal);
        } else {
          const welcome = { version: 1, software: 'fake', node: 'node-a', epoch: this.epoch, source: 'fake', may_subscribe: true };
          reply(MessageType.controlWelcome, v1.Welcome.encode(welcome).finish());
        }
        return;
      }
      case MessageType.eventSubscribe: {
        const request = v1.Subscribe.decode(frame.payload);
        if (request.mode === v1.SubscriptionMode.Value.live) {
          reply(MessageType.eventSubscribed, v1.Subscribed.encode({ epoch: this.epoch, first_sequence: toLong(this.next()) }).finish());
          this.subscribers.add(socket);
          return;
        }
        const after = request.epoch === this.epoch ? toBigInt(request.after_sequence) : 0n;
        this.subscriptions.push({ epoch: request.epoch, after });
        const first = after + 1n < this.oldest ? this.oldest : after + 1n;
        const subscribed = { epoch: this.epoch, first_sequence: toLong(first), skipped: toLong(first - after - 1n) };
        reply(MessageType.eventSubscribed, v1.Subscribed.encode(subscribed).finish());
        for (const batch of this.log) {
          if (batch.epoch === this.epoch && (batch.first >= first || this.replay)) socket.write(batchFrame(batch));
        }
        this.subscribers.add(socket);
        return;
      }
      case MessageType.eventAck: {
        const ack = v1.Acknowledge.decode(frame.payload);
        this.acks.push({ epoch: ack.epoch, sequence: toBigInt(ack.sequence) });
        return;
      }
      case MessageType.connList:
      case MessageType.connExpire: {
        const { filter } = frame.type === MessageType.connList ? v1.ConnList.decode(frame.payload) : v1.ConnExpire.decode(frame.payload);
        this.filters.push({ type: frame.type, filter: v1.ConnFilter.toObject(v1.ConnFilter.fromObject(filter ?? {}), { longs: String }) });
        if (this.refusal !== undefined) reply(MessageType.controlError, v1.ErrorReply.encode(this.refusal).finish());
        else if (frame.type === MessageType.connExpire) {
          const matched = this.connections.splice(0).length;
          reply(
            MessageType.connExpired,
            v1.ConnExpired.encode({ matched: toLong(BigInt(matched)), ended: toLong(BigInt(matched)) }).finish(),
          );
        } else {
          for (const connection of this.connections) {
            const body = v1.ConnEvent.encodeDelimited(v1.ConnEvent.fromObject(connection)).finish();
            reply(MessageType.connEntry, v1.ConnEntries.encode({ count: 1, body }).finish());
          }
          reply(MessageType.controlDone, new Uint8Array(0));
        }
        return;
      }
      case MessageType.sourceStatus:
        reply(MessageType.sourceStatus, v1.SourceStatus.encode({ source: 'fake', epoch: this.epoch, state: 'running' }).finish());
        return;
      default: {
        const refusal = v1.ErrorReply.encode({ code: 95, message: 'Not supported.' }).finish();
        reply(MessageType.controlError, refusal);
      }
    }
  }

  private next(): bigint {
    return (this.log.at(-1)?.last ?? 0n) + 1n;
  }
}
