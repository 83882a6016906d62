import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type GuestFile, makeImage } from './image.js';
import type { Kernel } from './kernel.js';

/** How long a boot may take, ms: 10 s are usual, but machines are shared. */
const BOOT_PATIENCE = 180_000;
const END_OF_SCRIPT = '__END_OF_SCRIPT__';
const GREETING = '__READY__\n';
const GREETING_PATIENCE = 10_000;
const GREETING_TRIES = 12;

export interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** A port that nobody listens on now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

export interface MachineOptions {
  /** Default 1536. */
  readonly memoryMiB?: number;
  /** The host's files can be mounted in the guest, to read: 9p, tag "host". */
  readonly shareHost?: boolean;
}

/** A running virtual machine with a real kernel. */
export class Machine {
  private readonly bridges: Server[] = [];
  private readonly sockets = new Set<Socket>();

  readonly kernel: Kernel;
  readonly consoleLog: string;
  private readonly qemu: ChildProcess;
  private readonly agentPort: number;
  private readonly bridgePort: number;

  private constructor(kernel: Kernel, qemu: ChildProcess, agentPort: number, bridgePort: number, consoleLog: string) {
    this.kernel = kernel;
    this.qemu = qemu;
    this.agentPort = agentPort;
    this.bridgePort = bridgePort;
    this.consoleLog = consoleLog;
  }

  /** Boots the kernel under software emulation; resolves when the machine takes commands. `cache` holds images and the console's log. */
  static async boot(kernel: Kernel, files: readonly GuestFile[], cache: string, more: MachineOptions = {}): Promise<Machine> {
    mkdirSync(cache, { recursive: true });
    const image = makeImage(kernel, files, cache);
    const [agentPort, bridgePort] = [await freePort(), await freePort()];
    const log = join(cache, `console-${kernel.release}-${agentPort}.log`);
    const qemu = spawn(
      'qemu-system-x86_64',
      [
        ...[
          '-accel',
          'tcg,thread=multi',
          '-cpu',
          'max',
          '-smp',
          '2',
          '-m',
          String(more.memoryMiB ?? 1536),
          '-display',
          'none',
          '-no-reboot',
          '-serial',
          'stdio',
          '-monitor',
          'none',
        ],
        ...['-kernel', kernel.image, '-initrd', image, '-append', 'console=ttyS0 quiet panic=-1 mitigations=off rdinit=/init'],
        ...['-netdev', `user,id=host,restrict=on,hostfwd=tcp:127.0.0.1:${agentPort}-:7001,hostfwd=tcp:127.0.0.1:${bridgePort}-:7002`],
        ...['-device', 'e1000,netdev=host'],
        ...(more.shareHost === true ? ['-virtfs', 'local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap'] : []),
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    process.once('exit', () => qemu.kill('SIGKILL'));
    const file = createWriteStream(log);
    qemu.stdout.pipe(file, { end: false });
    qemu.stderr.pipe(file, { end: false });
    const machine = new Machine(kernel, qemu, agentPort, bridgePort, log);
    const failed = new Promise<never>((_, reject) => {
      qemu.once('error', (error) => reject(new Error(`qemu-system-x86_64 could not be started: ${error.message}`)));
      qemu.once('exit', (code) => reject(new Error(`the machine with ${kernel.release} stopped (${code}); its console is in ${log}`)));
    });
    failed.catch(() => undefined);
    await Promise.race([machine.untilReady(), failed]);
    return machine;
  }

  private async untilReady(): Promise<void> {
    const end = Date.now() + BOOT_PATIENCE;
    while (Date.now() < end) {
      const agent = await this.greeted();
      agent?.destroy();
      if (agent !== undefined) return;
      await sleep(300);
    }
    await this.stop();
    throw new Error(`the machine with ${this.kernel.release} did not come up; its console is in ${this.consoleLog}`);
  }

  /** Runs a bash script in the machine as root. Rejects when the machine does not answer within `patience` ms. */
  async run(script: string, patience = 120_000): Promise<Outcome> {
    // The emulated network sometimes loses a connection while it is made. As long as the agent has not greeted, nothing has run, and another try is safe.
    for (let attempt = 1; ; ++attempt) {
      const agent = await this.greeted();
      if (agent !== undefined) return this.converse(agent, script, patience);
      if (attempt === GREETING_TRIES) throw new Error(`the machine's agent did not greet in ${GREETING_TRIES} connections`);
    }
  }

  /** A connection whose agent has greeted, or nothing. */
  private greeted(): Promise<Socket | undefined> {
    return new Promise((resolve) => {
      const socket = connect(this.agentPort, '127.0.0.1');
      let said = '';
      const end = (result: Socket | undefined): void => {
        clearTimeout(timer);
        socket.removeAllListeners();
        if (result === undefined) socket.destroy();
        resolve(result);
      };
      const timer = setTimeout(() => end(undefined), GREETING_PATIENCE);
      socket.on('error', () => end(undefined));
      socket.on('close', () => setTimeout(() => end(undefined), 200));
      socket.on('data', (chunk) => {
        said += chunk.toString();
        if (said.includes(GREETING)) end(socket);
      });
    });
  }

  private converse(socket: Socket, script: string, patience: number): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      const timer = setTimeout(
        () => socket.destroy(new Error(`the machine did not answer within ${patience} ms to: ${script.slice(0, 200)}`)),
        patience,
      );
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.on('error', reject);
      socket.on('close', () => {
        clearTimeout(timer);
        const text = Buffer.concat(chunks).toString();
        const mark = /\n__EXIT__ (\d+)\n?$/.exec(text);
        if (mark === null) reject(new Error(`the machine broke off: ${text.slice(-300)}`));
        else resolve({ code: Number(mark[1]), output: text.slice(0, mark.index).trimEnd() });
      });
      socket.write(`${script}\n${END_OF_SCRIPT}\n`);
    });
  }

  /** As run(), but an exit code other than 0 is an error with the script's output. Returns the output. */
  async must(script: string, patience?: number): Promise<string> {
    const { code, output } = await this.run(script, patience);
    if (code !== 0) throw new Error(`in the machine, exit ${code}: ${script.trim()}\n${output}`);
    return output;
  }

  /** A unix socket on the host that leads to one in the machine. */
  async bridge(path: string, guestPath = '/run/vslog/capture.sock'): Promise<void> {
    const server = createServer((outer) => {
      const inner = connect(this.bridgePort, '127.0.0.1');
      inner.write(`${guestPath}\n`);
      for (const socket of [outer, inner]) {
        this.sockets.add(socket);
        socket.on('close', () => this.sockets.delete(socket));
      }
      outer.on('error', () => inner.destroy()).on('close', () => inner.destroy());
      inner.on('error', () => outer.destroy()).on('close', () => outer.destroy());
      outer.pipe(inner);
      inner.pipe(outer);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    this.bridges.push(server);
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    for (const server of this.bridges) server.close();
    if (this.qemu.exitCode !== null || this.qemu.signalCode !== null) return;
    const gone = new Promise((resolve) => this.qemu.once('exit', resolve));
    this.qemu.removeAllListeners('error');
    this.qemu.kill('SIGKILL');
    await gone;
  }
}
