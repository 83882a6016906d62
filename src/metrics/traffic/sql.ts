import { OUTCOMES } from '../../outcome/outcome.js';
import { addressLiteral, endpointText, virtualText } from '../../report/sql.js';
import { quote } from '../../store/quote.js';
import { BUCKET_SQL, ENDS } from './figures.js';
import type { Member } from './roster.js';

/** Whose events are asked for. */
export interface Scope {
  readonly node: string;
  readonly services: ReadonlyMap<string, Member>;
  readonly servers: ReadonlyMap<string, Member>;
  /** The source names its virtual services; otherwise whoever has events may have a series. */
  readonly listed: boolean;
  /** Source conntrack: only flows whose destination was translated are a balancer's. */
  readonly translatedOnly: boolean;
}

/** The slot of a row without a real server. */
export const NOBODY = '-';

const LAST_IPV4 = `toIPv6('::ffff:255.255.255.255')`;
const slot = (id: string): string => `lower(substring(hex(SHA256(${id})), 1, 16))`;
const minuteAt = (seconds: number): string => `toDateTime(${seconds}, 'UTC')`;
const list = (values: Iterable<string>): string => {
  const all = [...values].map((value) => `'${value}'`);
  // An empty list is no list to ClickHouse.
  return `(${all.length === 0 ? `''` : all.join(', ')})`;
};

/** The port of the virtual service: one without a port takes every port, and its connections carry the client's. */
function servicePort(services: ReadonlyMap<string, Member>): string {
  const wild = [...services.values()].filter(({ key }) => key !== undefined && key.fwmark === 0 && key.port === 0);
  if (wild.length === 0) return 'virtual_port';
  const place = ({ key }: Member): string => `(${key?.protocol}, ${addressLiteral(key?.address ?? new Uint8Array(16))})`;
  const at = new Set(wild.map(place));
  const beside = [...services.values()].filter(
    (one) => one.key !== undefined && one.key.fwmark === 0 && one.key.port !== 0 && at.has(place(one)),
  );
  const exact = beside.map((one) => `(${one.key?.protocol}, ${addressLiteral(one.key?.address ?? new Uint8Array(16))}, ${one.key?.port})`);
  const not = exact.length === 0 ? '' : ` AND (protocol, virtual_addr, virtual_port) NOT IN (${exact.join(', ')})`;
  return `if((protocol, virtual_addr) IN (${[...at].join(', ')})${not}, 0, virtual_port)`;
}

/** What identity.ts makes of a service's key, of a row of rs_minute or control_events. */
function serviceId(scope: Scope): string {
  return `if(fwmark != 0, concat('mark', if(virtual_addr > ${LAST_IPV4}, '6', '4'), '-', toString(fwmark)), concat(toString(protocol), '-', lower(hex(virtual_addr)), '-', toString(${servicePort(scope.services)})))`;
}

function slots(scope: Scope): { readonly vs: string; readonly rs: string; readonly ids: string } {
  const portless = [...scope.services.values()].filter((one) => one.portless).map(({ slot: one }) => one);
  // Such a server's connections carry the client's port, too.
  const port = portless.length === 0 ? 'real_port' : `if(vs_slot IN ${list(portless)} AND real_port = virtual_port, 0, real_port)`;
  return {
    ids: `${serviceId(scope)} AS vs_id, ${slot('vs_id')} AS vs_slot, concat(vs_id, ' ', lower(hex(real_addr)), '-', toString(${port})) AS rs_id, ${slot('rs_id')} AS rs_slot`,
    vs: `if(vs_slot IN ${list(scope.services.keys())}, vs_slot, '')`,
    rs: `if(real_addr = toIPv6('::'), '${NOBODY}', if(rs_slot IN ${list(scope.servers.keys())}, rs_slot, ''))`,
  };
}

function from({ node, translatedOnly }: Scope, since: number): string {
  const translated = translatedOnly ? ' AND (real_addr, real_port) != (virtual_addr, virtual_port)' : '';
  return `FROM rs_minute WHERE node = ${quote(node)} AND minute >= ${minuteAt(since)}${translated}`;
}

/** The newest minute of the node within a week before `nowS`, s since 1970; 0: none. */
export function newestSql(node: string, nowS: number): string {
  return `SELECT toUnixTimestamp(max(minute)) FROM rs_minute WHERE node = ${quote(node)} AND minute BETWEEN ${minuteAt(nowS - 7 * 86_400)} AND ${minuteAt(nowS + 60)}`;
}

