import { count } from '../api/json.js';
import { elapsedText, wholeText } from '../text/format.js';
import { toBigInt } from '../wire/proto.js';
import { formatEndpoint } from './address.js';
import { type ConnEvent, protocolName } from './event.js';
import { plainEvent } from './event-json.js';
import type { Listing } from './listing.js';
import { stateName } from './states.js';

/** 0 is not known: IPVS counts only what comes in. */
const known = (value: number): string => (value === 0 ? '' : wholeText(value));

/** Live connections as a list; `where`: of which director's log they are. */
export function connListing(where: { readonly node: string; readonly epoch: string }): Listing<ConnEvent> {
  return {
    one: 'connection',
    none: 'no connections',
    columns: [
      { title: 'protocol', name: 'protocol', priority: 6, cell: (event) => protocolName(event.protocol) },
      { title: 'client', name: 'client_addr', cell: (event) => formatEndpoint(event.client_addr, event.client_port) },
      {
        title: 'virtual service',
        name: 'virtual_addr',
        priority: 4,
        cell: (event) => formatEndpoint(event.virtual_addr, event.virtual_port),
      },
      { title: 'real server', name: 'real_addr', cell: (event) => formatEndpoint(event.real_addr, event.real_port) },
      { title: 'state', name: 'state', cell: (event) => stateName(event.protocol, event.state, event.is_template) },
      { title: 'age', name: 'created', right: true, cell: ageText },
      { title: 'packets in', name: 'packets_in', right: true, priority: 7, cell: (event) => known(count(event.packets_in)) },
      { title: 'out', name: 'packets_out', right: true, priority: 8, cell: (event) => known(count(event.packets_out)) },
      { title: 'notes', name: 'is_template', min: 8, priority: 3, cell: notes },
      { title: 'timer', name: 'timeout_ms', right: true, wide: true, cell: (event) => elapsedText(event.timeout_ms * 1e6) },
      { title: 'connection', name: 'conn_id', wide: true, cell: (event) => String(toBigInt(event.conn_id)) },
    ],
    plain: (event) => plainEvent({ ...where, record: 'conn', event }),
  };
}

function ageText({ created_ns, time_ns }: ConnEvent): string {
  const created = toBigInt(created_ns);
  const age = created === 0n ? 0 : Number(toBigInt(time_ns) - created);
  return age > 0 ? elapsedText(age) : '';
}

function notes(event: ConnEvent): string {
  return [
    ...(event.is_template ? ['template'] : []),
    ...(event.quiesced ? ['quiesced'] : []),
    ...(event.fwmark !== 0 ? [`fwmark ${event.fwmark}`] : []),
    ...(event.zone !== 0 ? [`zone ${event.zone}`] : []),
    ...(event.mark !== 0 ? [`mark ${event.mark}`] : []),
  ].join(', ');
}

/** Rows that are kept for sorting before the list is cut to its limit again. */
const ROOM = 10_000;

/** The first `limit` connections by service, real server and client, and how many there are in all. */
export class FirstConnections {
  /** All that were added. */
  total = 0;
  private readonly limit: number;
  private events: ConnEvent[] = [];

  /** `limit` may be infinite. */
  constructor(limit: number) {
    this.limit = limit;
  }

  add(event: ConnEvent): void {
    this.total++;
    this.events.push(event);
    if (this.events.length >= this.limit + ROOM) this.cut();
  }

  first(): readonly ConnEvent[] {
    this.cut();
    return this.events;
  }

  private cut(): void {
    this.events.sort(compare);
    if (this.events.length > this.limit) this.events.length = this.limit;
  }
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
