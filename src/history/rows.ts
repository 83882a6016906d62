import { parseAddress } from '../wire/address.js';
import { v1 } from '../wire/proto.js';
import type { EventTable } from './filter-sql.js';

type ConnEvent = InstanceType<typeof v1.ConnEvent>;
type ControlEvent = InstanceType<typeof v1.ControlEvent>;

/** A record as the log had it. */
export type HistoryEvent = { readonly node: string; readonly epoch: string } & (
  | { readonly record: 'conn'; readonly event: ConnEvent }
  | { readonly record: 'control'; readonly event: ControlEvent }
);

/** How a field of a record is stored, and how it is asked for. */
type Kind = 'text' | 'number' | 'big' | 'enumeration' | 'bool' | 'address' | 'time' | 'labels';

const CONN: Readonly<Record<string, Kind>> = {
  ...{ kind: 'enumeration', time_ns: 'time', sequence: 'big', conn_id: 'big', protocol: 'number', family: 'number' },
  ...{ client_addr: 'address', client_port: 'number', virtual_addr: 'address', virtual_port: 'number', real_addr: 'address' },
  ...{ real_port: 'number', fwmark: 'number', forward: 'enumeration', flags: 'number', state: 'number', is_template: 'bool' },
  ...{ template_id: 'big', weight: 'number', created_ns: 'time', duration_ns: 'big', packets_in: 'big', bytes_in: 'big' },
  ...{ packets_out: 'big', bytes_out: 'big', reason: 'enumeration', scheduled_by: 'enumeration', quiesced: 'bool' },
  ...{ drop_packets: 'big', drop_bytes: 'big', drop_first_ns: 'time', drop_last_ns: 'time', timeout_ms: 'number', netns: 'number' },
  ...{ zone: 'number', mark: 'number', labels: 'labels' },
};
const CONTROL: Readonly<Record<string, Kind>> = {
  ...{ kind: 'enumeration', time_ns: 'time', sequence: 'big', protocol: 'number', family: 'number', virtual_addr: 'address' },
  ...{ virtual_port: 'number', fwmark: 'number', real_addr: 'address', real_port: 'number', name: 'text', old_value: 'text' },
  ...{ new_value: 'text', uid: 'number', login_uid: 'number', pid: 'number', command: 'text', through: 'enumeration' },
  ...{ where: 'enumeration', lost: 'big', first_ns: 'time', last_ns: 'time', detail: 'text', netns: 'number', fresh: 'bool' },
  ...{ boot_id: 'text', parent_pid: 'number', parent_command: 'text', loss_id: 'text', lost_unknown: 'bool' },
};

/** The fields of each record type, by table: a test holds them to proto/. */
export const FIELDS: Readonly<Record<EventTable, Readonly<Record<string, Kind>>>> = { conn_events: CONN, control_events: CONTROL };

const ASKED: Readonly<Record<Kind, (column: string) => string>> = {
  text: (column) => column,
  number: (column) => column,
  big: (column) => `toString(${column})`,
  enumeration: (column) => `CAST(${column}, 'Int8')`,
  bool: (column) => `toUInt8(${column})`,
  address: (column) => `if(${column} = toIPv6('::'), '', IPv6NumToString(${column}))`,
  time: (column) => `toString(toUnixTimestamp64Nano(${column}))`,
  labels: (column) => `toString(${column})`,
};

/** What a query selects so that eventOf() can read its rows: node, epoch, then the fields in the order of FIELDS. */
export function selection(table: EventTable): string {
  return ['toString(node)', 'toString(epoch)', ...Object.entries(FIELDS[table]).map(([name, kind]) => ASKED[kind](`t.\`${name}\``))].join(
    ', ',
  );
}

/** A row of such a query (format JSONCompact) as the record that it was. */
export function eventOf(table: EventTable, row: readonly unknown[]): HistoryEvent {
  const [node, epoch, ...cells] = row;
  const fields = Object.fromEntries(Object.entries(FIELDS[table]).map(([name, kind], i) => [name, read(kind, cells[i])]));
  const where = { node: String(node), epoch: String(epoch) };
  return table === 'conn_events'
    ? { ...where, record: 'conn', event: v1.ConnEvent.fromObject(fields) as ConnEvent }
    : { ...where, record: 'control', event: v1.ControlEvent.fromObject(fields) as ControlEvent };
}

function read(kind: Kind, cell: unknown): unknown {
  if (kind === 'address') return parseAddress(String(cell)) ?? new Uint8Array(0);
  if (kind === 'bool') return Number(cell) !== 0;
  if (kind === 'number' || kind === 'enumeration') return Number(cell);
  if (kind !== 'labels') return String(cell);
  let bits = BigInt(String(cell));
  return Uint8Array.from({ length: 16 }, () => {
    const byte = Number(bits & 0xffn);
    bits >>= 8n;
    return byte;
  });
}
