import { listeners, split } from '../conformance/places.js';
import type { Real, Scenario, Service, Step } from '../conformance/scenario.js';
import { ADDRESSES } from '../conformance/story.js';
import type { Capture } from './capture.js';
import type { Machine } from './machine.js';
import { type Command, CommandError, command, type Session, withInput } from './session.js';

const FORWARD_FLAG = { masq: '-m', direct: '-g', tunnel: '-i' } as const;
const PROTOCOL_FLAG = { tcp: '-t', udp: '-u', sctp: '--sctp-service' } as const;

/** As ipvsadm wants it: an IPv6 address in brackets. */
function joined(place: string): string {
  const { address, port } = split(place);
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function serviceFlags(service: { at: string; protocol: keyof typeof PROTOCOL_FLAG }): string {
  const mark = /^mark(\d+)$/.exec(service.at);
  return mark === null ? `${PROTOCOL_FLAG[service.protocol]} ${joined(service.at)}` : `-f ${mark[1]}`;
}

function realFlags(real: Real): string {
  const thresholds = real.upper > 0 || real.lower > 0 ? ` -x ${real.upper} -y ${real.lower}` : '';
  const method = FORWARD_FLAG[real.forward];
  return `-r ${joined(real.at)} ${method} -w ${real.weight}${thresholds}`;
}

/** The mask of an IPv4 prefix. */
function dotted(bits: number): string {
  return [24, 16, 8, 0].map((shift) => (bits >= 32 - shift ? 255 : bits <= 24 - shift ? 0 : 256 - 2 ** (32 - shift - bits))).join('.');
}

/** What ipvsadm is to be told, one line a call. */
function serviceCalls(verb: 'A' | 'E', service: Service): string[] {
  const flags = serviceFlags(service);
  const options = [
    service.persistent > 0 ? `-p ${service.persistent}` : '',
    service.netmask === undefined ? '' : `-M ${service.at.includes('6:') || service.ipv6 ? service.netmask : dotted(service.netmask)}`,
    service.flags.length > 0 ? `-b ${service.flags.join(',')}` : '',
    service.one_packet ? '-o' : '',
    service.ipv6 ? '-6' : '',
  ];
  const call = `-${verb} ${flags} -s ${service.scheduler} ${options.filter((option) => option !== '').join(' ')}`.trim();
  return [call, ...service.real.map((real) => `-a ${flags}${service.ipv6 ? ' -6' : ''} ${realFlags(real)}`)];
}

/** One of several steps did not do as it should. */
export class StepError extends Error {
  readonly index: number;

  constructor(index: number, message: string) {
    super(message);
    this.index = index;
  }
}

const ipvsadm = (call: string): string => `run d ipvsadm ${call}`;

const FIRST_PORT = 33_000;

/** Services of firewall marks from here on are markers: no scenario has such marks. */
const FIRST_MARKER = 0x4000_0000;
/** More than any guest has processors. */
const MARKERS_AT_ONCE = 64;
let markersGiven = 0;

/** Whether a service by this firewall mark is a marker. */
export const isMarker = (fwmark: number): boolean => fwmark >= FIRST_MARKER;

/** A scenario's own corner of the machine: a director, a network with its clients, a network with its real servers, each a network namespace. */
export class Director {
  /** Inode number of the director's network namespace: what its events carry. */
  netns = 0;
  /** The next source port of a burst: those above it are not told apart in a story. */
  private nextPort = FIRST_PORT;
  private readonly firstPorts = new WeakMap<Step, number>();
  private readonly machine: Machine;
  private readonly scenario: Scenario;
  private readonly capture: Capture;
  private session: Session | undefined;
  private removed = false;

  /** `capture`: the one that the scenario's steps are about. */
  constructor(machine: Machine, scenario: Scenario, capture: Capture) {
    this.machine = machine;
    this.scenario = scenario;
    this.capture = capture;
  }

  /** How many records of services and real servers the set-up makes. */
  get records(): number {
    return this.scenario.service.reduce((sum, { real }) => sum + 1 + real.length, 0);
  }

  /** Makes networks, services and servers. Resolves to the marker that stands in the log before the records of the services. */
  async setUp(): Promise<number> {
    const { scenario } = this;
    const { name } = scenario;
    this.session = await this.machine.session();
    const [marker, markers] = this.markers('d');
    const write = (ns: string, path: string, settings: Record<string, string | number>): string[] =>
      Object.entries(settings).map(([key, value]) => `write ${ns} ${path}/${key.replaceAll('.', '/')} ${value}`);
    const addresses = (ns: string, device: string, bits: number, names: readonly string[]): string[] =>
      names.map((address) => `address ${ns} ${device} ${ADDRESSES[address] ?? address}/${bits}`);
    const lines = [
      `namespaces ${name} ${ADDRESSES.rs1}`,
      ...['pair d dc c c0', 'pair d ds s s0', 'pair c x s x'],
      ...[...addresses('d', 'dc', 24, ['vip', 'vip2']), ...addresses('d', 'dc', 64, ['vip6'])],
      ...[...addresses('d', 'ds', 24, ['10.2.0.1']), ...addresses('d', 'ds', 64, ['fd02::1'])],
      'up d lo dc ds',
      ...[...addresses('c', 'c0', 24, ['c1', 'c2', 'c3', 'c4']), ...addresses('c', 'c0', 64, ['c1v6'])],
      ...[...addresses('c', 'x', 24, ['10.3.0.1']), 'up c lo c0 x'],
      ...[...addresses('s', 's0', 24, ['rs1', 'rs2', 'rs3']), ...addresses('s', 's0', 64, ['rs1v6', 'rs2v6'])],
      ...[...addresses('s', 'x', 24, ['10.3.0.2']), 'up s lo s0 x'],
      ...['ready d dc ds', 'ready c c0 x', 'ready s s0 x'],
      ...['route c 0.0.0.0/0 10.1.0.1', 'route c ::/0 fd01::1'],
      scenario.direct_replies ? 'route s 10.1.0.0/24 10.3.0.1 x' : 'route s 0.0.0.0/0 10.2.0.1',
      'route s ::/0 fd02::1',
      ...write('d', 'ipv4', { ip_forward: 1, 'conf.all.send_redirects': 0, 'conf.ds.send_redirects': 0 }),
      ...write('d', 'ipv6', { 'conf.all.forwarding': 1 }),
      ...write('d', 'ipv4/vs', scenario.sysctl),
      ...(scenario.timeouts === undefined
        ? []
        : [`timeouts ${scenario.timeouts.tcp} ${scenario.timeouts.tcpfin} ${scenario.timeouts.udp}`]),
      ...write('c', 'ipv4', { 'conf.all.rp_filter': 0, 'conf.x.rp_filter': 0, 'conf.c0.rp_filter': 0 }),
      ...write('s', 'ipv4', { 'conf.all.rp_filter': 0, 'conf.s0.rp_filter': 0, 'conf.all.arp_ignore': 1, 'conf.all.arp_announce': 2 }),
      ...this.servers(),
      ...this.neighbours(),
      markers,
    ];
    const commands: Command[] = lines.map(command);
    if (scenario.mark.length > 0) {
      const rules = scenario.mark.map(({ protocol, port, mark }) => `add rule inet m p ${protocol} dport ${port} meta mark set ${mark}`);
      const chain = ['add table inet m', 'add chain inet m p { type filter hook prerouting priority -150 ; }'];
      commands.push(withInput('feed d', `${[...chain, ...rules].join('\n')}\n`, 'nft -f -'));
    }
    const calls = scenario.service.flatMap((service) => serviceCalls('A', service));
    if (calls.length > 0) commands.push(withInput('feed d', `${calls.join('\n')}\n`, 'ipvsadm -R'));
    // What it says: the inode number, then the number of markers.
    this.netns = Number((await this.batch(commands)).split('\n')[0]);
    return marker;
  }

  /** Has the network's machines find one another: a first packet waits for that, and the next may overtake it. */
  private neighbours(): string[] {
    const packet = (from: string | undefined, to: string | undefined): string => `packets 1 ${from} 9 ${to} 9`;
    const { c1, c1v6, rs1, rs1v6, rs2v6 } = ADDRESSES;
    const six = JSON.stringify(this.scenario).includes('v6:') ? [packet(c1v6, rs1v6), packet(c1v6, rs2v6)] : [];
    return [packet(c1, rs1), ...six];
  }

  /** A server at every place that any service of the scenario may send to. */
  private servers(): string[] {
    const lines = new Set<string>();
    for (const { protocol, address, port, forward } of listeners(this.scenario)) {
      if (forward === 'tunnel') lines.add('up s tunl0').add('write s ipv4/conf/tunl0/rp_filter 0');
      // The virtual address is the real server's too, which tells nobody.
      if (forward !== 'masq') lines.add(`address s lo ${address}/${address.includes(':') ? 128 : 32}`);
      lines.add(`serve ${protocol} ${address} ${port}`);
    }
    return [...lines];
  }

  /** Does steps that need nobody but the machine, in one go. Throws a StepError when one did not do as it should. */
  async perform(steps: readonly Step[]): Promise<void> {
    const commands = steps.map((step) => this.commands(step).map(command));
    const asleep = steps.reduce((ms, step) => ms + (step.do === 'sleep' ? step.seconds * 1000 : 0), 0);
    try {
      await this.batch(commands.flat(), asleep);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      let step = 0;
      for (let left = error.index; left >= (commands[step]?.length ?? 1); ++step) left -= commands[step]?.length ?? 1;
      throw new StepError(step, error.message);
    }
  }

  private batch(commands: readonly Command[], more = 0): Promise<string> {
    if (this.session === undefined) throw new Error(`${this.scenario.name} was not set up`);
    return this.session.batch(commands, more);
  }

  private commands(step: Step): string[] {
    const fails = 'fails' in step && step.fails ? 'fails ' : '';
    const ends = ({ from, to }: { from: string; to: string }, firstPort?: number): string => {
      const [client, service] = [split(from), split(to)];
      return `${client.address} ${firstPort ?? client.port} ${service.address} ${service.port}`;
    };
    const of = (protocol: 'tcp' | 'udp' | 'sctp', at: string): string => serviceFlags({ at, protocol });
    switch (step.do) {
      case 'open':
        return [`${fails}open ${step.as} ${step.protocol} ${ends(step)}`];
      case 'send':
      case 'post':
      case 'close':
      case 'reset':
      case 'serverclose':
      case 'halfclose':
      case 'serverhalfclose':
        return [`${fails}${step.do} ${step.on}`];
      case 'packets':
        return [`packets ${step.count} ${ends(step)}`];
      case 'burst':
        return [`burst ${step.protocol} ${step.count} ${ends(step, this.ports(step))}`];
      case 'unanswered':
        return [`unanswered ${step.protocol} ${ends(step)}`];
      case 'halfopen':
        return [`halfopen ${step.count} ${ends(step, this.ports(step))}`];
      case 'add_service':
        return serviceCalls('A', step.service).map(ipvsadm);
      case 'edit_service':
        return serviceCalls('E', step.service).map(ipvsadm);
      case 'delete_service':
        return [ipvsadm(`-D ${serviceFlags(step)}`)];
      case 'add_real':
        return [ipvsadm(`-a ${of(step.protocol, step.service)} ${realFlags(step.real)}`)];
      case 'edit_real':
        return [ipvsadm(`-e ${of(step.protocol, step.service)} ${realFlags(step.real)}`)];
      case 'delete_real':
        return [ipvsadm(`-d ${of(step.protocol, step.service)} -r ${joined(step.at)}`)];
      case 'sysctl':
        return [`write d ipv4/vs/${step.name} ${step.value}`];
      case 'timeouts':
        return [`timeouts ${step.tcp} ${step.tcpfin} ${step.udp}`];
      case 'sleep':
        return [`sleep ${step.seconds * 1000}`];
      case 'capture':
        return [step.action === 'start' ? this.capture.start : this.capture.signal(step.action)];
      case 'remove_director':
        this.removed = true;
        return ['removedirector'];
      default:
        throw new Error(`not the director's: ${step.do}`);
    }
  }

  /** The first of the source ports of a step: each step has its own. */
  private ports(step: Step & { count: number }): number {
    const known = this.firstPorts.get(step);
    if (known !== undefined) return known;
    if (this.nextPort + step.count > 0x1_0000) this.nextPort = FIRST_PORT;
    this.firstPorts.set(step, this.nextPort);
    this.nextPort += step.count;
    return this.nextPort - step.count;
  }

  private markers(ns: string): [number, string] {
    const marker = FIRST_MARKER + MARKERS_AT_ONCE * markersGiven++;
    return [marker, `markers ${ns} ${marker}`];
  }

  /** Has every processor of the guest say that it is there. Resolves to the mark of the last one that does. */
  async mark(): Promise<number> {
    const [marker, line] = this.markers(this.removed ? '-' : 'd');
    return marker + Number(await this.batch([command(line)])) - 1;
  }

  /** Tells the guest's hand so. */
  async tell(...lines: readonly string[]): Promise<void> {
    await this.batch(lines.map(command));
  }

  async tearDown(): Promise<void> {
    try {
      await this.session?.batch([command('remove')]);
    } finally {
      this.session?.close();
    }
  }
}
