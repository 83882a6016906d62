import type { Row, Values } from '../report/report.js';
import { addressLiteral, momentLiteral, viewEndpoint, viewService } from '../report/sql.js';
import { quote } from '../store/quote.js';
import { countText, plural } from '../text/format.js';
import { parseAddress } from '../wire/address.js';
import { changesOf } from './changes.js';
import type { Connection, ConnectionStory, Told } from './document.js';
import { endSentence } from './sentence.js';
import { type Ask, newest, type WithStates } from './told.js';

/** What else its client did is told from so long before it until so long after it, ms. */
const AROUND_MS = 300_000;
/** So many rows of each kind. */
const ROWS = 100;
/** What ended it is recorded a moment later than it, ms. */
const MOMENT_MS = 1000;

/** A number and a node that name no connection, or several. */
export class NoSuchConnection extends Error {
  override readonly name = 'NoSuchConnection';
}

/** The story of a connection. `node` undefined: of whichever director has it. Rejects with NoSuchConnection, or the log's sentence. */
export async function connectionStory(
  ask: Ask,
  states: WithStates,
  id: bigint,
  node: string | undefined,
  now: number,
): Promise<ConnectionStory> {
  const found = await ask({ columns: COLUMNS, sql: connectionSql(id, node) });
  const nodes = [...new Set(found.map((row) => String(row.node)))];
  if (nodes.length > 1)
    throw new NoSuchConnection(`Several directors have a connection ${id}: ${nodes.join(', ')}. Say which: add its node.`);
  const [row] = found;
  if (row === undefined)
    throw new NoSuchConnection(
      `The log has no connection ${id}${node === undefined ? '' : ` of ${node}`}: it keeps them for a time after their end (store.keep_connections).`,
    );
  const client = placeOf(row.client_ip);
  const real = placeOf(row.real_ip, Number(row.real_port));
  const [living = row] = await states([row], client === undefined ? {} : { client: [client] });
  const connection = connectionOf(living);
  const until = connection.end ?? now;
  const while_ = { since: connection.begin - MOMENT_MS, until: until + MOMENT_MS, node: connection.node, limit: ROWS };
  const [events, template, siblings, changes, others] = await Promise.all([
    ask({ columns: EVENTS, sql: eventsSql(connection, until) }),
    templateOf(ask, row),
    siblingsOf(ask, row),
    real === undefined ? [] : changesOf(ask, { ...while_, real: [real] }),
    client === undefined ? [] : newest(ask, states, around(client, connection.begin, until)),
  ]);
  const sentence = endSentence({ ...connection, seconds: connection.seconds ?? (until - connection.begin) / 1000 });
  return {
    connection,
    sentence,
    steps: events.map((event) => ({ at: Number(event.at), text: stepText(event, connection, sentence) })),
    template,
    siblings,
    changes,
    around: others.filter((other) => other.id !== connection.id || other.node !== connection.node),
  };
}

type Place = NonNullable<Values['client']>[number];

function placeOf(ip: unknown, port?: number): Place | undefined {
  const address = parseAddress(String(ip));
  return address?.some((byte) => byte !== 0) ? { address, prefix: 128, port } : undefined;
}

const around = (client: Place, begin: number, until: number): Values => ({
  client: [client],
  since: begin - AROUND_MS,
  until: until + AROUND_MS,
  limit: ROWS,
});

const COLUMNS = [
  ...['node', 'conn_id', 'client', 'service', 'real', 'begin', 'finish', 'seconds', 'outcome', 'state', 'reason', 'cut', 'template'],
  ...['template_id', 'scheduled_by', 'forward', 'weight', 'flags', 'timer', 'packets_in', 'bytes_in', 'packets_out', 'bytes_out'],
  ...['client_ip', 'real_ip', 'real_port'],
] as const;

/** What COLUMNS are, of the view connections. */
const SELECTED = `node, toString(conn_id), ${viewEndpoint('client')}, ${viewService()}, ${viewEndpoint('real')}, toUnixTimestamp64Milli(start), if(is_open, NULL, toUnixTimestamp64Milli(assumeNotNull(end))), if(is_open, NULL, (toUnixTimestamp64Nano(assumeNotNull(end)) - toUnixTimestamp64Nano(start)) / 1e9), toString(outcome), if(is_open, '', state_name), toString(reason), toUInt8(is_cut), toUInt8(is_template), toString(template_id), toString(scheduled_by), toString(forward), weight, flag_names, timeout_ms / 1000, packets_in, bytes_in, packets_out, bytes_out, toString(client_ip), toString(real_ip), real_port`;

