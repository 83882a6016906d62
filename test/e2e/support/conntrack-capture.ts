import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { eventsOf } from '../../../src/cli/event.js';
import { plainEvent } from '../../../src/cli/event-json.js';
import { CaptureClient } from '../../../src/wire/client.js';
import { EVERY_CONNECTION } from '../../../src/wire/conn-filter.js';
import { freeze } from '../../support/freeze.js';
import { until, WAIT_MS } from '../../support/patience.js';
import { keepLogOf } from '../../support/process-logs.js';
import type { MadeFlow } from './flows.js';
import type { NetworkNamespace } from './network-namespace.js';
import type { Ran } from './vslog.js';

export const CAPTURE = join(import.meta.dirname, '../../../build/native/vslog-capture');

/** A record as JSON for people has it, as far as it matters here. */
export interface Told extends MadeFlow {
  readonly record: 'conn' | 'control';
  readonly kind: string;
  readonly epoch: string;
  readonly time: string;
  readonly sequence: number;
  readonly conn_id: string;
  readonly created: string;
  readonly duration_ns: number;
  readonly reason: string;
  readonly flags: number;
  readonly state: number;
  readonly mark: number;
  readonly labels: string;
  readonly netns: number;
  readonly packets_in: number;
  readonly bytes_in: number;
  readonly packets_out: number;
  readonly bytes_out: number;
  readonly timeout_ms: number;
  // of control records
  readonly where: string;
  readonly lost: number;
  readonly detail: string;
}

/** Says whether source conntrack can run with these arguments. */
export function check(namespace: NetworkNamespace, ...args: string[]): Ran {
  return namespace.tried([CAPTURE, '--source', 'conntrack', '--check', ...args]);
}

/** A capture in a network namespace, and a subscriber that has all that it tells. */
export class ConntrackCapture {
  /** Everything that was told, in order. */
  readonly told: Told[] = [];
  /** What it printed. */
  said = '';
  private readonly dir = mkdtempSync(join(tmpdir(), 'vslog-e2e-'));
  private readonly namespace: NetworkNamespace;
  private readonly args: readonly string[];
  private child: ReturnType<NetworkNamespace['start']> | undefined;
  private client: CaptureClient | undefined;

  private readonly byName = new Map<string, Told[]>();

  private constructor(namespace: NetworkNamespace, args: readonly string[]) {
    this.namespace = namespace;
    this.args = args;
    const { uid, gid } = namespace.as;
    if (uid !== undefined) chownSync(this.dir, uid, gid ?? uid);
  }

