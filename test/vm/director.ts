import { listeners, split } from '../conformance/places.js';
import type { Real, Scenario, Service, Step } from '../conformance/scenario.js';
import { ADDRESSES } from '../conformance/story.js';
import type { Machine } from './machine.js';

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

function serviceCommands(verb: 'A' | 'E', service: Service): string[] {
  const flags = serviceFlags(service);
  const options = [
    service.persistent > 0 ? `-p ${service.persistent}` : '',
    service.netmask === undefined ? '' : `-M ${service.at.includes('6:') || service.ipv6 ? service.netmask : dotted(service.netmask)}`,
    service.flags.length > 0 ? `-b ${service.flags.join(',')}` : '',
    service.one_packet ? '-o' : '',
    service.ipv6 ? '-6' : '',
  ];
  const lines = [`ipvsadm -${verb} ${flags} -s ${service.scheduler} ${options.filter((option) => option !== '').join(' ')}`];
  return [...lines, ...service.real.map((real) => `ipvsadm -a ${flags}${service.ipv6 ? ' -6' : ''} ${realFlags(real)}`)];
}

/** Before the output of each step of a script. */
const STEP_MARK = '__STEP__';
/** For steps that are done in one go, ms. */
const PATIENCE = 300_000;

/** One of several steps did not do as it should. */
export class StepError extends Error {
  readonly index: number;

  constructor(index: number, message: string) {
    super(message);
    this.index = index;
  }
}

const must = (command: string): string => `${command} || exit 1`;

function expectCode(command: string, fails: boolean): string {
  return fails ? `if ${command}; then echo 'should have failed'; exit 1; fi` : must(command);
}

/** A scenario's own corner of the machine: a director, a network with its clients, a network with its real servers, each a network namespace. */
export class Director {
  /** Inode number of the director's network namespace: what its events carry. */
  netns = 0;
  /** The next source port of a burst: those above it are not told apart in a story. */
  private nextPort = 33000;
  private readonly firstPorts = new Map<Step, number>();
  private readonly machine: Machine;
  private readonly scenario: Scenario;

  constructor(machine: Machine, scenario: Scenario) {
    this.machine = machine;
    this.scenario = scenario;
  }

  private get name(): string {
    return this.scenario.name;
  }

  /** The command line that runs a script in one of the namespaces: d, c or s. */
  private inside(which: 'd' | 'c' | 's', command: string): string {
    return `nsenter --net=/run/netns/${which}_${this.name} ${command}`;
  }

  /** The same for many commands. */
  private allInside(which: 'd' | 'c' | 's', commands: readonly string[]): string[] {
    return commands.length === 0 ? [] : [`${this.inside(which, "bash -e <<'END_OF_COMMANDS'")}`, ...commands, 'END_OF_COMMANDS'];
  }