function connectionSql(id: bigint, node: string | undefined): string {
  return `SELECT ${SELECTED} FROM connections WHERE conn_id = ${id}${node === undefined ? '' : ` AND node = ${quote(node)}`} ORDER BY node, start DESC LIMIT 10`;
}

function connectionOf(row: Row): Connection {
  const finish = row.finish === null || row.finish === undefined ? null : Number(row.finish);
  const number = (name: string): number => Number(row[name] ?? 0);
  return {
    ...{
      node: String(row.node),
      id: String(row.conn_id),
      client: String(row.client),
      service: String(row.service),
      real: String(row.real),
    },
    ...{ begin: number('begin'), end: finish, seconds: finish === null ? null : number('seconds') },
    ...{ outcome: String(row.outcome), state: String(row.state), reason: String(row.reason), cut: number('cut') !== 0 },
    ...{ isTemplate: number('template') !== 0, scheduledBy: String(row.scheduled_by), forward: String(row.forward) },
    ...{ weight: number('weight') < 0 ? null : number('weight'), timer: number('timer') },
    flags: Array.isArray(row.flags) ? row.flags.map(String) : [],
    ...{ packetsIn: number('packets_in'), bytesIn: number('bytes_in'), packetsOut: number('packets_out'), bytesOut: number('bytes_out') },
    bytes: number('bytes_in') + number('bytes_out'),
  };
}

const EVENTS = ['at', 'kind', 'state', 'packets', 'weight', 'scheduled_by'] as const;

function eventsSql({ id, node, begin }: Connection, until: number): string {
  const when = `time_ns >= ${momentLiteral(begin - MOMENT_MS)} AND time_ns <= ${momentLiteral(until + MOMENT_MS)}`;
  return `SELECT toUnixTimestamp64Milli(time_ns), toString(kind), state_name, drop_packets, weight, toString(scheduled_by) FROM conn_events WHERE conn_id = ${id} AND node = ${quote(node)} AND ${when} ORDER BY time_ns, epoch, sequence LIMIT ${ROWS}`;
}

/** A step of its life in words. */
function stepText(event: Row, { real, isTemplate }: Connection, sentence: string): string {
  const state = String(event.state);
  switch (event.kind) {
    case 'create': {
      const weight = Number(event.weight);
      const at = weight < 0 ? '' : `, which had weight ${countText(weight)}`;
      return `${isTemplate ? 'Template made' : 'Created'}: sent to ${real}${at}, by ${BY[String(event.scheduled_by)] ?? 'an unknown hand'}.`;
    }
    case 'snapshot':
      return `Found by a capture that started, in state ${state}.`;
    case 'state':
      return `State ${state}.`;
    case 'nodest_drop':
      return `${plural(Number(event.packets), 'packet')} dropped: the real server was gone.`;
    case 'expire':
      return sentence;
    default:
      return `${String(event.kind).replaceAll('_', ' ')}.`;
  }
}

/** Who chose the real server. */
const BY: Readonly<Record<string, string>> = {
  scheduler: 'the scheduler',
  persistence: 'persistence',
  sync: 'the other director, which told of it',
  bypass: 'the bypass: there was no real server',
};

async function templateOf(ask: Ask, row: Row): Promise<Told | null> {
  const id = String(row.template_id);
  if (id === '0') return null;
  const [found] = await ask({ columns: COLUMNS, sql: connectionSql(BigInt(id), String(row.node)) });
  return found === undefined ? null : connectionOf(found);
}

/** The others of its template. They are at its real server: the log finds these by order. */
async function siblingsOf(ask: Ask, row: Row): Promise<number> {
  const led = Number(row.template) !== 0;
  const id = String(led ? row.conn_id : row.template_id);
  const address = parseAddress(String(row.real_ip));
  if (id === '0' || address === undefined) return 0;
  const [found] = await ask({
    columns: ['connections'],
    sql: `SELECT count() FROM connections WHERE real_ip = ${addressLiteral(address)} AND template_id = ${id} AND node = ${quote(String(row.node))} AND NOT is_template`,
  });
  return Math.max(0, Number(found?.connections ?? 0) - (led ? 0 : 1));
}
