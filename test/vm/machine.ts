import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { freePorts } from '../support/ports.js';
import { type GuestFile, makeImage } from './image.js';
import type { Kernel } from './kernel.js';
import { greeted, Session, withInput } from './session.js';

export interface Outcome {
  readonly code: number;
  readonly output: string;
}

export interface MachineOptions {
  /** Default 1536. */
  readonly memoryMiB?: number;
  /** Of the console's log. Default: the kernel's release. */
  readonly name?: string;
  /** The host's files can be mounted in the guest, to read: 9p, tag "host". */
  readonly shareHost?: boolean;
}

const LAST_LINES = 80;

/** The kernel's command line. */
const COMMAND_LINE = [
  ...['console=ttyS0', 'quiet', 'panic=-1', 'oops=panic', 'rdinit=/init', 'mitigations=off'],
  // An emulator translates a program once for each place where it is found: with addresses by chance a start costs twice as much.
  'norandmaps',
  // On a busy host an interrupt comes too late for a kernel that counts: it would refuse to go on, or complain.
  ...['no_timer_check', 'nowatchdog', 'rcupdate.rcu_cpu_stall_suppress=1'],
  // Three seconds of the boot.
  'cryptomgr.notests',
];

/** The kernel died before the machine took commands, or somebody ended it. */
export class DiedAtBoot extends Error {
  /** The last lines of its console. */
  readonly said: readonly string[];

  constructor(message: string, said: readonly string[]) {
    super(message);
    this.said = said;
  }
}

/** A running virtual machine with a real kernel. */
export class Machine {
  private readonly bridges: Server[] = [];
  private readonly sockets = new Set<Socket>();

  readonly kernel: Kernel;
  readonly consoleLog: string;
  private readonly qemu: ChildProcess;
  private readonly sessionPort: number;
  private readonly bridgePort: number;
  /** Resolves when it is there no more: its kernel died, or somebody ended it. */
  readonly gone: Promise<void>;
  private panicked = false;
  private readonly killAtExit = (): void => void this.qemu.kill('SIGKILL');

  private constructor(kernel: Kernel, qemu: ChildProcess, sessionPort: number, bridgePort: number, consoleLog: string) {
    this.kernel = kernel;
    this.qemu = qemu;
    this.sessionPort = sessionPort;
    this.bridgePort = bridgePort;
    this.consoleLog = consoleLog;
    this.gone = new Promise((resolve) => qemu.once('exit', () => resolve()));
    process.once('exit', this.killAtExit);
  }

  /** Boots the kernel under software emulation; resolves when the machine takes commands. `cache` holds images and the console's log. Rejects with DiedAtBoot, too. */
  static async boot(kernel: Kernel, files: readonly GuestFile[], cache: string, more: MachineOptions = {}): Promise<Machine> {
    mkdirSync(cache, { recursive: true });
    const image = makeImage(kernel, files, cache);
    const [sessionPort = 0, bridgePort = 0] = await freePorts(2);
    const log = join(cache, `console-${more.name ?? kernel.release}.log`);
    const qemu = spawn(
      'qemu-system-x86_64',
      [
        ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', String(more.memoryMiB ?? 1536)],
        ...['-nodefaults', '-display', 'none', '-no-reboot', '-serial', 'stdio'],
        ...['-kernel', kernel.image, '-initrd', image, '-append', COMMAND_LINE.join(' ')],
        ...['-netdev', `user,id=host,restrict=on,hostfwd=tcp:127.0.0.1:${sessionPort}-:7001,hostfwd=tcp:127.0.0.1:${bridgePort}-:7002`],
        ...['-device', 'e1000,netdev=host,romfile='],
        ...(more.shareHost === true ? ['-virtfs', 'local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap'] : []),
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const machine = new Machine(kernel, qemu, sessionPort, bridgePort, log);
    const file = createWriteStream(log).on('error', ({ message }) => {
      // The machine goes on, and so does what is looked for in its words.
      console.log(`  ${log}: ${message}`);
      qemu.stderr.resume();
    });
    qemu.stdout.pipe(file, { end: false });
    qemu.stdout.on('data', (said: Buffer) => {
      if (!said.includes('Kernel panic')) return;
      machine.panicked = true;
      for (const socket of machine.sockets) socket.destroy();
      qemu.kill('SIGKILL');
    });
    qemu.stderr.pipe(file, { end: false });
    const failed = new Promise<never>((_, reject) => {
      qemu.once('error', (error) => reject(new Error(`qemu-system-x86_64: ${error.message}`)));
      qemu.once('exit', (code, signal) => reject(new Error(`the machine ended (${code ?? signal}); its console is in ${log}`)));
    });
    try {
      await Promise.race([machine.session().then((session) => session.close()), failed]);
    } catch (error) {
      const died = machine.panicked || qemu.signalCode !== null;
      await machine.stop();
      throw died ? new DiedAtBoot(String(error instanceof Error ? error.message : error), machine.consoleLines(LAST_LINES)) : error;
    }
    failed.catch(() => undefined);
    return machine;
  }

  /** False: its kernel died, or somebody ended it. */
  readonly isThere = (): boolean => this.qemu.exitCode === null && this.qemu.signalCode === null && !this.panicked;

  /** The last lines that the console has said, as far as they could be written. */
  consoleLines(most: number): string[] {
    try {
      return readFileSync(this.consoleLog, 'utf8').trimEnd().split('\n').slice(-most);
    } catch (error) {
      return [String(error)];
    }
  }

  /** A conversation of its own with the guest's hand. */
  async session(): Promise<Session> {
    const what = `the machine with ${this.kernel.release} (its console is in ${this.consoleLog})`;
    return new Session(await greeted(this.sessionPort, what, this.isThere));
  }

  /** Runs a bash script in the machine as root. Rejects when the machine does not answer, as Session.batch() does. */
  async run(script: string): Promise<Outcome> {
    const session = await this.session();
    try {
      const said = await session.batch([withInput('script', script)]);
      const end = said.indexOf('\n');
      return { code: Number(said.slice(0, end)), output: said.slice(end + 1).trimEnd() };
    } finally {
      session.close();
    }
  }

  /** As run(), but an exit code other than 0 is an error with the script's output. Returns the output. */
  async must(script: string): Promise<string> {
    const { code, output } = await this.run(script);
    if (code !== 0) throw new Error(`in the machine, exit ${code}: ${script.trim()}\n${output}`);
    return output;
  }

  /** A unix socket on the host that leads to one in the machine. */
  async bridge(path: string, guestPath = '/run/vslog/capture.sock'): Promise<void> {
    const server = createServer((outer) => {
      this.watch(outer);
      greeted(this.bridgePort, 'the bridge into the machine', this.isThere).then(
        (inner) => {
          this.watch(inner);
          inner.write(`${guestPath}\n`);
          outer.on('close', () => inner.destroy());
          inner.on('error', () => outer.destroy()).on('close', () => outer.destroy());
          if (outer.destroyed) inner.destroy();
          outer.pipe(inner);
          inner.pipe(outer);
        },
        () => outer.destroy(),
      );
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    this.bridges.push(server);
  }

  private watch(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => this.sockets.delete(socket));
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    for (const server of this.bridges) server.close();
    if (this.qemu.pid !== undefined && this.qemu.exitCode === null && this.qemu.signalCode === null) {
      const gone = new Promise((resolve) => this.qemu.once('exit', resolve));
      this.qemu.kill('SIGKILL');
      await gone;
    }
    process.removeListener('exit', this.killAtExit);
  }
}
