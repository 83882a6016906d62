/**
 * History made by SQL: what a director with four services and forty real servers logs in a week, with days and nights. No balancer makes a week in a minute,
 * and ClickHouse makes it as fast as it can store it; everything about a connection comes from a hash of its number, so every run makes the same rows. Half a million
 * clients fetch four thousand pages, some far more often than others; times and lifetimes are random to the nanosecond. One connection in a hundred never ends.
 */
export interface HistoryOptions {
  /** How many events, about. */
  readonly events: number;
  /** How long it is. */
  readonly days: number;
  /** When the history ends, seconds since 1970. */
  readonly until: number;
  /** Where the tables are. */
  readonly database: string;
}

/** A part of the history: connections that begin in it, and events that happen in it. */
export interface Chunk {
  readonly begin: number;
  /** Number of its first connection. */
  readonly first: number;
  readonly connections: number;
}

const DAY_S = 86_400;
/** Length of a chunk, seconds; no connection of the history that ends lasts longer. */
export const CHUNK_S = 7200;
export const NODE = 'lb1';
export const EPOCH = '5f0c9d3e-6a51-4c1e-9d43-0f6f2f1f7a10-1';

/** The history as chunks. Nights have a fifth of the traffic of days. */
export function chunksOf({ events, days, until }: HistoryOptions): Chunk[] {
  const count = (days * DAY_S) / CHUNK_S;
  const begins = Array.from({ length: count }, (_, i) => until - (count - i) * CHUNK_S);
  const weights = begins.map((begin) => 1.2 - Math.cos((((begin + CHUNK_S / 2) % DAY_S) / DAY_S) * 2 * Math.PI));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  let first = 1;
  return begins.map((begin, i) => {
    const connections = Math.round(((events / 2) * (weights[i] ?? 0)) / all);
    const chunk = { begin, first, connections };
    first += connections;
    return chunk;
  });
}

/** A hash of the connection's number, another for every property. */
const chance = (property: number): string => `(sipHash64(c, ${property}) / 18446744073709551616)`;
const ip = (parts: string): string => `toIPv6(IPv4NumToString(toUInt32(${parts})))`;

/** The connections that begin in a chunk, a row each. */
function connections({ begin, first, connections: count }: Chunk): string {
  const at = begin * 1e9;
  const step = Math.floor((CHUNK_S * 1e9) / count);
  return `SELECT number + ${first} AS c, ${at} + number * ${step} + sipHash64(c, 1) % ${step} AS begun,
    sipHash64(c, 2) % 100 < 55 ? 0 : (sipHash64(c, 2) % 100 < 80 ? 1 : (sipHash64(c, 2) % 100 < 95 ? 2 : 3)) AS service,
    toUInt64(service * 10 + pow(${chance(3)}, 1.3) * 10) AS server,
    toUInt64(pow(${chance(4)}, 3) * 500000) AS client,
    toUInt64(1e6 * exp(log(40) + 2.2 * (sqrt(-2 * log(${chance(5)} + 1e-12)) * cos(6.283185307 * ${chance(6)})))) AS wanted,
    least(wanted, ${(CHUNK_S - 60) * 1e9}) AS lasted,
    toUInt64(4000 * pow(${chance(7)}, 3)) AS page,
    toUInt64(exp(7.5 + 4 * (sipHash64(page, 10) % 65536 / 65536) * (sipHash64(page, 11) % 65536 / 65536) * 2)) AS size,
    5 + size DIV 1400 AS out,
    4 + out DIV 2 AS packets,
    sipHash64(c, 8) % 100000 AS fate
    FROM numbers(${count})`;
}

