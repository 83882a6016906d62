import { hostname } from 'node:os';
import { clickhouseOptions } from './clickhouse-options.js';
import { consoleOptions } from './console-options.js';
import { fileOptions } from './file-options.js';
import { kafkaOptions } from './kafka-options.js';
import { metricsOptions } from './metrics-options.js';
import { bool, bytes, type CommandName, duration, endpoint, int, type Machine, type Option, oneOf, path, text } from './option.js';
import { storeOptions } from './store-options.js';

const K = 1024;
const M = 1024 * K;
const G = 1024 * M;
const SECOND = 1000;
const HOUR = 3600 * SECOND;

const capture: readonly CommandName[] = ['capture', 'up'];
const collector: readonly CommandName[] = ['collect', 'up'];
/** Commands that ask the running collector. */
const clients: readonly CommandName[] = [...collector, 'tail', 'sql', 'status', 'console', 'verify', 'replay', 'erase', 'doctor', 'clock'];

/** Where sockets and what lasts one boot are. */
export function runtimeDir(machine: Machine): string {
  if (machine.root) return '/run/vslog';
  const runtime = machine.env.XDG_RUNTIME_DIR;
  return runtime !== undefined && runtime !== '' ? `${runtime}/vslog` : `/tmp/vslog-${machine.uid}`;
}

/** Where the collector's socket is. Of root a folder of its own: the collector may be another user than the capture. As in deploy/systemd/vslog.toml. */
export function collectorRuntimeDir(machine: Machine): string {
  return machine.root ? '/run/vslog-collector' : runtimeDir(machine);
}

/** Where what lasts is. */
export function stateDir(machine: Machine): string {
  if (machine.root) return '/var/lib/vslog';
  const state = machine.env.XDG_STATE_HOME;
  return state !== undefined && state !== '' ? `${state}/vslog` : `${machine.home}/.local/state/vslog`;
}

const runtimeDoc = (name: string): string =>
  `\`/run/vslog/${name}\`; without root \`$XDG_RUNTIME_DIR/vslog/${name}\`, or \`/tmp/vslog-UID/${name}\``;

