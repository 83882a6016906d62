import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaptureClient, type SourceStatus } from '../../../src/wire/client.js';
import { toBigInt } from '../../../src/wire/proto.js';
import { Up, Vslog } from '../../e2e/support/vslog.js';
import { until, WAIT_MS } from '../../support/patience.js';
import { freePort, freePorts } from '../../support/ports.js';
import { program } from '../../support/program.js';
import type { Attack, Outcome } from './attacker.js';

const CAPTURE = join(import.meta.dirname, '../../../build/native/vslog-capture');

/** The group whose members may look, and that of the collector. Numbers are enough: the kernel knows no names. */
export const READERS = 45_000;
export const KEEPERS = 65_534;

/** What the capture says of itself. */
export interface Account {
  readonly state: string;
  readonly longestAwayMs: number;
  readonly rssMiB: number;
  readonly events: number;
  readonly unlogged: number;
  readonly durable: SourceStatus['durable'];
}

/** A capture of root's, with a socket that everybody reaches. */
export class Stage {
  /** Of root, as is the capture. */
  private readonly place = mkdtempSync(join(tmpdir(), 'vslog-attack-'));
  readonly socket = join(this.place, 'capture.sock');
  readonly vslog = new Vslog(undefined, { VSLOG_CAPTURE_SOCKET: this.socket, VSLOG_STORE_KIND: 'none' });
  private readonly attackers: ChildProcess[] = [];
  private readonly sockets = new Set<Socket>();
  private capture: Up | undefined;
  private child: ChildProcess | undefined;
  private server: Server | undefined;
  /** Of the virtual service. */
  port = 0;

  async start(...args: string[]): Promise<void> {
    chmodSync(this.place, 0o755);
    const own = ['--socket', this.socket, '--socket-group', String(READERS), '--collector-group', String(KEEPERS), '--journal'];
    this.child = spawn(CAPTURE, [...own, join(this.place, 'journal'), '--journal-size', '8M', '--source', 'engine', ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.capture = new Up(this.child);
    await this.capture.says(/ready/);
  }

  /** A server that says hello, behind the balancer. */
  async balance(...args: string[]): Promise<void> {
    this.server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => undefined);
      socket.end('hello');
    });
    const real = await freePort();
    await new Promise<void>((resolve) => this.server?.listen(real, '127.0.0.1', resolve));
    [this.port = 0] = await freePorts(1);
    await this.start('--service', `tcp://127.0.0.1:${this.port}`, '--real', `127.0.0.1:${real}`, ...args);
  }

  /** One client of the balancer, from its beginning to its end. Rejects when it was not served. */
  client(): Promise<void> {
    return new Promise((resolve, reject) => {
      let said = '';
      const socket = connect(this.port, '127.0.0.1');
      socket.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      socket.once('error', reject);
      socket.once('close', () => (said === 'hello' ? resolve() : reject(new Error(`A client was told ${JSON.stringify(said)}.`))));
    });
  }

  async clients(count: number, atOnce = 20): Promise<void> {
    for (let left = count; left > 0; left -= atOnce) await Promise.all(Array.from({ length: Math.min(left, atOnce) }, () => this.client()));
  }

  collect(): Up {
    return this.vslog.start('collect');
  }

  /** Starts attackers; resolves when they are under way. Their end: `finish` of what it returns. */
  async attack(attack: Omit<Attack, 'socket'>): Promise<{ finish(): Promise<Outcome> }> {
    const path = await program(join(import.meta.dirname, 'attacker.ts'));
    const child = spawn(process.execPath, [path, JSON.stringify({ ...attack, socket: this.socket })], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.attackers.push(child);
    const up = new Up(child);
    await up.says(/under way/);
    return {
      async finish() {
        child.stdin.end();
        await up.ended;
        const [, text] = /under way\n(\{.*\})/.exec(up.said) ?? [];
        if (text === undefined) throw new Error(`The attacker said: ${up.said}`);
        return JSON.parse(text) as Outcome;
      },
    };
  }

  /** A session of root's. */
  async asRoot<T>(action: (client: CaptureClient) => Promise<T>): Promise<T> {
    const client = new CaptureClient({ path: this.socket, timeoutMs: WAIT_MS });
    try {
      await client.connect();
      return await action(client);
    } finally {
      client.close();
    }
  }

  account(): Promise<Account> {
    return this.asRoot(async (client) => {
      const status = await client.sourceStatus();
      return {
        state: status.state,
        longestAwayMs: Number(toBigInt(status.longest_away_ns)) / 1e6,
        rssMiB: Number(toBigInt(status.rss_bytes)) / 2 ** 20,
        events: Number(toBigInt(status.events)),
        unlogged: Number(toBigInt(status.unlogged)),
        durable: status.durable,
      };
    });
  }

  /** Waits until what the capture says of itself is so. */
  accounts(what: string, so: (account: Account) => boolean): Promise<Account> {
    return until(what, async () => {
      const account = await this.account();
      return so(account) && account;
    });
  }

  async stop(): Promise<void> {
    for (const child of this.attackers) child.kill('SIGKILL');
    for (const socket of this.sockets) socket.destroy();
    this.server?.close();
    if (this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null) {
      const exited = once(this.child, 'exit');
      this.child.kill('SIGKILL');
      await exited;
    }
    this.vslog.clean();
    rmSync(this.place, { recursive: true, force: true });
  }
}
