import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Program } from './processes.js';
import { ROOT } from './setup.js';

export const FLOWS = join(ROOT, 'build/native/bench/storm-flows');

/** Loopback, a rule that wants the state of connections (without one the kernel tracks nothing), and no answer to the datagrams; a flow ends a second after its only one. */
const SCRIPT = `
set -e
ip link set lo up
nft -f - <<'END'
table ip storm {
  chain output { type filter hook output priority 0; ct state new accept; }
  chain input { type filter hook input priority 0; meta l4proto udp drop; }
}
END
cd /proc/sys/net/netfilter
echo 1 >nf_conntrack_udp_timeout
echo 1 >nf_conntrack_udp_timeout_stream
# Also where the system's setting is off; 2 is "when somebody listens", and older kernels have only 1.
echo 1 >nf_conntrack_events
echo ready
exec sleep infinity`;

export interface Storm {
  /** Flows that were opened; each is a NEW and a DESTROY. */
  readonly flows: number;
  /** Spent opening them, without the waiting for their ends. */
  readonly seconds: number;
}

/** A network namespace that has a connection tracking of its own and lives as long as a process of ours in it. */

export class Namespace {
  private readonly keeper: Program;

  private constructor(keeper: Program) {
    this.keeper = keeper;
  }

  static async make(): Promise<Namespace> {
    if (process.getuid?.() !== 0) throw new Error('storm makes a network namespace and large socket buffers: run it as root');
    // The signal: even a benchmark that was killed leaves no namespace behind.
    const keeper = new Program('setpriv', ['--pdeathsig', 'KILL', 'unshare', '--net', 'sh', '-c', SCRIPT]);
    await keeper.saying(/^ready/m);
    return new Namespace(keeper);
  }

  /** What to put ahead of a command so that it runs in here; the process stays the same. */
  get prefix(): readonly string[] {
    return ['nsenter', `--net=/proc/${this.keeper.pid}/ns/net`];
  }

  /** Opens the flows and waits until the kernel's table is empty again. */
  async storm(flows: number, rate: number | undefined): Promise<Storm> {
    const before = this.refused();
    const [command = '', ...args] = [...this.prefix, FLOWS, '--flows', String(flows), '--rate', String(rate ?? 0)];
    const generator = new Program(command, args);
    const [line] = await generator.saying(/^\{.*\}$/m);
    const made = JSON.parse(line) as Storm;
    const refused = this.refused() - before;
    if (refused !== 0) throw new Error(`the kernel refused ${refused} of the flows, so what was offered is not known`);
    return made;
  }

  /** Whether anybody listens to events of connections in here. */
  listens(): boolean {
    return this.listeners().length > 0;
  }

  /** Bytes that wait in the sockets of all who listen. */
  waiting(): number {
    return this.listeners().reduce((sum, [, , , , bytes]) => sum + Number(bytes), 0);
  }

  /** Events that found no room in the sockets of those who listen now. */
  dropped(): number {
    return this.listeners().reduce((sum, [, , , , , , , , drops]) => sum + Number(drops), 0);
  }

  async end(): Promise<void> {
    this.keeper.child.kill('SIGKILL');
    await this.keeper.stop();
  }

  /** Lines of netlink's table: sk, protocol, port, groups, bytes waiting, 3 more, drops and inode. */
  private listeners(): string[][] {
    const NETFILTER = '12';
    const [, ...lines] = readFileSync(`/proc/${this.keeper.pid}/net/netlink`, 'utf8').trimEnd().split('\n');
    return lines
      .map((line) => line.trim().split(/\s+/))
      .filter(([, protocol, , groups = '']) => protocol === NETFILTER && /[1-9a-f]/.test(groups));
  }

  /** Packets that the kernel dropped because it had no place for their flow. */
  private refused(): number {
    const [head = '', ...cpus] = readFileSync(`/proc/${this.keeper.pid}/net/stat/nf_conntrack`, 'utf8').trimEnd().split('\n');
    const column = head.trim().split(/\s+/).indexOf('drop');
    return cpus.reduce((sum, line) => sum + Number.parseInt(line.trim().split(/\s+/)[column] ?? '', 16), 0);
  }
}
