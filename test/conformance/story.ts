import { v1 } from '../../src/wire/proto.js';
import { type ConnEvent, type ControlEvent, type Entry, idOf } from './entry.js';

/** Names of addresses in scenarios, and back. Every scenario has network namespaces of its own, so all use the same. */
export const ADDRESSES: Readonly<Record<string, string>> = {
  vip: '10.1.0.1',
  vip2: '10.1.0.5',
  c1: '10.1.0.2',
  c2: '10.1.0.3',
  c3: '10.1.0.4',
  c4: '10.1.0.20',
  net1: '10.1.0.0',
  net2: '10.1.0.16',
  rs1: '10.2.0.11',
  rs2: '10.2.0.12',
  rs3: '10.2.0.13',
  vip6: 'fd01::1',
  c1v6: 'fd01::2',
  rs1v6: 'fd02::11',
  rs2v6: 'fd02::12',
};
const NAMES = new Map(Object.entries(ADDRESSES).map(([name, address]) => [address, name]));
const PROTOCOLS: Readonly<Record<number, string>> = { 0: 'any', 6: 'tcp', 17: 'udp', 132: 'sctp' };

/** States as include/net/ip_vs.h numbers them. */
const STATES: Readonly<Record<number, readonly string[]>> = {
  6: [
    ...['NONE', 'ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'FIN_WAIT', 'TIME_WAIT'],
    ...['CLOSE', 'CLOSE_WAIT', 'LAST_ACK', 'LISTEN', 'SYNACK'],
  ],
  132: [
    ...['NONE', 'INIT1', 'INIT', 'COOKIE_SENT', 'COOKIE_REPLIED', 'COOKIE_WAIT', 'COOKIE', 'COOKIE_ECHOED', 'ESTABLISHED'],
    ...['SHUTDOWN_SENT', 'SHUTDOWN_RECEIVED', 'SHUTDOWN_ACK_SENT', 'REJECTED', 'CLOSED'],
  ],
};

/** A 16-byte address as text; IPv4 from its mapped form, IPv6 shortened as far as the names above need it. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 0) return '-';
  if (bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff) return [...bytes.slice(12)].join('.');
  const groups = Array.from({ length: 8 }, (_, i) => (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16));
  const text = groups.join(':').replace(/(^|:)0(:0)+(:|$)/, '::');
  return text === '::' ? '-' : text;
}

function place(bytes: Uint8Array, port: number): string {
  const text = addressText(bytes);
  const name = NAMES.get(text) ?? text;
  return port === 0 ? name : `${name}:${port}`;
}

/** Ports that the client's system chose are not the scenario's business. */
const clientPlace = (event: ConnEvent): string => place(event.client_addr, event.client_port >= 32768 ? 0 : event.client_port);

function virtualPlace(event: { virtual_addr: Uint8Array; virtual_port: number; fwmark: number }): string {
  return event.fwmark > 0 ? `mark${event.fwmark}` : place(event.virtual_addr, event.virtual_port);
}

/** What the ends of connections may tell besides. */
export type Shown = 'state' | 'timeout' | 'packets';

/** Tells a scenario's events as lines: numbers for connections in order of appearance, names for addresses, no times. */
export class Story {
  private readonly numbers = new Map<string, number>();
  private readonly lines: string[] = [];
  /** Line of each connection's first nodest drop: the later ones are added to it, since their grouping is a matter of time. */
  private readonly drops = new Map<string, { at: number; packets: number; text: string }>();

  private readonly show: readonly Shown[];

  private constructor(show: readonly Shown[]) {
    this.show = show;
  }

  /** `show`: what the ends of connections tell besides. */
  static tell(entries: readonly Entry[], show: readonly Shown[] = []): string[] {
    const story = new Story(show);
    for (const entry of entries) {
      if (entry.conn !== undefined) story.conn(entry.conn);
      else story.control(entry.control);
    }
    return story.lines;
  }

  private number(id: string): string {
    if (!this.numbers.has(id)) this.numbers.set(id, this.numbers.size + 1);
    return `#${this.numbers.get(id)}`;
  }

  private conn(event: ConnEvent): void {
    const kind = v1.EventKind.Value[event.kind] ?? '?';
    const protocol = PROTOCOLS[event.protocol] ?? String(event.protocol);
    if (kind === 'sched_fail') {
      this.lines.push(`sched_fail ${protocol} ${clientPlace(event)} > ${virtualPlace(event)}`);
      return;
    }
    const id = idOf(event.conn_id);
    const words = [
      kind,
      this.number(id),
      protocol,
      clientPlace(event),
      '>',
      virtualPlace(event),
      '>',
      place(event.real_addr, event.real_port),
    ];
    words.push(v1.ForwardMethod.Value[event.forward] ?? '?');
    if (event.is_template) words.push('template');
    const control = idOf(event.template_id);
    if (control !== '0') words.push(`of=${this.number(control)}`);
    if (kind === 'create') words.push(`by=${v1.ScheduledBy.Value[event.scheduled_by]}`);
    if (kind === 'expire') {
      if (this.show.includes('state')) words.push(`state=${STATES[event.protocol]?.[event.state] ?? event.state}`);
      if (this.show.includes('timeout')) words.push(`timeout=${event.timeout_ms / 1000}s`);
      if (this.show.includes('packets')) words.push(`packets=${idOf(event.packets_in)}`);
      words.push(`reason=${v1.EndReason.Value[event.reason]}`);
    }
    if (event.quiesced && kind === 'create') words.push('quiesced');
    const text = words.join(' ');
    if (kind !== 'nodest_drop') {
      this.lines.push(text);
      return;
    }
    const drop = this.drops.get(id) ?? { at: this.lines.push('') - 1, packets: 0, text };
    drop.packets += Number(idOf(event.drop_packets));
    this.drops.set(id, drop);
    this.lines[drop.at] = `${drop.text} packets=${drop.packets}`;
  }

  private control(event: ControlEvent): void {
    const kind = v1.ControlKind.Value[event.kind] ?? '?';
    if (kind.startsWith('capture_') || kind === 'clock_step') return;
    const words = [kind];
    if (kind === 'loss') {
      words.push(v1.LossPlace.Value[event.where] ?? '?');
    } else {
      // A firewall mark has no protocol; the kernel writes TCP for every one of them (ip_vs_genl_parse_service).
      words.push(event.fwmark > 0 ? 'any' : (PROTOCOLS[event.protocol] ?? '?'), virtualPlace(event));
      if (addressText(event.real_addr) !== '-') words.push('>', place(event.real_addr, event.real_port));
      if (event.old_value !== '') words.push(`old="${event.old_value}"`);
      if (event.new_value !== '') words.push(`new="${event.new_value}"`);
      words.push(`through=${v1.Through.Value[event.through]}`);
      if (event.command !== '') words.push(`command=${event.command.split(' ')[0]}`, `uid=${event.uid}`);
    }
    this.lines.push(words.join(' '));
  }
}