  async setUp(): Promise<void> {
    const { name, scenario } = this;
    const [d, c, s] = [`d_${name}`, `c_${name}`, `s_${name}`];
    const knobs = (path: string, settings: Record<string, string | number>): string[] =>
      Object.entries(settings).map(([key, value]) => `echo ${value} >/proc/sys/net/${path}/${key.replaceAll('.', '/')}`);
    const lines = [
      'set -e',
      "ip -batch - <<'END_OF_BATCH'",
      ...[d, c, s].map((ns) => `netns add ${ns}`),
      `link add dc netns ${d} type veth peer name c0 netns ${c}`,
      `link add ds netns ${d} type veth peer name s0 netns ${s}`,
      `link add x netns ${c} type veth peer name x netns ${s}`,
      'END_OF_BATCH',
      `ip -n ${d} -batch - <<'END_OF_BATCH'`,
      ...['vip', 'vip2'].map((vip) => `addr add ${ADDRESSES[vip]}/24 dev dc`),
      `addr add ${ADDRESSES.vip6}/64 dev dc nodad`,
      ...['addr add 10.2.0.1/24 dev ds', 'addr add fd02::1/64 dev ds nodad'],
      ...['lo', 'dc', 'ds'].map((device) => `link set ${device} up`),
      'END_OF_BATCH',
      `ip -n ${c} -batch - <<'END_OF_BATCH'`,
      ...['c1', 'c2', 'c3', 'c4'].map((client) => `addr add ${ADDRESSES[client]}/24 dev c0`),
      ...[`addr add ${ADDRESSES.c1v6}/64 dev c0 nodad`, 'addr add 10.3.0.1/24 dev x'],
      ...['lo', 'c0', 'x'].map((device) => `link set ${device} up`),
      ...['route add default via 10.1.0.1', 'route add ::/0 via fd01::1'],
      'END_OF_BATCH',
      `ip -n ${s} -batch - <<'END_OF_BATCH'`,
      ...['rs1', 'rs2', 'rs3'].map((real) => `addr add ${ADDRESSES[real]}/24 dev s0`),
      ...['rs1v6', 'rs2v6'].map((real) => `addr add ${ADDRESSES[real]}/64 dev s0 nodad`),
      'addr add 10.3.0.2/24 dev x',
      ...['lo', 's0', 'x'].map((device) => `link set ${device} up`),
      scenario.direct_replies ? 'route add 10.1.0.0/24 via 10.3.0.1 dev x' : 'route add default via 10.2.0.1',
      'route add ::/0 via fd02::1',
      'END_OF_BATCH',
      ...this.allInside('d', [
        ...knobs('ipv4', { ip_forward: 1, 'conf.all.send_redirects': 0, 'conf.ds.send_redirects': 0 }),
        ...knobs('ipv6', { 'conf.all.forwarding': 1 }),
        ...knobs('ipv4/vs', scenario.sysctl),
        ...(scenario.timeouts === undefined
          ? []
          : [`ipvsadm --set ${scenario.timeouts.tcp} ${scenario.timeouts.tcpfin} ${scenario.timeouts.udp}`]),
        ...(scenario.mark.length === 0
          ? []
          : ['nft add table inet m', "nft add chain inet m p '{ type filter hook prerouting priority -150 ; }'"]),
        ...scenario.mark.map(({ protocol, port, mark }) => `nft add rule inet m p ${protocol} dport ${port} meta mark set ${mark}`),
        ...scenario.service.flatMap((service) => serviceCommands('A', service)),
      ]),
      ...this.allInside('c', knobs('ipv4', { 'conf.all.rp_filter': 0, 'conf.x.rp_filter': 0, 'conf.c0.rp_filter': 0 })),
      ...this.allInside('s', [
        ...knobs('ipv4', { 'conf.all.rp_filter': 0, 'conf.s0.rp_filter': 0, 'conf.all.arp_ignore': 1, 'conf.all.arp_announce': 2 }),
        ...this.servers(),
      ]),
      `stat -L -c %i /run/netns/${d}`,
    ];
    const output = await this.machine.must(lines.join('\n'));
    this.netns = Number(output.split('\n').at(-1));
  }

  /** A server at every place that any service of the scenario may send to. */
  private servers(): string[] {
    const lines = new Set<string>();
    for (const { protocol, address, port, forward } of listeners(this.scenario)) {
      if (forward === 'tunnel') lines.add('ip link set tunl0 up; echo 0 >/proc/sys/net/ipv4/conf/tunl0/rp_filter');
      // The virtual address is the real server's too, which tells nobody.
      if (forward !== 'masq') lines.add(`ip addr replace ${address}/32 dev lo`);
      lines.add(`flows serve ${protocol} ${address} ${port}`);
    }
    return [...lines];
  }

  /** Does steps that concern traffic or the director's configuration, in one go. Throws a StepError when one did not do as it should. */
  async perform(steps: readonly Step[]): Promise<void> {
    const scripts = steps.map((step, i) => `echo "${STEP_MARK} ${i}"\n${this.script(step)}`);
    const { code, output } = await this.machine.run(scripts.join('\n'), PATIENCE);
    if (code === 0) return;
    const [begun = '0', ...said] = (output.split(`${STEP_MARK} `).at(-1) ?? '').split('\n');
    const index = Number(begun);
    const step = steps[index];
    throw new StepError(index, `exit ${code}: ${step === undefined ? '' : this.script(step)}\n${said.join('\n')}`);
  }

