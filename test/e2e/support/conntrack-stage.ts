import { ConntrackCapture } from './conntrack-capture.js';
import { type NamespaceOptions, NetworkNamespace } from './network-namespace.js';

/** How events come from the kernel, and in what kind of namespace. */
export interface World {
  readonly name: string;
  readonly user: boolean;
  readonly args: readonly string[];
}

export const SOCKET: World = { name: 'socket, in a user namespace', user: true, args: ['--conntrack-delivery', 'socket'] };
/** A program in the kernel takes a real root. */
export const RING: World = { name: 'ring, as root', user: false, args: ['--conntrack-delivery', 'ring'] };

export const WORLDS: readonly World[] = process.getuid?.() === 0 ? [SOCKET, RING] : [SOCKET];

/** Asks the kernel to track connections, and has nobody answer the datagrams that are many flows. */
export const TRACK = `
table inet track {
  chain output { type filter hook output priority 0; ct state new accept; }
  chain input { type filter hook input priority 0; udp dport 30000-65535 drop; }
}`;

/** No flow ends by itself while a test makes it or looks at it, however slow the machine is; runOut() lets their timers run out. */
export const LONG = Object.fromEntries(
  [
    'icmp_timeout',
    'icmpv6_timeout',
    'udp_timeout',
    'udp_timeout_stream',
    ...['syn_sent', 'syn_recv', 'fin_wait', 'close_wait', 'last_ack', 'time_wait', 'close'].map((state) => `tcp_timeout_${state}`),
  ].map((name) => [`netfilter.nf_conntrack_${name}`, 86_400]),
);

/** What a test has started; clean() ends it all. */
export class Stage {
  private readonly world: World;
  private readonly namespaces: NetworkNamespace[] = [];
  private readonly captures: ConntrackCapture[] = [];

  constructor(world: World = SOCKET) {
    this.world = world;
  }

  /** A network namespace with nothing but loopback and addresses on it. */
  async bare(addresses: readonly string[] = [], options: NamespaceOptions = {}): Promise<NetworkNamespace> {
    const namespace = await NetworkNamespace.make({ user: this.world.user, ...options });
    this.namespaces.push(namespace);
    for (const address of addresses)
      namespace.run('ip', 'address', 'add', address, 'dev', 'lo', ...(address.includes(':') ? ['nodad'] : []));
    return namespace;
  }

  /** One that tracks connections and tells the end of each, which comes only when it is asked for. */
  async tracking(addresses: readonly string[] = []): Promise<NetworkNamespace> {
    const namespace = await this.bare(addresses);
    namespace.rules(TRACK);
    namespace.set({ ...LONG, 'netfilter.nf_conntrack_events': 1 });
    return namespace;
  }

  async capture(namespace: NetworkNamespace, ...args: string[]): Promise<ConntrackCapture> {
    const capture = await ConntrackCapture.start(namespace, ...this.world.args, ...args);
    this.captures.push(capture);
    return capture;
  }

  async clean(): Promise<void> {
    for (const capture of this.captures) await capture.clean();
    for (const namespace of this.namespaces) await namespace.end();
  }
}