/**
 * Counts by slots: vs, rs, whether they are of minutes from `base` on, from `next` on (s since 1970), the newest minute, the counts of figures.ts, cells and their ends.
 * As many rows as there are series, however many services there are.
 */
export function countsSql(scope: Scope, base: number, next: number): string {
  const { vs, rs, ids } = slots(scope);
  const names = OUTCOMES.map(({ name }) => `'${name}'`).join(', ');
  // indexOf counts from 1, and gives 0 for a word that is not known here.
  const cells = `arrayMap((o, b) -> toUInt32(${ENDS} + (indexOf([${names}], o) = 0 ? ${OUTCOMES.length - 1} : indexOf([${names}], o) - 1) * 16 + ${BUCKET_SQL}), outcomesMap.outcome, outcomesMap.bucketKey)`;
  const lived = 'arraySum((b, n) -> n * if(b < 0, 0.0005, pow(2, (b + 0.5) / 4) / 1000), outcomesMap.bucketKey, outcomesMap.ends)';
  const inner = `SELECT ${ids}, ${vs} AS vs, ${rs} AS rs, minute, creates, drop_packets, sched_fails, ${cells} AS cells, outcomesMap.ends AS n, ${lived} AS lived ${from(scope, Math.min(base, next))}`;
  return `SELECT vs, rs, minute >= ${minuteAt(base)} AS counted, minute >= ${minuteAt(next)} AS kept, toUnixTimestamp(max(minute)), sum(creates), sum(drop_packets), sum(sched_fails), sum(lived), (sumMap(cells, n) AS m).1, m.2 FROM (${inner}) GROUP BY vs, rs, counted, kept`;
}

/** Who has events since `since`, s since 1970, and no series: vs_id, rs_id, their texts. At most `most`. */
export function strangersSql(scope: Scope, since: number, most: number): string {
  const { ids } = slots(scope);
  const known = !scope.listed ? 'true' : `vs_slot IN ${list(scope.services.keys())}`;
  return `SELECT vs_id, rs_id, any(vs_text), any(rs_text) FROM (SELECT ${ids}, ${virtualText()} AS vs_text, ${endpointText('real')} AS rs_text ${from(scope, since)} AND real_addr != toIPv6('::')) WHERE ${known} AND rs_slot NOT IN ${list(scope.servers.keys())} GROUP BY vs_id, rs_id ORDER BY vs_id, rs_id LIMIT ${most}`;
}

const CHANGES = ['service_added', 'service_changed', 'service_removed', 'real_added', 'real_changed', 'real_removed'];

/** After which records of the log, by epoch, sequences; and not older than `since`, s since 1970. */
export interface Position {
  readonly seen: ReadonlyMap<string, string>;
  readonly since: number;
}

/** Changes by slots: vs, rs, epoch, its last sequence, when the last change was (ms since 1970; 0: none), how many changes, of these that took a server out of service, overloads. */
export function changesSql(scope: Scope, { seen, since }: Position): string {
  const { vs, rs, ids } = slots(scope);
  const weight = (column: string): string => `extract(${column}, 'weight=(-?[0-9]+)')`;
  const out = `kind = 'real_removed' AND ${weight('old_value')} != '0' OR kind = 'real_changed' AND ${weight('new_value')} = '0' AND ${weight('old_value')} != '0'`;
  const after = [...seen].map(([epoch, sequence]) => ` AND NOT (epoch = ${quote(epoch)} AND sequence <= ${sequence})`).join('');
  // A mark's service has no address to tell the family by.
  const address = `if(fwmark != 0, if(family = 6, toIPv6('ffff::'), toIPv6('::')), e.virtual_addr) AS virtual_addr`;
  const records = `SELECT kind, epoch, sequence, time_ns, protocol, ${address}, virtual_port, fwmark, real_addr, real_port, old_value, new_value FROM control_events AS e WHERE node = ${quote(scope.node)} AND kind IN (${[...CHANGES, 'overload_on'].map((kind) => `'${kind}'`).join(', ')}) AND time_ns >= toDateTime64(${since}, 9, 'UTC')${after}`;
  const inner = `SELECT ${ids}, ${vs} AS vs, ${rs} AS rs, epoch, sequence, time_ns, kind != 'overload_on' AS change, ${out} AS withdrawn FROM (${records})`;
  return `SELECT vs, rs, epoch, toString(max(sequence)), toUnixTimestamp64Milli(maxIf(time_ns, change)), countIf(change), countIf(withdrawn), countIf(NOT change) FROM (${inner}) GROUP BY vs, rs, epoch`;
}