  static async start(namespace: NetworkNamespace, ...args: string[]): Promise<ConntrackCapture> {
    const capture = new ConntrackCapture(namespace, args);
    await capture.begin();
    return capture;
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  /** Starts it, again if it has ended, and subscribes. */
  async begin(): Promise<void> {
    const socket = join(this.dir, 'capture.sock');
    const own = ['--with-parent', '--node', 'test', '--socket', socket, '--journal', join(this.dir, 'journal'), '--journal-size', '8M'];
    const child = this.namespace.start(CAPTURE, '--source', 'conntrack', ...own, ...this.args);
    this.child = child;
    this.said = '';
    keepLogOf('vslog-capture', () => this.said);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.said += text;
      });
    }
    await until('the capture is ready', () => {
      this.mustRun();
      return /ready/.test(this.said);
    });
    const client = new CaptureClient({
      path: socket,
      timeoutMs: WAIT_MS,
      handlers: {
        onBatch: (batch) => {
          for (const event of eventsOf(batch)) this.take(plainEvent(event) as unknown as Told);
          client.ack({ epoch: batch.epoch, sequence: batch.last });
        },
      },
    });
    this.client = client;
    await client.connect();
    const last = this.told.at(-1);
    await client.subscribeDurable('test', last === undefined ? undefined : { epoch: last.epoch, sequence: BigInt(last.sequence) });
  }

  /** Ends the capture, by a signal; begin() starts it again. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const exited = once(child, 'exit') as Promise<[number | null]>;
    child.kill(signal);
    const [code] = await exited;
    this.client?.close();
    return code;
  }

  /** Has it stand still, until goOn(). */
  standStill(): Promise<void> {
    return freeze(this.child?.pid);
  }

  goOn(): void {
    this.child?.kill('SIGCONT');
  }

  /** Ends it and removes what it kept. */
  async clean(): Promise<void> {
    await this.stop('SIGKILL');
    this.client?.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Records about a flow, in order. */
  of(flow: MadeFlow): Told[] {
    return this.byName.get(nameOf(flow)) ?? [];
  }

  kindsOf(flow: MadeFlow): string[] {
    return this.of(flow).map(({ kind }) => kind);
  }

  /** Losses that were told. */
  losses(): Told[] {
    return this.told.filter(({ kind }) => kind === 'loss');
  }

  /** Waits until something has been told. */
  async tells<T>(what: string, find: () => T | undefined | false): Promise<T> {
    return until(what, () => {
      this.mustRun();
      return find() || undefined;
    });
  }

  /** Waits until the flows have been told of, by a record of this kind. */
  async tellsKind(kind: string, ...flows: MadeFlow[]): Promise<void> {
    await this.tells(`${kind} of ${flows.slice(0, 10).map(nameOf).join(', ')}`, () =>
      flows.every((flow) => this.kindsOf(flow).includes(kind)),
    );
  }

  /** Has the timers of all flows run out, and waits until these flows' ends have been told. Those in zones are left out. */
  async tellsEnds(...flows: MadeFlow[]): Promise<void> {
    await this.tells(`ends of ${flows.map(nameOf).join(', ')}`, () => {
      if (flows.every((flow) => this.kindsOf(flow).includes('expire'))) return true;
      this.namespace.runOut();
      return false;
    });
  }

  /** Has the kernel forget every flow, and waits until these flows' ends have been told. */
  async tellsFlush(...flows: MadeFlow[]): Promise<void> {
    this.namespace.run('conntrack', '-F');
    await this.tellsKind('expire', ...flows);
  }

  /** The connections that are open now, as the capture lists them. */
  async list(): Promise<Told[]> {
    const found: Told[] = [];
    await this.client?.listConnections(EVERY_CONNECTION, (event) => {
      found.push(plainEvent({ node: '', epoch: '', record: 'conn', event }) as unknown as Told);
    });
    return found;
  }

  /** Each flow was told as it was made: one beginning, one end for this reason, in this order and by one id; and no other flow was told. */
  expectWhole(flows: readonly MadeFlow[], { begin = 'create', reason = 'timeout' } = {}): void {
    const ids = new Set<string>();
    for (const flow of flows) {
      const told = this.of(flow);
      const [first, last] = told;
      expect(told, nameOf(flow)).toMatchObject([
        { ...flow, kind: begin, reason: 'none', netns: this.namespace.inode },
        {
          ...flow,
          kind: 'expire',
          reason,
          netns: this.namespace.inode,
          conn_id: first?.conn_id,
          epoch: first?.epoch,
          created: first?.created,
        },
      ]);
      expect((last?.sequence ?? 0) - (first?.sequence ?? 0)).toBeGreaterThan(0);
      expect([first?.time, last?.time]).toEqual([first?.time, last?.time].sort());
      ids.add(first?.conn_id ?? '0');
    }
    expect(ids.has('0')).toBe(false);
    expect(ids.size).toBe(flows.length);
    this.expectOnly(flows);
  }

  /** Of no other flow anything was told. */
  expectOnly(flows: readonly MadeFlow[]): void {
    const names = new Set(flows.map(nameOf));
    const others = this.told.filter((told) => told.record === 'conn' && !isTrial(told)).map(nameOf);
    expect(others.filter((name) => !names.has(name))).toEqual([]);
  }

  private take(told: Told): void {
    this.told.push(told);
    if (told.record !== 'conn') return;
    const same = this.byName.get(nameOf(told));
    if (same === undefined) this.byName.set(nameOf(told), [told]);
    else same.push(told);
  }

  private mustRun(): void {
    if (this.child?.exitCode !== null || this.child.signalCode !== null) throw new Error(`The capture ended: ${this.said}`);
  }
}

export function nameOf(flow: MadeFlow): string {
  return `${flow.protocol} ${flow.client_addr} ${flow.client_port} > ${flow.virtual_addr} ${flow.virtual_port} zone ${flow.zone}`;
}

/** A capture tries whether anything is tracked by a datagram to itself. */
function isTrial({ client_addr, client_port, virtual_addr, virtual_port }: MadeFlow): boolean {
  return client_addr === '127.0.0.1' && virtual_addr === client_addr && virtual_port === client_port;
}
