import { count } from '../api/json.js';
import { toBigInt } from '../wire/proto.js';
import { formatEndpoint } from './address.js';
import { type ConnEvent, protocolName } from './event.js';
import { elapsed, plural, whole } from './numbers.js';
import { table } from './output.js';
import { stateName } from './states.js';

const HEAD = ['protocol', 'client', 'virtual service', 'real server', 'state', 'age', 'packets in', 'out', ''];
const RIGHT = [5, 6, 7];
/** Rows that are kept for sorting before the table is cut to its limit again. */
const ROOM = 10_000;

/** Live connections as a table: the first `limit` ones by service, real server and client, and how many more there are. */
export class ConnTable {
  private readonly limit: number;
  private events: ConnEvent[] = [];
  private total = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  add(event: ConnEvent): void {
    this.total++;
    this.events.push(event);
    if (this.events.length >= this.limit + ROOM) this.cut();
  }

  /** The rows that the table has, in its order. */
  first(): readonly ConnEvent[] {
    this.cut();
    return this.events;
  }

  text(): string {
    this.cut();
    if (this.total === 0) return 'no connections\n';
    const rest = this.total - this.events.length;
    const more = rest === 0 ? '' : `and ${whole(rest)} more; --limit 0 shows all\n`;
    return `${table(HEAD, this.events.map(row), RIGHT)}${plural(this.total, 'connection')}\n${more}`;
  }

  private cut(): void {
    this.events.sort(compare);
    if (this.events.length > this.limit) this.events.length = this.limit;
  }
}

function row(event: ConnEvent): unknown[] {
  const notes: string[] = [];
  if (event.is_template) notes.push('template');
  if (event.quiesced) notes.push('quiesced');
  if (event.fwmark !== 0) notes.push(`fwmark ${event.fwmark}`);
  if (event.zone !== 0) notes.push(`zone ${event.zone}`);
  if (event.mark !== 0) notes.push(`mark ${event.mark}`);
  const created = toBigInt(event.created_ns);
  const age = created === 0n ? 0 : Number(toBigInt(event.time_ns) - created);
  const known = (value: number): string => (value === 0 ? '' : whole(value));
  return [
    protocolName(event.protocol),
    formatEndpoint(event.client_addr, event.client_port),
    formatEndpoint(event.virtual_addr, event.virtual_port),
    formatEndpoint(event.real_addr, event.real_port),
    stateName(event.protocol, event.state, event.is_template),
    age > 0 ? elapsed(age) : '',
    known(count(event.packets_in)),
    known(count(event.packets_out)),
    notes.join(', '),
  ];
}

function compare(a: ConnEvent, b: ConnEvent): number {
  return (
    a.protocol - b.protocol ||
    Buffer.compare(a.virtual_addr, b.virtual_addr) ||
    a.virtual_port - b.virtual_port ||
    Buffer.compare(a.real_addr, b.real_addr) ||
    a.real_port - b.real_port ||
    Buffer.compare(a.client_addr, b.client_addr) ||
    a.client_port - b.client_port
  );
}
