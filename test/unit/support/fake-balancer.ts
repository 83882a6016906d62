import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { formatServerKey, formatServiceKey, parseServerKey, parseServiceKey } from '../../../src/cli/service-address.js';
import type { ServiceKey } from '../../../src/wire/administration.js';
import { encodeFrame, type Frame, FrameReader } from '../../../src/wire/frame.js';
import { FrameFlag, MessageType } from '../../../src/wire/message.js';
import { v1 } from '../../../src/wire/proto.js';
import { EPOCH } from './batches.js';

interface FakeReal {
  settings: Map<string, string>;
  active: number;
  inactive: number;
  persistent: number;
}

interface FakeService {
  key: ServiceKey;
  settings: Map<string, string>;
  reals: Map<string, FakeReal>;
}

/** The capture's side of services, real servers and live connections, over a balancer in memory that takes every change. */
export class FakeBalancer {
  /** By the text of their keys. */
  readonly services = new Map<string, FakeService>();
  /** What CONN_LIST tells, whatever the filter; undefined: it says no. */
  connections: object[] | undefined = [];
  /** What was changed, in order: "set tcp 10.0.0.1:80 10.0.0.2:80 real_weight=0". */
  readonly changes: string[] = [];
  /** For whom each of these was made. */
  readonly authors: string[] = [];
  /** Called before each answer to SERVICE_LIST. */
  onList: () => void = () => undefined;
  /** Called before each change. */
  onChange: () => void = () => undefined;
  private readonly path: string;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(path: string) {
    this.path = path;
    this.server = createServer((socket) => {
      const reader = new FrameReader();
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('data', (chunk: Buffer) => reader.push(chunk, (frame) => this.answer(socket, frame)));
    });
  }

  /** A virtual service with real servers of these weights. */
  add(service: string, reals: Readonly<Record<string, number>>): void {
    const key = parseServiceKey(service);
    const settings = new Map([
      ['service_scheduler', 'wlc'],
      ['service_flags', 'none'],
      ['service_timeout', '0'],
    ]);
    this.services.set(formatServiceKey(key), {
      key,
      settings,
      reals: new Map(Object.entries(reals).map(([real, weight]) => [real, newReal(String(weight))])),
    });
  }

  real(service: string, real: string): FakeReal {
    const found = this.services.get(service)?.reals.get(real);
    if (found === undefined) throw new Error(`no ${real} in ${service}`);
    return found;
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

  private answer(socket: Socket, { type, sequence, payload }: Frame): void {
    const reply = (answer: number, bytes: Uint8Array): void => {
      socket.write(encodeFrame(answer, FrameFlag.multi, sequence, 7, bytes));
    };
    const refuse = (code: number, message: string): void =>
      reply(MessageType.controlError, v1.ErrorReply.encode({ code, message }).finish());
    const done = (): void => reply(MessageType.controlDone, new Uint8Array(0));
    if (type === MessageType.controlHello) {
      reply(MessageType.controlWelcome, v1.Welcome.encode({ version: 1, node: 'node-a', epoch: EPOCH }).finish());
    } else if (type === MessageType.serviceList) {
      const { service } = v1.ServiceList.decode(payload);
      this.onList();
      const only = service === null || service === undefined ? undefined : formatServiceKey(service as ServiceKey);
      if (only !== undefined && !this.services.has(only)) {
        refuse(2, `There is no virtual service ${only}.`);
        return;
      }
      for (const [name, one] of this.services) if (only === undefined || only === name) reply(MessageType.serviceEntry, entry(one));
      done();
    } else if (type === MessageType.serviceChange) {
      this.onChange();
      const [oldValue, newValue] = this.change(v1.ServiceChange.decode(payload));
      reply(MessageType.serviceChanged, v1.ServiceChanged.encode({ old_value: oldValue, new_value: newValue }).finish());
    } else if (type === MessageType.connList && this.connections !== undefined) {
      for (const connection of this.connections) {
        const body = v1.ConnEvent.encodeDelimited(v1.ConnEvent.fromObject(connection)).finish();
        reply(MessageType.connEntry, v1.ConnEntries.encode({ count: 1, body }).finish());
      }
      done();
    } else refuse(95, 'Not supported.');
  }

  private change(request: InstanceType<typeof v1.ServiceChange>): [string, string] {
    const action = v1.ServiceAction.Value[request.action] ?? '';
    const service = formatServiceKey(request.service as ServiceKey);
    const real = request.real === null || request.real === undefined ? undefined : formatServerKey(request.real as never);
    const settings = request.settings.map(({ name, value }) => [name ?? '', value ?? ''] as const);
    this.authors.push(request.for_whom);
    this.changes.push(
      [action, service, ...(real === undefined ? [] : [real]), ...settings.map(([name, value]) => `${name}=${value}`)].join(' '),
    );
    if (action === 'add' && real === undefined) this.add(service, {});
    const found = this.services.get(service);
    if (action === 'add' && real !== undefined) found?.reals.set(real, newReal('1'));
    const target = real === undefined ? found : found?.reals.get(real);
    const before = action === 'add' ? '' : describe(target?.settings);
    for (const [name, value] of settings) target?.settings.set(name, value);
    if (action !== 'remove') return [before, describe(target?.settings)];
    if (real === undefined) this.services.delete(service);
    else found?.reals.delete(real);
    return [before, ''];
  }
}

function newReal(weight: string): FakeReal {
  const settings = new Map([
    ['real_weight', weight],
    ['real_forward', 'masq'],
    ['real_upper', '0'],
    ['real_lower', '0'],
  ]);
  return { settings, active: 0, inactive: 0, persistent: 0 };
}

function describe(settings: ReadonlyMap<string, string> | undefined): string {
  return [...(settings ?? [])].map(([name, value]) => `${name.replace(/^[a-z]+_/, '')}=${value}`).join(' ');
}

function entry({ key, settings, reals }: FakeService): Uint8Array {
  const assignments = (map: ReadonlyMap<string, string>) => [...map].map(([name, value]) => ({ name, value }));
  return v1.ServiceEntry.encode(
    v1.ServiceEntry.fromObject({
      service: key,
      settings: assignments(settings),
      reals: [...reals].map(([real, one]) => ({
        real: parseServerKey(real),
        settings: assignments(one.settings),
        active: one.active,
        inactive: one.inactive,
        persistent: one.persistent,
      })),
    }),
  ).finish();
}