/** Every option there is, in the order of the documentation. The key is its place in the file, the environment's name follows from it. */
export const schema = {
  'capture.source': oneOf(['auto', 'ipvs', 'conntrack', 'engine', 'scripted'], {
    default: 'auto',
    doc: 'What the events come from.',
    more: '`ipvs` is the kernel’s ip_vs. `conntrack` is its connection tracking: flows of NAT rules, of a firewall, of IPVS with `net.ipv4.vs.conntrack`. `engine` is a balancer of vslog’s own with the same semantics, unprivileged, for the services of `[[service]]`; without any `up` and `capture` bring a small demonstration. `auto` is the first of `ipvs`, `conntrack` and `engine` that can run and has something to record here. `scripted` makes events up, for tests.',
    flag: 'source',
    native: 'source',
    commands: capture,
  }),
  'capture.socket': path({
    default: (machine) => `${runtimeDir(machine)}/capture.sock`,
    defaultDoc: runtimeDoc('capture.sock'),
    doc: 'The unix socket of the capture: where it listens and where the collector finds it.',
    flag: 'socket',
    native: 'socket',
    commands: ['capture', 'collect', 'up', 'conn', 'key', 'verify', 'erase', 'doctor'],
  }),
  'capture.socket_group': text({
    default: '',
    defaultDoc: 'none',
    doc: 'Members of this group may list connections and watch events live, besides root and the capture’s own user.',
    flag: 'socket-group',
    native: 'socket-group',
    commands: capture,
  }),
  'capture.collector_group': text({
    default: '',
    defaultDoc: 'none',
    doc: 'The collector’s group: its members may also have events kept until they acknowledge them, besides root and the capture’s own user.',
    more: 'A right of its own, as who does not acknowledge fills the journal. What is kept belongs to the user who asked for it first.',
    flag: 'collector-group',
    native: 'collector-group',
    commands: [...capture, 'collect'],
  }),
  'capture.admin_group': text({
    default: '',
    defaultDoc: 'none',
    doc: 'Members of this group may change knobs, virtual services, real servers and connections, besides root and the capture’s own user.',
    more: 'Whoever can open the socket may read knobs and services. The groups of the process decide: who was added to the group logs in anew.',
    flag: 'admin-group',
    native: 'admin-group',
    commands: capture,
  }),
  'capture.journal': path({
    default: (machine) => `${runtimeDir(machine)}/capture.journal`,
    defaultDoc: runtimeDoc('capture.journal'),
    doc: 'The file that keeps events until the collector has them.',
    more: 'It is mapped into memory. In a tmpfs such as /run it goes with the machine’s boot: what the collector had not got by then is lost, and the log says that nobody knows how much. On a disk it outlives a boot, and what was left is handed over after it, before anything new: the services of deploy/systemd have it in /var/lib/vslog-capture. Copies that are put aside because they were damaged, `JOURNAL.old`, are yours to remove.',
    flag: 'journal',
    native: 'journal',
    commands: capture,
  }),
  'capture.journal_size': bytes({
    default: 64 * M,
    min: 8 * M,
    max: 1024 * G,
    doc: 'Size of the journal: what the collector may be behind before the kernel’s ring fills.',
    more: 'About 100 bytes an event. Another size takes effect at the next start, which takes along what the journal holds; it gets only so small that this has room.',
    flag: 'journal-size',
    native: 'journal-size',
    commands: capture,
  }),
  'capture.journal_fsync': oneOf(['auto', 'none', 'interval', 'commit'], {
    default: 'auto',
    doc: 'When what is in a journal on a disk is made durable against a power cut. The end of a process loses nothing in any case.',
    more: '`interval`: every `capture.journal_fsync_interval`, by a thread of its own, so that nobody waits for the disk. `commit`: before anything of a batch is handed out; the source waits for the disk. `none`: when the system likes. `auto`: `interval`, and `none` where the journal is in memory.',
    flag: 'journal-fsync',
    native: 'journal-fsync',
    commands: capture,
  }),
  'capture.journal_fsync_interval': duration({
    default: 1 * SECOND,
    min: 10,
    max: 60 * SECOND,
    doc: 'Time between two fsyncs when `capture.journal_fsync` is `interval`: a power cut may take that much.',
    flag: 'journal-fsync-interval',
    native: 'journal-fsync-interval',
    commands: capture,
  }),
  'capture.when_full': oneOf(['auto', 'block', 'traffic'], {
    default: 'auto',
    doc: 'What happens when the journal is full because the collector does not acknowledge.',
    more: '`block`: the source waits. Of the kernel’s sources only the log does, and what its ring then has no room for is counted as lost; of source `engine` every client does. `traffic`: nobody waits; what has no room is counted, and told as a loss. After a minute a subscriber that acknowledged nothing gives way. `auto`: `traffic` for source `engine` on real sockets, else `block`.',
    flag: 'when-full',
    native: 'when-full',
    commands: capture,
  }),
  'capture.subscriber_timeout': duration({
    default: 24 * HOUR,
    min: 0,
    max: 3650 * 24 * HOUR,
    doc: 'How long a collector may be away before nothing is kept for it any more; 0: for ever.',
    more: 'The log then says who gave way and how much it had not got. When it comes back it gets what is still there, and writes down the rest as lost.',
    flag: 'subscriber-timeout',
    native: 'subscriber-timeout',
    commands: capture,
  }),
  'capture.max_memory': bytes({
    default: 64 * M,
    min: 4 * M,
    max: 4 * G,
    doc: 'Memory that the sessions of all but root and the collector may hold together; of one user a quarter of that.',
    more: 'Requests that would need more wait; who watches live misses events, and is told how many.',
    flag: 'max-memory',
    native: 'max-memory',
    commands: capture,
  }),
  'capture.node': text({
    default: () => hostname(),
    defaultDoc: 'the host’s name',
    doc: 'The name of this balancer in every record.',
    more: 'Choose it once: histories of different names are histories of different balancers.',
    flag: 'node',
    native: 'node',
    commands: capture,
  }),
  'capture.ring_size': bytes({
    default: 16 * M,
    min: 64 * K,
    max: 1 * G,
    doc: 'Size of the kernel’s ring, which keeps events while the capture is busy or restarts.',
    more: 'Kernel memory. It must be a power of two.',
    flag: 'ring-size',
    native: 'ring-size',
    commands: capture,
  }),
  'capture.max_conns': int({
    default: 1 << 22,
    min: 1024,
    max: 1 << 28,
    unit: 'connections',
    doc: 'Connections that can be told apart at one time.',
    more: 'About 100 bytes each, taken as they come: with source `ipvs` of the kernel, with source `conntrack` of the capture. What does not fit is counted as a loss.',
    flag: 'max-conns',
    native: 'max-conns',
    commands: capture,
  }),
  'capture.pin_dir': path({
    default: '/sys/fs/bpf/vslog',
    doc: 'Folder in a bpffs where programs and ring live on while the capture restarts.',
    flag: 'pin-dir',
    native: 'pin-dir',
    commands: capture,
  }),
  'capture.all_netns': bool({
    default: false,
    doc: 'Watch the balancers of all network namespaces, not only of the capture’s own.',
    flag: 'all-netns',
    native: 'all-netns',
    commands: capture,
  }),
  'capture.nodest_interval': duration({
    default: 1 * SECOND,
    min: 10,
    max: 1 * HOUR,
    doc: 'Packets dropped because their real server is gone are summed up per connection over this time; the first one is reported at once.',
    flag: 'nodest-interval',
    native: 'nodest-interval',
    commands: capture,
  }),
  'capture.events': text({
    default: 'create,expire,nodest_drop,sched_fail,state',
    doc: 'Which events of connections are logged, of `create`, `expire`, `nodest_drop`, `sched_fail` and `state`, separated by commas.',
    more: 'What is left out gets no number, so sequences have no gaps. Snapshots go with `create`. Can be turned while the capture runs: `vslog knob capture-events`.',
    flag: 'events',
    native: 'events',
    commands: capture,
  }),
  'capture.flood_rate': int({
    default: 0,
    min: 0,
    max: 100_000_000,
    unit: 'events',
    doc: 'How many beginnings a second are logged one by one; those beyond are counted. 0: no limit.',
    more: 'A loss record with place `summarised` says every second how many. Ends are always logged, with all fields. Can be turned while the capture runs.',
    flag: 'flood-rate',
    native: 'flood-rate',
    commands: capture,
  }),
  'capture.client_address': oneOf(['whole', 'prefix', 'hash'], {
    default: 'whole',
    doc: 'How much of people’s addresses is logged and shown.',
    more: '`prefix`: the first bits. `hash`: a keyed hash, the same for the same address as long as the key is. Filters of `conn ls`, `conn expire` and `tail` are compared with what is shown: [hidden.md](hidden.md).',
    flag: 'client-address',
    native: 'client-address',
    commands: [...capture, 'erase'],
  }),
  'capture.client_prefix': text({
    default: '24 56',
    doc: 'Bits of an IPv4 and of an IPv6 address that are kept with `capture.client_address = "prefix"`.',
    flag: 'client-prefix',
    native: 'client-prefix',
    commands: capture,
  }),
  'capture.client_key': text({
    default: '',
    defaultDoc: 'none',
    doc: 'A file whose first line is 32 hexadecimal digits: the key of `capture.client_address = "hash"`.',
    more: '`vslog key rotate` makes it, and another one later. It must belong to the capture’s user, who alone may read it (mode 0600); otherwise it is refused.',
    flag: 'client-key',
    native: 'client-key',
    commands: [...capture, 'key'],
  }),
  'capture.hidden_sides': text({
    default: 'auto',
    doc: 'Which addresses of a connection `capture.client_address` hides: some of `client`, `virtual` and `real`, separated by commas, or `auto`.',
    more: '`auto`: the client’s, and with source `conntrack` also a virtual or real address that is not ours. Connection tracking has flows of both directions, so a person may be at either end.',
    flag: 'hidden-sides',
    native: 'hidden-sides',
    commands: [...capture, 'erase'],
  }),
  'capture.own_address': text({
    default: '',
    defaultDoc: 'none',
    doc: 'Addresses and blocks that are ours beside this machine’s own, separated by commas: `capture.hidden_sides = "auto"` leaves them readable. Source `conntrack`.',
    more: 'The network of the real servers, for instance, or a virtual address that a failover brings here. This machine’s own addresses are those that it has when the capture starts.',
    flag: 'own-address',
    native: 'own-address',
    commands: [...capture, 'erase'],
  }),
  'capture.linger': duration({
    default: 5,
    min: 0,
    max: 10 * SECOND,
    doc: 'How long events may wait to share a batch.',
    more: 'Longer makes larger batches, which cost less, and everything later by that much. While nobody watches live (`tail`) they may wait four times as long.',
    flag: 'linger',
    native: 'linger',
    commands: capture,
  }),
  'capture.confine': oneOf(['on', 'off'], {
    default: 'on',
    doc: 'Whether the capture gives up the rights that it needs no longer, once it has started.',
    more: 'Capabilities but those for netlink, knobs and the kernel’s maps; every system call that a started capture does not make, such as to run a program, to load one into the kernel, or to make memory executable. Other network namespaces can then be entered with `capture.all_netns` only. `off` is for looking for a fault.',
    flag: 'confine',
    native: 'confine',
    commands: capture,
  }),
  'capture.on_exit': oneOf(['keep', 'detach'], {
    default: 'keep',
    defaultDoc: '`keep`; `vslog up` has `detach`',
    doc: 'What a clean stop leaves in the kernel.',
    more: '`keep` lets the pinned programs go on recording into the ring, so that a restart misses nothing. `detach` removes them.',
    flag: 'on-exit',
    native: 'on-exit',
    commands: capture,
  }),
  'capture.binary': path({
    default: '',
    defaultDoc: 'the built one, else `vslog-capture` in `$PATH`',
    doc: 'The program vslog-capture.',
    flag: 'binary',
    commands: [...capture, 'doctor'],
  }),
  'capture.scripted_events': int({
    default: 0,
    min: 0,
    max: 1_000_000_000_000,
    unit: 'events',
    doc: 'Source `scripted`: how many events it makes; 0 for no end.',
    flag: 'scripted-events',
    native: 'scripted-events',
    commands: capture,
  }),
  'capture.scripted_rate': int({
    default: 1000,
    min: 0,
    max: 100_000_000,
    unit: 'events/s',
    doc: 'Source `scripted`: how many events a second; 0 for as fast as it can.',
    flag: 'scripted-rate',
    native: 'scripted-rate',
    commands: capture,
  }),
  'capture.scripted_seed': int({
    default: 1,
    min: 0,
    max: 1_048_575,
    unit: 'seed',
    doc: 'Source `scripted`: the same seed makes the same events.',
    flag: 'scripted-seed',
    native: 'scripted-seed',
    commands: capture,
  }),
  'conntrack.events': text({
    default: 'create,expire',
    doc: 'Source `conntrack`: what is recorded, of `create`, `expire` and `state`, separated by commas.',
    more: '`state` is every later change that the kernel tells of, such as a TCP state: many records.',
    flag: 'conntrack-events',
    native: 'conntrack-events',
    commands: capture,
  }),
  'conntrack.protocol': text({
    default: '',
    defaultDoc: 'all',
    doc: 'Source `conntrack`: only these protocols: tcp, udp, icmp, icmpv6, sctp, dccp, gre, udplite or numbers, separated by commas.',
    more: 'The kernel leaves the others out, so they cost nothing.',
    flag: 'conntrack-protocol',
    native: 'conntrack-protocol',
    commands: capture,
  }),
  'conntrack.address': text({
    default: '',
    defaultDoc: 'all',
    doc: 'Source `conntrack`: only connections from or to these addresses or networks, such as `10.0.0.0/8,2001:db8::/32`.',
    more: 'The addresses before any translation count. The kernel leaves the others out, so they cost nothing.',
    flag: 'conntrack-address',
    native: 'conntrack-address',
    commands: capture,
  }),
  'conntrack.delivery': oneOf(['auto', 'ring', 'socket'], {
    default: 'auto',
    doc: 'Source `conntrack`: how events come from the kernel.',
    more: '`ring`: a program in the kernel copies them into memory that is shared with the capture; that costs least, and takes the capability CAP_BPF. `socket`: by a netlink socket. `auto`: `ring` where it can be had and `conntrack.reliable` is off, else `socket`.',
    flag: 'conntrack-delivery',
    native: 'conntrack-delivery',
    commands: capture,
  }),
  'conntrack.buffer': bytes({
    default: 128 * M,
    min: 64 * K,
    max: 2 * G,
    doc: 'Source `conntrack`, delivery `socket`: the receive buffer grows up to this when it fills.',
    more: 'Kernel memory, taken only while events wait. What does not fit is counted as a loss, and the log is then made to agree with the kernel’s table.',
    flag: 'conntrack-buffer',
    native: 'conntrack-buffer',
    commands: capture,
  }),
  'conntrack.queue': bytes({
    default: 64 * M,
    min: 64 * K,
    max: 2 * G,
    doc: 'Source `conntrack`: events that are not in the journal yet.',
    more: 'With delivery `ring` it is the ring, kernel memory taken at the start, and what does not fit is counted as a loss. With delivery `socket` it stands behind the receive buffer. It must be a power of two.',
    flag: 'conntrack-queue',
    native: 'conntrack-queue',
    commands: capture,
  }),
  'conntrack.resync': int({
    default: 60,
    min: 0,
    max: 86_400,
    unit: 's',
    doc: 'Source `conntrack`: how often the log is compared with the kernel’s table while there are connections whose end the kernel will not tell; 0 for never.',
    more: 'Such are the connections that began before the capture where `nf_conntrack_events` is 2.',
    flag: 'conntrack-resync',
    native: 'conntrack-resync',
    commands: capture,
  }),
  'conntrack.reliable': bool({
    default: false,
    doc: 'Source `conntrack`: the kernel keeps the end of each connection until it was delivered.',
    more: 'No end is lost then, but while the capture stands still the ended connections hold kernel memory and places in the table (`nf_conntrack_max`).',
    flag: 'conntrack-reliable',
    native: 'conntrack-reliable',
    commands: capture,
  }),
  'engine.max_conns': int({
    default: 1 << 24,
    min: 1,
    max: 0xffff_ffff,
    unit: 'connections',
    doc: 'Source `engine`: connections at one time, templates included; what comes beyond finds no room and is refused.',
    more: 'Memory is taken as they come.',
    flag: 'engine-max-conns',
    native: 'engine-max-conns',
    commands: capture,
  }),
  'engine.load': bool({
    default: false,
    doc: 'Source `engine`: make up packets instead of balancing real ones, through `[[service]]` or, without any, a set-up of its own.',
    flag: 'load',
    native: 'load',
    commands: capture,
  }),
  'engine.load_rate': int({
    default: 1000,
    min: 0,
    max: 100_000_000,
    unit: 'connections/s',
    doc: 'With `engine.load`: new connections a second; 0 for as fast as it can.',
    flag: 'load-rate',
    native: 'load-rate',
    commands: capture,
  }),
  'engine.load_connections': int({
    default: 0,
    min: 0,
    max: 1_000_000_000_000,
    unit: 'connections',
    doc: 'With `engine.load`: how many connections it makes in all; 0 for no end.',
    flag: 'load-connections',
    native: 'load-connections',
    commands: capture,
  }),
  'engine.load_clients': int({
    default: 100_000,
    min: 1,
    max: 16_777_216,
    unit: 'clients',
    doc: 'With `engine.load`: client addresses.',
    flag: 'load-clients',
    native: 'load-clients',
    commands: capture,
  }),
  'engine.load_concurrent': int({
    default: 1000,
    min: 1,
    max: 16_777_216,
    unit: 'connections',
    doc: 'With `engine.load`: connections that live at a time.',
    flag: 'load-concurrent',
    native: 'load-concurrent',
    commands: capture,
  }),
  'engine.load_udp_percent': int({
    default: 10,
    min: 0,
    max: 100,
    unit: '%',
    doc: 'With `engine.load`: the share of UDP; the rest is TCP.',
    flag: 'load-udp-percent',
    native: 'load-udp-percent',
    commands: capture,
  }),
  'engine.load_seed': int({
    default: 1,
    min: 0,
    max: 0xffff_ffff,
    unit: 'seed',
    doc: 'With `engine.load`: the same seed makes the same packets.',
    flag: 'load-seed',
    native: 'load-seed',
    commands: capture,
  }),
  'engine.pcap': path({
    default: '',
    defaultDoc: 'none',
    doc: 'Source `engine`: take the packets from this pcap file instead of balancing real ones.',
    flag: 'pcap',
    native: 'pcap',
    commands: capture,
  }),
  'collector.data_dir': path({
    default: stateDir,
    defaultDoc: '`/var/lib/vslog`; without root `$XDG_STATE_HOME/vslog`, or `~/.local/state/vslog`',
    doc: 'Where the collector keeps the spool, the store and `reader.token`. One collector owns it.',
    flag: 'data-dir',
    commands: [...collector, 'sql', 'verify', 'erase', 'doctor', 'clock'],
  }),
  'collector.api_socket': path({
    default: (machine) => `${collectorRuntimeDir(machine)}/collector.sock`,
    defaultDoc:
      '`/run/vslog-collector/collector.sock`; without root `$XDG_RUNTIME_DIR/vslog/collector.sock`, or `/tmp/vslog-UID/collector.sock`',
    doc: 'The unix socket of the collector’s HTTP API, which the other commands ask.',
    more: 'The collector’s user and members of `collector.read_group` may ask.',
    flag: 'api-socket',
    commands: clients,
  }),
  'collector.user': text({
    default: '',
    defaultDoc: '`vslog up` as root: `vslog`, where there is such a user who can reach everything; else whoever starts it',
    doc: 'As whom root runs collector and engine; `root` to stay root.',
    more: 'Data directory, store and files of the file sink are given to that user, who joins the groups of `capture.collector_group` and `collector.read_group`. Files of passwords and tokens must be readable to that user.',
    flag: 'user',
    commands: collector,
  }),
  'collector.read_group': text({
    default: '',
    defaultDoc: 'none',
    doc: 'Members of this group may read what was logged, besides root and the collector’s own user.',
    more: 'By name or number. Spool, store, files of the file sink and the API socket then have this group: folders 0750, files 0640, socket 0660. Without it: 0700, 0600, 0600. The collector gives what is there already the same modes when it starts, and says so. Its user must be a member of the group.',
    flag: 'read-group',
    commands: collector,
  }),
  'collector.listen_open': text({
    default: '',
    defaultDoc: 'none: each asks for a token',
    doc: 'Which of `metrics`, `console` and `clickhouse_http` ask for no token, separated by commas; or `all`.',
    more: 'Everybody who has a shell on this machine, or a container in its network, may then read what the log has: client addresses, command lines. Only of listeners on loopback. The console asks for a token all the same where something is to be changed. [security.md](security.md)',
    flag: 'listen-open',
    commands: [...collector, 'doctor'],
  }),
  'collector.subscription': text({
    default: 'collector',
    doc: 'Name of the durable subscription on the capture.',
    more: 'The capture keeps what this name has not acknowledged. 1 to 63 of `A-Z a-z 0-9 . _ -`.',
    flag: 'subscription',
    commands: collector,
  }),
  'collector.drain': duration({
    default: 10 * SECOND,
    min: 0,
    max: 1 * HOUR,
    doc: 'How long a clean stop waits for the sinks to take what is in the spool.',
    more: 'Nothing is lost when it is too short: the stop says how much is left, which the spool keeps and the next start delivers. A sink that takes nothing, and is tried again only later, is not waited for. The unit for systemd allows 90 s for the whole stop (`TimeoutStopSec`).',
    flag: 'drain',
    commands: collector,
  }),
  'spool.gather': duration({
    default: 40,
    min: 0,
    max: 10 * SECOND,
    doc: 'The next write to the spool begins so long after the last one at the earliest, so that one write and one fsync serve all that came meanwhile.',
    more: 'Until then the capture keeps the events. Longer costs less; 0 writes at once.',
    flag: 'spool-gather',
    commands: collector,
  }),
  'spool.fsync': oneOf(['always', 'interval', 'never'], {
    default: 'always',
    doc: 'When events are made durable on disk, and so acknowledged to the capture.',
    more: '`always`: at once, one fsync for all that came during the last one. `interval`: every `spool.fsync_interval`. `never`: when the system likes; a crash of the machine then loses what it had not written.',
    flag: 'spool-fsync',
    commands: collector,
  }),
  'spool.fsync_interval': duration({
    default: 200,
    min: 1,
    max: 60 * SECOND,
    doc: 'Time between two fsyncs when `spool.fsync` is `interval`.',
    flag: 'spool-fsync-interval',
    commands: collector,
  }),
  'spool.segment_bytes': bytes({
    default: 64 * M,
    min: 64 * K,
    max: 1 * G,
    doc: 'A segment is sealed, and goes to the sinks, at this size.',
    flag: 'segment-bytes',
    commands: collector,
  }),
  'spool.segment_events': int({
    default: 1_000_000,
    min: 1,
    max: 100_000_000,
    unit: 'events',
    doc: 'A segment is sealed at this many events.',
    flag: 'segment-events',
    commands: collector,
  }),
  'spool.segment_age': duration({
    default: 400,
    min: 10,
    max: 1 * HOUR,
    doc: 'A segment is sealed at this age, so that its events can be queried soon.',
    more: 'While several wait for every sink it may become older, up to 30 s: few large segments cost a sink less than many small ones, so it catches up.',
    flag: 'segment-age',
    commands: collector,
  }),
  'spool.max_bytes': bytes({
    default: 2 * G,
    min: 1 * M,
    max: 1024 * G,
    doc: 'Segments that every sink has are removed, oldest first, while the spool is larger.',
    more: 'What is kept can be brought to a sink once more (`vslog replay`) and compared with it (`vslog verify`). When the disk is full it goes first.',
    flag: 'spool-max-bytes',
    commands: collector,
  }),
  'spool.max_segments': int({
    default: 10_000,
    min: 1,
    max: 10_000_000,
    unit: 'segments',
    doc: 'Segments that every sink has are removed, oldest first, while there are more.',
    flag: 'spool-max-segments',
    commands: collector,
  }),
  'spool.max_age': duration({
    default: 0,
    min: 0,
    max: 3650 * 24 * HOUR,
    doc: 'Segments that every sink has are removed when they were sealed so long ago; 0 for never.',
    flag: 'spool-max-age',
    commands: collector,
  }),
  'spool.backlog_bytes': bytes({
    default: 0,
    min: 0,
    max: 1024 * G,
    doc: 'Most that may wait on disk for a sink that takes nothing; 0 for as much as the disk takes.',
    more: '`spool.when_full` says what happens then.',
    flag: 'spool-backlog-bytes',
    commands: collector,
  }),
  'spool.backlog_age': duration({
    default: 0,
    min: 0,
    max: 3650 * 24 * HOUR,
    doc: 'Longest that a segment may wait for a sink, with `spool.when_full = "drop-oldest"`; 0 for ever.',
    flag: 'spool-backlog-age',
    commands: collector,
  }),
  'spool.when_full': oneOf(['block', 'drop-oldest'], {
    default: 'block',
    doc: 'What gives way when more waits than may, or the disk is full.',
    more: '`block`: nothing more is read; the capture’s journal fills, then the kernel’s ring, and what that drops is counted there. `drop-oldest`: the oldest segments are removed, and a loss record (place `spool`) says which, and which sinks had not got them.',
    flag: 'spool-when-full',
    commands: collector,
  }),
  'store.kind': oneOf(['embedded', 'server', 'none'], {
    default: 'embedded',
    doc: 'Where events can be queried: in a ClickHouse of our own, in the server of `clickhouse.url`, or nowhere.',
    more: 'With `none` the spool is all there is, and `vslog sql` has nobody to ask.',
    flag: 'store',
    commands: collector,
  }),
  'store.dir': path({
    default: '',
    defaultDoc: '`store` in `collector.data_dir`',
    doc: 'Where the embedded store keeps its tables.',
    flag: 'store-dir',
    commands: collector,
  }),
  ...storeOptions,
  ...clickhouseOptions,
  ...fileOptions,
  ...kafkaOptions,
  ...metricsOptions,
  ...consoleOptions,
} satisfies Record<string, Option<string> | Option<number> | Option<boolean>>;