/** The INSERT of everything that happens in a chunk: ends of connections of the one before too. `sequence`: of the first event. */
export function insertOf(chunk: Chunk, before: Chunk | undefined, sequence: number, { database }: HistoryOptions): string {
  const source = [before, chunk].filter((one) => one !== undefined).map(connections);
  const [from, to] = [chunk.begin * 1e9, (chunk.begin + CHUNK_S) * 1e9];
  const ended = `event = 2`;
  // Half a percent of the events are beginnings without an end, so many connections are open when the history ends; of every time, as keepalive and tunnels make them.
  const open = 'sipHash64(c, 13) % 100 = 0';
  const columns: Record<string, string> = {
    node: `'${NODE}'`,
    epoch: `'${EPOCH}'`,
    kind: `CAST(multiIf(event = 1, 'create', event = 2, 'expire', 'nodest_drop'), 'Enum8(\\'unspecified\\'=0,\\'create\\'=1,\\'expire\\'=2,\\'nodest_drop\\'=3)')`,
    time_ns: `fromUnixTimestamp64Nano(toInt64(at), 'UTC')`,
    sequence: `${sequence} + rowNumberInAllBlocks()`,
    conn_id: '27800000000000000 + c',
    protocol: '6',
    family: '4',
    client_addr: ip('2851995648 + client * 7'),
    client_port: '32768 + sipHash64(c, 9) % 28232',
    virtual_addr: ip('167837697 + service'),
    virtual_port: 'service = 1 ? 80 : 443',
    real_addr: ip('167903233 + server'),
    real_port: '8443',
    forward: `'masq'`,
    flags: `${ended} ? 256 : 257`,
    state: `${ended} ? (fate < 95000 ? 5 : 6) : (event = 1 ? 3 : 1)`,
    weight: 'fate % 997 = 0 ? 0 : 100',
    quiesced: 'fate % 997 = 0',
    created_skew: '0',
    duration_ns: `${ended} ? lasted : 0`,
    packets_in: `${ended} ? packets : 0`,
    bytes_in: `${ended} ? 52 * packets + 300 + sipHash64(client, 12) % 400 + page % 97 : 0`,
    packets_out: `${ended} ? out : 0`,
    bytes_out: `${ended} ? size + 52 * out : 0`,
    reason: `${ended} ? (fate < 97000 ? 'timeout' : (fate < 99000 ? 'expire_now' : (fate < 99900 ? 'nodest' : 'drop_entry'))) : 'none'`,
    scheduled_by: `fate % 997 = 0 ? 'persistence' : 'scheduler'`,
    drop_packets: 'event = 3 ? 1 + fate % 5 : 0',
    drop_bytes: 'event = 3 ? 60 * (1 + fate % 5) : 0',
    drop_first_ns: `event = 3 ? time_ns : fromUnixTimestamp64Nano(0, 'UTC')`,
    drop_last_ns: `event = 3 ? time_ns : fromUnixTimestamp64Nano(0, 'UTC')`,
    timeout_ms: `${ended} ? 120000 : (event = 1 ? 60000 : 900000)`,
    netns: '4026531840',
  };
  const names = Object.keys(columns);
  return `INSERT INTO ${database}.conn_events (${names.join(', ')})
    SELECT ${names.map((name) => `${columns[name]} AS ${name}`).join(', ')}
    FROM (SELECT *, arrayJoin(arrayConcat([1], ${open} ? [] : [2], fate BETWEEN 99000 AND 99899 ? [3] : [])) AS event,
        multiIf(event = 1, begun, event = 2, begun + lasted, begun + lasted DIV 2) AS at
      FROM (${source.join(' UNION ALL ')}))
    WHERE at >= ${from} AND at < ${to} ORDER BY at, c
    SETTINGS async_insert = 0, max_insert_threads = 1, optimize_on_insert = 0, parallel_view_processing = 1, max_partitions_per_insert_block = 0, max_block_size = 65536, min_insert_block_size_rows = 1000000`;
}

/** What an administrator did meanwhile: services and real servers are there from the start, one server a night is taken out for an hour, another is overloaded at noon; and something was lost once. */
export function controlInsert({ days, until, database }: HistoryOptions, sequence: number): string {
  const begin = until - days * DAY_S;
  const nothing = { virtual: '::', vport: 0, real: '::', rport: 0, name: '', old: '', now: '', through: 'netlink', where: 'none', lost: 0 };
  const rows: string[] = [];
  const row = (at: number, kind: string, more: Partial<typeof nothing>): void => {
    const { virtual, vport, real, rport, name, old, now, through, where, lost } = { ...nothing, ...more };
    const time = new Date(at * 1000).toISOString().replace('T', ' ').replace('Z', '');
    rows.push(
      `('${NODE}', '${EPOCH}', '${kind}', '${time}', ${sequence + rows.length}, 6, '${virtual}', ${vport}, '${real}', ${rport}, '${name}', '${old}', '${now}', 0, 'ipvsadm', '${through}', '${where}', ${lost})`,
    );
  };
  const service = (index: number): Partial<typeof nothing> => ({ virtual: `10.1.0.${index + 1}`, vport: index === 1 ? 80 : 443 });
  const server = (index: number): Partial<typeof nothing> => ({
    ...service(Math.floor(index / 10)),
    real: `10.2.0.${index + 1}`,
    rport: 8443,
  });
  const weight = (of: number): string => `weight=${of} forward=masq upper=0 lower=0`;
  row(begin, 'capture_started', {});
  for (let i = 0; i < 4; i++) row(begin, 'service_added', { ...service(i), now: 'scheduler=wlc persistent=0s flags=0x2' });
  for (let i = 0; i < 40; i++) row(begin, 'real_added', { ...server(i), now: weight(100) });
  for (let day = 0; day < days; day++) {
    const night = begin + day * DAY_S + 3 * 3600;
    row(night, 'real_changed', { ...server(day * 5), old: weight(100), now: weight(0) });
    row(night + 3600, 'real_changed', { ...server(day * 5), old: weight(0), now: weight(100) });
    row(night + 9 * 3600, 'overload_on', server(day));
    row(night + 10 * 3600, 'overload_off', server(day));
    row(night + 11 * 3600, 'knob_changed', {
      name: 'expire_nodest_conn',
      old: String(day % 2),
      now: String((day + 1) % 2),
      through: 'sysctl',
    });
  }
  row(begin + 80_000, 'loss', { lost: 1234, where: 'ring' });
  return `INSERT INTO ${database}.control_events (node, epoch, kind, time_ns, sequence, protocol, virtual_addr, virtual_port, real_addr, real_port, name, old_value, new_value, uid, command, through, \`where\`, lost) SETTINGS async_insert = 0 VALUES ${rows.join(', ')}`;
}