  /** The commands of a step. They end the script when it does not do as it should. */
  private script(step: Step): string {
    const { name } = this;
    switch (step.do) {
      case 'open': {
        const [from, to] = [split(step.from), split(step.to)];
        const ends = `${from.address} ${from.port} ${to.address} ${to.port}`;
        return expectCode(this.inside('c', `flows open /run/flows/${name}.${step.as} ${step.protocol} ${ends}`), step.fails);
      }
      case 'send':
      case 'post':
      case 'close':
      case 'reset':
      case 'serverclose':
      case 'halfclose':
      case 'serverhalfclose':
        return expectCode(this.inside('c', `flows ctl /run/flows/${name}.${step.on} ${step.do}`), step.fails);
      case 'packets': {
        const [from, to] = [split(step.from), split(step.to)];
        return must(this.inside('c', `flows udp ${step.count} ${from.address} ${from.port} ${to.address} ${to.port}`));
      }
      case 'burst': {
        const [from, to] = [split(step.from), split(step.to)];
        const ends = `${from.address} ${this.ports(step)} ${to.address} ${to.port}`;
        const made = this.inside('c', `flows burst ${step.protocol} ${step.count} ${ends}`);
        return `n=$(${made}) || exit 1; [ "$n" = ${step.count} ] || { echo "the clients made $n of ${step.count} connections"; exit 1; }`;
      }
      case 'halfopen': {
        const [from, to] = [split(step.from), split(step.to)];
        return must(this.inside('c', `flows halfopen ${step.count} ${from.address} ${this.ports(step)} ${to.address} ${to.port}`));
      }
      case 'add_service':
        return this.director(serviceCommands('A', step.service));
      case 'edit_service':
        return this.director(serviceCommands('E', step.service));
      case 'delete_service':
        return this.director([`ipvsadm -D ${serviceFlags(step)}`]);
      case 'add_real':
        return this.director([`ipvsadm -a ${serviceFlags({ at: step.service, protocol: step.protocol })} ${realFlags(step.real)}`]);
      case 'edit_real':
        return this.director([`ipvsadm -e ${serviceFlags({ at: step.service, protocol: step.protocol })} ${realFlags(step.real)}`]);
      case 'delete_real':
        return this.director([`ipvsadm -d ${serviceFlags({ at: step.service, protocol: step.protocol })} -r ${joined(step.at)}`]);
      case 'sysctl':
        return this.director([`sysctl -qw net.ipv4.vs.${step.name}=${step.value}`]);
      case 'timeouts':
        return this.director([`ipvsadm --set ${step.tcp} ${step.tcpfin} ${step.udp}`]);
      default:
        throw new Error(`not the director's: ${step.do}`);
    }
  }

  /** The first of the source ports of a step: each step has its own. */
  private ports(step: Step & { count: number }): number {
    const known = this.firstPorts.get(step);
    if (known !== undefined) return known;
    this.firstPorts.set(step, this.nextPort);
    this.nextPort += step.count;
    return this.nextPort - step.count;
  }

  private director(lines: readonly string[]): string {
    return lines.map((line) => must(this.inside('d', line))).join('\n');
  }

  /** Starts a capture inside this director's namespace, with its own socket. Returns its pid in the guest. */
  async startOwnCapture(options: string): Promise<void> {
    const base = `/run/vslog-${this.name}`;
    await this.machine.must(
      `mkdir -p ${base}\nip netns exec d_${this.name} bash -c 'vslog-capture --node own --pin-dir /sys/fs/bpf/vslog-${this.name} --socket ${base}/capture.sock --journal ${base}/journal ${options} >>${base}/log 2>&1 & echo $! >${base}/pid'
for i in $(seq 2400); do grep -q ^ready ${base}/log && exit 0; kill -0 $(cat ${base}/pid) || break; sleep 0.1; done; cat ${base}/log; exit 1`,
      300_000,
    );
  }

  async tearDown(): Promise<void> {
    const names = ['d', 'c', 's'].map((which) => `${which}_${this.name}`);
    await this.machine.run(names.map((ns) => `for p in $(ip netns pids ${ns}); do kill -9 $p; done; ip netns del ${ns}`).join('\n'));
  }
}
