import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { COMMAND_MS, until } from '../../support/patience.js';
import type { Ran } from './vslog.js';

/** Somebody else than us, to make a namespace as. */
export interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

export interface NamespaceOptions {
  /** Whose it is; default: ours. */
  readonly as?: Identity;
  /** Owned by a user namespace of its own, where its maker is root; default: yes. False takes a real root. */
  readonly user?: boolean;
  /** Another network namespace, whose user namespace this one shall have. */
  readonly beside?: NetworkNamespace;
}

/** A network namespace with a connection tracking of its own. It lives as long as a process of ours in it, and that ends with us. */
export class NetworkNamespace {
  /** Put ahead of a command, it runs in here; the process stays the same. */
  readonly prefix: readonly string[];
  readonly as: Identity;
  private readonly keeper: ChildProcess;
  private readonly started = new Set<ChildProcess>();

  private constructor(keeper: ChildProcess, user: boolean, as: Identity) {
    this.keeper = keeper;
    this.as = as;
    this.prefix = ['nsenter', `--target=${keeper.pid}`, '--net', ...(user ? ['--user', '--preserve-credentials'] : []), '--'];
  }

  /** Fails with the kernel's reason where namespaces may not be made. Loopback is up. */
  static async make({ as = {}, user = true, beside }: NamespaceOptions = {}): Promise<NetworkNamespace> {
    const unshare = ['unshare', ...(user && beside === undefined ? ['--user', '--map-root-user'] : []), '--net'];
    const [command = '', ...args] = [
      ...(beside?.prefix ?? []).filter((word) => word !== '--net'),
      ...unshare,
      'sh',
      '-c',
      'ip link set lo up && echo ready && exec cat',
    ];
    const keeper = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...as });
    let said = '';
    for (const stream of [keeper.stdout, keeper.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    }
    await until('a network namespace', () => {
      if (keeper.exitCode !== null) throw new Error(`No network namespace can be made here: ${said}`);
      return said.includes('ready');
    });
    return new NetworkNamespace(keeper, user, as);
  }

  /** Runs a command in here, which must succeed; its output. */
  run(...command: string[]): string {
    const { code, out, err } = this.tried(command);
    if (code !== 0) throw new Error(`${command.join(' ')}: ${err}`);
    return out;
  }

  tried(command: readonly string[], input: string | Buffer = ''): Ran {
    const [program = '', ...args] = [...this.prefix, ...command];
    const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', input, timeout: COMMAND_MS, ...this.as });
    if (error !== undefined) throw error;
    return { code: status, out: stdout, err: stderr };
  }

  /** Starts a command in here; end() ends it if nobody did. Its standard input is a pipe, which ends with us. */
  start(...command: string[]): ChildProcess {
    const [program = '', ...args] = [...this.prefix, ...command];
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], ...this.as });
    this.started.add(child);
    child.once('exit', () => this.started.delete(child));
    return child;
  }

  /** Adds to the rules, in nft's language. */
  rules(text: string): void {
    const { code, err } = this.tried(['nft', '-f', '-'], text);
    if (code !== 0) throw new Error(err);
  }

  /** Sets switches by their names below net. */
  set(switches: Readonly<Record<string, string | number>>): void {
    this.run('sysctl', '-q', ...Object.entries(switches).map(([name, value]) => `net.${name}=${value}`));
  }

  /** A file of /proc/net, as it is in here. */
  procNet(name: string): string {
    return readFileSync(`/proc/${this.keeper.pid}/net/${name}`, 'utf8');
  }

  /**
   * Has the timer of one flow of each family run out at once; to be called until all that are meant have ended. `which` chooses flows as the conntrack tool does; it cannot
   * reach those in zones.
   */
  runOut(...which: string[]): void {
    // The tool sets the timer and looks at the flow once more. By that look the kernel finds it expired and ends it, and the tool fails.
    for (const family of ['ipv4', 'ipv6']) this.tried(['conntrack', '-U', '-f', family, '--timeout', '0', ...which]);
  }

  /** Flows in the kernel's table. */
  count(): number {
    return Number(this.run('sysctl', '-n', 'net.netfilter.nf_conntrack_count'));
  }

  /** Messages that found no room in the sockets of who listens to netfilter in here, by the kernel's count. */
  dropped(): number {
    const NETFILTER = '12';
    // sk, protocol, port, groups, bytes waiting, 3 more, drops and inode
    const lines = this.procNet('netlink').trimEnd().split('\n').slice(1);
    const sockets = lines.map((line) => line.trim().split(/\s+/));
    return sockets
      .filter(([, protocol, , groups = '']) => protocol === NETFILTER && /[1-9a-f]/.test(groups))
      .reduce((sum, { 8: drops }) => sum + Number(drops), 0);
  }

  /** The inode's number, by which records name a network namespace. */
  get inode(): number {
    return statSync(`/proc/${this.keeper.pid}/ns/net`).ino;
  }

  /** Connects two namespaces; the ends get addresses with prefix lengths. */
  connect(name: string, address: string, other: NetworkNamespace, otherName: string, otherAddress: string): void {
    this.run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', otherName, 'netns', String(other.keeper.pid));
    this.run('ip', 'address', 'add', address, 'dev', name);
    this.run('ip', 'link', 'set', name, 'up');
    other.run('ip', 'address', 'add', otherAddress, 'dev', otherName);
    other.run('ip', 'link', 'set', otherName, 'up');
  }

  async end(): Promise<void> {
    await Promise.all([...this.started, this.keeper].map(killed));
  }
}

function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  return exited;
}