export type Key = keyof typeof schema;

/** The value of every option. */
export type Values = { readonly [K in Key]: ReturnType<(typeof schema)[K]['default']> };

export const keys = Object.keys(schema) as Key[];

/** The entry of a key, without its value's type. */
export function optionOf(key: Key): Option {
  return schema[key];
}

/** `capture.journal_size` is VSLOG_CAPTURE_JOURNAL_SIZE. */
export function envName(key: Key): string {
  return `VSLOG_${key.replace('.', '_').toUpperCase()}`;
}

/** The kernel's schedulers; the engine has all of them. */
export const SCHEDULERS = ['rr', 'wrr', 'lc', 'wlc', 'sed', 'nq', 'fo', 'ovf', 'sh', 'dh', 'mh', 'lblc', 'lblcr', 'twos'] as const;

/** Fields of a `[[service]]` besides `real`; the flags follow a `--service`, whose value is `at`. */
export const serviceSchema = {
  at: endpoint({
    default: '',
    defaultDoc: 'none: it must be given',
    doc: 'What the clients connect to: `tcp://ADDRESS:PORT`, `udp://...`, `sctp://...` or `fwmark://MARK`; IPv6 in brackets.',
    more: 'The engine’s real sockets carry TCP and UDP; the others are for `engine.load` and `engine.pcap`.',
    flag: 'service',
    commands: capture,
  }),
  scheduler: oneOf(SCHEDULERS, {
    default: 'wlc',
    doc: 'How a real server is chosen for a new connection. The kernel’s names and rules.',
    flag: 'scheduler',
    commands: capture,
  }),
  persistent: int({
    default: 0,
    min: 0,
    max: 31 * 24 * 3600,
    unit: 's',
    doc: 'A client stays on its real server as long as its template lives: this long after its last connection; 0 for no persistence.',
    flag: 'persistent',
    commands: capture,
  }),
  netmask: text({
    default: '',
    defaultDoc: 'whole addresses',
    doc: 'Persistence takes the clients of one network as one: a mask such as `255.255.255.0`, or for IPv6 a prefix length.',
    flag: 'netmask',
    commands: capture,
  }),
  one_packet: bool({
    default: false,
    doc: 'Every datagram is scheduled alone (UDP).',
    flag: 'one-packet',
    commands: capture,
  }),
} satisfies Record<string, Option<string> | Option<number> | Option<boolean>>;

/** Fields of a `real` of a `[[service]]`: `{ at = "192.0.2.7:80", weight = 2 }`, or `--real 192.0.2.7:80,weight=2`. */
export const realSchema = {
  at: endpoint({
    default: '',
    defaultDoc: 'none: it must be given',
    doc: 'Address and port of the real server.',
    flag: 'real',
    commands: capture,
  }),
  weight: int({
    default: 1,
    min: 0,
    max: 0x7fff_ffff,
    unit: 'weight',
    doc: 'Its share of the new connections; 0: quiesced.',
    flag: 'real',
    commands: capture,
  }),
  upper: int({
    default: 0,
    min: 0,
    max: 0xffff_ffff,
    unit: 'connections',
    doc: 'From so many connections on it gets no new ones; 0 for no limit.',
    flag: 'real',
    commands: capture,
  }),
  lower: int({
    default: 0,
    min: 0,
    max: 0xffff_ffff,
    unit: 'connections',
    doc: 'Below so many it gets new ones again; 0 for three quarters of `upper`.',
    flag: 'real',
    commands: capture,
  }),
} satisfies Record<string, Option<string> | Option<number>>;
