import { rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { knobs } from '../../../src/knob/catalogue.js';
import type { Batch } from '../../../src/wire/batch.js';
import { encodeFrame, type Frame, FrameReader } from '../../../src/wire/frame.js';
import { FrameFlag, MessageType } from '../../../src/wire/message.js';
import { toLong, v1 } from '../../../src/wire/proto.js';
import { batchFrame, EPOCH } from './batches.js';

interface Entry {
  name: string;
  value: string;
  problem: string;
  settable: boolean;
}

/** The capture's side of the messages of knobs and services, over values in memory. */
export class FakeKnobs {
  /** By name; what is not of a service has its default. */
  readonly entries = new Map<string, Entry>();
  services: object[] = [];
  /** Every request but hello, decoded. */
  readonly requests: { readonly type: number; readonly message: object }[] = [];
  /** Says no to every request but hello. */
  refusal: { readonly code: number; readonly message: string } | undefined;
  /** Sent to whoever subscribes. */
  batches: Batch[] = [];
  private readonly path: string;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(path: string) {
    this.path = path;
    this.server = createServer((socket) => this.serve(socket));
    for (const { name, min = '', default: value = String(min), scope, writable, live } of knobs) {
      if (scope !== 'service' && scope !== 'real') this.entries.set(name, { name, value, problem: '', settable: writable && live });
    }
  }

  /** Another value, a problem, ... of a knob. */
  put(name: string, change: Partial<Entry>): void {
    this.entries.set(name, { name, value: '', problem: '', settable: true, ...this.entries.get(name), ...change });
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.path, resolve);
    });
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
    rmSync(this.path, { force: true });
  }

  private serve(socket: Socket): void {
    const reader = new FrameReader();
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => reader.push(chunk, (frame) => this.answer(socket, frame)));
  }

  private answer(socket: Socket, { type, sequence, payload }: Frame): void {
    const reply = (answer: number, bytes: Uint8Array) => socket.write(encodeFrame(answer, FrameFlag.multi, sequence, 7, bytes));
    const refuse = (code: number, message: string) => reply(MessageType.controlError, v1.ErrorReply.encode({ code, message }).finish());
    const note = (message: object) => this.requests.push({ type, message: JSON.parse(JSON.stringify(message)) as object });
    if (type !== MessageType.controlHello && this.refusal !== undefined) {
      refuse(this.refusal.code, this.refusal.message);
      return;
    }
    switch (type) {
      case MessageType.controlHello:
        reply(MessageType.controlWelcome, v1.Welcome.encode({ version: 1, node: 'node-a', epoch: EPOCH }).finish());
        return;
      case MessageType.knobList: {
        const request = v1.KnobList.decode(payload);
        note(request);
        const names = request.names.length === 0 ? [...this.entries.keys()] : request.names;
        for (const name of names) reply(MessageType.knobEntry, v1.KnobEntry.encode(this.entries.get(name) ?? { name }).finish());
        reply(MessageType.controlDone, new Uint8Array(0));
        return;
      }
      case MessageType.knobSet: {
        const request = v1.KnobSet.decode(payload);
        note(request);
        const changes = request.assignments.map(({ name, value }) => {
          const old_value = this.entries.get(name ?? '')?.value ?? '';
          if (!request.dry_run) this.put(name ?? '', { value: value ?? '' });
          return { name: name ?? '', old_value, new_value: value ?? '' };
        });
        reply(MessageType.knobChanged, v1.KnobsChanged.encode({ changes }).finish());
        return;
      }
      case MessageType.serviceList:
        note(v1.ServiceList.decode(payload));
        for (const one of this.services) {
          reply(MessageType.serviceEntry, v1.ServiceEntry.encode(v1.ServiceEntry.fromObject(one)).finish());
        }
        reply(MessageType.controlDone, new Uint8Array(0));
        return;
      case MessageType.serviceChange:
        note(v1.ServiceChange.decode(payload));
        reply(MessageType.serviceChanged, v1.ServiceChanged.encode({ old_value: 'weight=1', new_value: 'weight=0' }).finish());
        return;
      case MessageType.eventSubscribe:
        note(v1.Subscribe.decode(payload));
        reply(MessageType.eventSubscribed, v1.Subscribed.encode({ epoch: EPOCH, first_sequence: toLong(1n) }).finish());
        for (const batch of this.batches) socket.write(batchFrame(batch));
        return;
      default:
        refuse(95, 'Not supported.');
    }
  }
}

/** A collector that answers every query with these rows; `queries` are what it was asked. */
export async function fakeStore(
  path: string,
  rows: (sql: string) => readonly (readonly unknown[])[],
): Promise<{ readonly queries: string[]; close(): Promise<void> }> {
  const queries: string[] = [];
  const server = createHttpServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    request.on('end', () => {
      queries.push(body);
      response.end(JSON.stringify({ meta: [], data: rows(body), rows: 0 }));
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return { queries, close: () => new Promise((resolve) => server.close(() => resolve())) };
}
