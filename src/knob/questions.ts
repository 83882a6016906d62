import type { Knob } from './catalogue.js';

/** What the log can say of a knob: SQL for the store. */
export interface Question {
  /** A heading. */
  readonly title: string;
  readonly sql: string;
  /** Of the answer, in its order. */
  readonly columns: readonly string[];
  /** A sentence for an answer without rows. */
  readonly none: string;
}

/** Rows that a person reads. */
const ROWS = 20;

/** What to ask the log about a knob, as `vslog knob explain` does. */
export function questionsOf(knob: Knob): Question[] {
  switch (knob.name) {
    case 'expire_nodest_conn':
      return [NODEST_DROPS, NODEST_WOULD_END, NODEST_ENDED];
    case 'expire_quiescent_template':
      return [QUIESCED_CLIENTS];
    case 'conn_reuse_mode':
      return [PORT_REUSE];
    default: {
      const ended = TIMEOUTS[knob.name];
      return ended === undefined ? [changesOf(knob, 10)] : [timeoutShare(ended)];
    }
  }
}

const CHANGE_COLUMNS = [
  'time',
  'old_value',
  'new_value',
  'uid',
  'login_uid',
  'pid',
  'command',
  'parent_pid',
  'parent_command',
  'through',
  'node',
] as const;

/** The changes of a knob in the log, newest first. One of a service or real server is a word of those records. */
export function changesOf(knob: Knob, limit: number): Question {
  const question = { title: 'Its changes', columns: CHANGE_COLUMNS, none: 'The log has no change of it.' };
  const field = SERVICE_FIELDS[knob.name];
  if (knob.backing === 'service' || knob.backing === 'real-server') {
    if (field === undefined) return { ...question, sql: changes("''", "''", 'false', limit) };
    const kind = knob.backing === 'service' ? 'service_changed' : 'real_changed';
    const [before, after] = ['old_value', 'new_value'].map((column) => `extract(${column}, '(?:^| )${field}=([^ ]*)')`) as [string, string];
    return { ...question, sql: changes(before, after, `kind = '${kind}' AND ${before} != ${after}`, limit) };
  }
  // Source engine once wrote the sysctl's name for a knob that has none in the kernel, too.
  const names = [...new Set([knob.name, `net.ipv4.vs.${knob.name}`, knob.path, knob.path.replaceAll('/', '.')])];
  const where = `kind = 'knob_changed' AND name IN (${names.map((name) => `'${name}'`).join(', ')})`;
  return { ...question, sql: changes('old_value', 'new_value', where, limit) };
}

/** What control_events calls the settings of services and real servers. It has no others. */
const SERVICE_FIELDS: Readonly<Record<string, string>> = {
  service_scheduler: 'scheduler',
  service_flags: 'flags',
  service_timeout: 'persistent',
  real_weight: 'weight',
  real_forward: 'forward',
  real_upper: 'upper',
  real_lower: 'lower',
};

/** `before`, `after` and `where` are expressions over control_events. */
function changes(before: string, after: string, where: string, limit: number): string {
  const rest = CHANGE_COLUMNS.slice(3).join(', ');
  const found = `SELECT time_ns AS at, sequence AS number, ${before} AS before, ${after} AS after, ${rest} FROM control_events WHERE ${where}`;
  return `SELECT toString(at) AS time, before AS old_value, after AS new_value, ${rest} FROM (${found}) ORDER BY at DESC, number DESC LIMIT ${limit}`;
}

function address(column: string): string {
  return `replaceRegexpOne(IPv6NumToString(${column}), '^::ffff:([0-9]+[.])', '\\\\1')`;
}

function endpoint(name: string): string {
  const text = address(`${name}_addr`);
  return `concat(if(position(${text}, ':') > 0, concat('[', ${text}, ']'), ${text}), ':', toString(${name}_port))`;
}

const LAST_HOUR = 'time_ns > now64(9) - INTERVAL 1 HOUR';
const LAST_DAY = 'time_ns > now64(9) - INTERVAL 1 DAY';

const NODEST_DROPS: Question = {
  title: 'Packets dropped in the last hour because their real server is gone',
  columns: ['real_server', 'events', 'packets', 'connections'],
  sql: `SELECT ${endpoint('real')} AS real_server, count() AS events, sum(drop_packets) AS packets, uniqExactIf((node, conn_id), conn_id != 0) AS connections FROM conn_events WHERE kind = 'nodest_drop' AND ${LAST_HOUR} GROUP BY real_server ORDER BY packets DESC, real_server LIMIT ${ROWS}`,
  none: 'No packet was dropped for that in the last hour.',
};

const NODEST_WOULD_END: Question = {
  title: 'Connections that 1 would have ended instead, in the last hour',
  columns: ['connections'],
  sql: `SELECT uniqExactIf((node, conn_id), conn_id != 0) AS connections FROM conn_events WHERE kind = 'nodest_drop' AND ${LAST_HOUR}`,
  none: 'None.',
};

const NODEST_ENDED: Question = {
  title: 'Connections that were ended in the last hour because their real server is gone',
  columns: ['real_server', 'reason', 'connections'],
  sql: `SELECT ${endpoint('real')} AS real_server, toString(reason) AS reason, count() AS connections FROM conn_events WHERE kind = 'expire' AND reason IN ('nodest', 'service_removed') AND ${LAST_HOUR} GROUP BY real_server, reason ORDER BY connections DESC, real_server LIMIT ${ROWS}`,
  none: 'No connection was ended for that in the last hour.',
};

const QUIESCED_CLIENTS: Question = {
  title: 'Clients that persistence sent to quiesced real servers in the last hour',
  columns: ['real_server', 'client', 'connections', 'last'],
  sql: `SELECT ${endpoint('real')} AS real_server, ${address('client_addr')} AS client, count() AS connections, toString(max(time_ns)) AS last FROM conn_events WHERE kind = 'create' AND scheduled_by = 'persistence' AND quiesced AND ${LAST_HOUR} GROUP BY real_server, client ORDER BY connections DESC, real_server, client LIMIT ${ROWS}`,
  none: 'Persistence sent no client to a quiesced real server in the last hour.',
};

const FLOW = 'node, netns, protocol, client_addr, client_port, virtual_addr, virtual_port';

/** A create whose neighbour before it in its flow is open, or ended at most five minutes earlier. */
const PORT_REUSE: Question = {
  title: 'Ports that clients used again within five minutes, in the last day',
  columns: ['earlier_connection', 'reuses', 'to_another_real_server', 'clients'],
  sql: `SELECT if(before = 'expire', concat('ended: ', before_reason), 'still open') AS earlier_connection, count() AS reuses, countIf(real != before_real) AS to_another_real_server, uniqExact(client_addr) AS clients FROM (SELECT kind, time_ns, client_addr, ${endpoint('real')} AS real, lagInFrame(toString(kind)) OVER flow AS before, lagInFrame(toString(reason)) OVER flow AS before_reason, lagInFrame(time_ns) OVER flow AS before_ns, lagInFrame(${endpoint('real')}) OVER flow AS before_real FROM conn_events WHERE kind IN ('create', 'expire', 'snapshot') AND NOT is_template AND client_port != 0 AND ${LAST_DAY} WINDOW flow AS (PARTITION BY ${FLOW} ORDER BY time_ns, epoch, sequence ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)) WHERE kind = 'create' AND before != '' AND (before != 'expire' OR time_ns <= before_ns + INTERVAL 5 MINUTE) GROUP BY earlier_connection ORDER BY reuses DESC`,
  none: 'No client used a port again within five minutes in the last day.',
};

/** IPS_ASSURED, of the kernel's nf_conntrack_common.h: packets went both ways for a while. */
const ASSURED = 'bitTest(flags, 2)';
const tcp = (state: number): string => `protocol = 6 AND state = ${state}`;
const sctp = (state: number): string => `protocol = 132 AND state = ${state}`;

/** Of which records a timeout is, where the record tells: states are IPVS's numbers with every source. */
const TIMEOUTS: Readonly<Record<string, string>> = {
  timeout_tcp: tcp(1),
  timeout_tcpfin: tcp(4),
  timeout_udp: 'protocol = 17',
  timeout_timewait: tcp(5),
  timeout_close: tcp(6),
  nf_conntrack_tcp_timeout_syn_sent: tcp(2),
  nf_conntrack_tcp_timeout_syn_recv: tcp(3),
  nf_conntrack_tcp_timeout_established: tcp(1),
  nf_conntrack_tcp_timeout_fin_wait: tcp(4),
  nf_conntrack_tcp_timeout_close_wait: tcp(7),
  nf_conntrack_tcp_timeout_last_ack: tcp(8),
  nf_conntrack_tcp_timeout_time_wait: tcp(5),
  nf_conntrack_tcp_timeout_close: tcp(6),
  nf_conntrack_udp_timeout: `protocol = 17 AND NOT ${ASSURED}`,
  nf_conntrack_udp_timeout_stream: `protocol = 17 AND ${ASSURED}`,
  nf_conntrack_icmp_timeout: 'protocol = 1',
  nf_conntrack_icmpv6_timeout: 'protocol = 58',
  nf_conntrack_generic_timeout: 'protocol NOT IN (1, 6, 17, 33, 47, 58, 132, 136)',
  nf_conntrack_gre_timeout: `protocol = 47 AND NOT ${ASSURED}`,
  nf_conntrack_gre_timeout_stream: `protocol = 47 AND ${ASSURED}`,
  nf_conntrack_sctp_timeout_closed: sctp(13),
  nf_conntrack_sctp_timeout_cookie_wait: sctp(5),
  nf_conntrack_sctp_timeout_cookie_echoed: sctp(7),
  nf_conntrack_sctp_timeout_established: sctp(8),
  nf_conntrack_sctp_timeout_shutdown_sent: sctp(9),
  nf_conntrack_sctp_timeout_shutdown_recd: sctp(10),
  nf_conntrack_sctp_timeout_shutdown_ack_sent: sctp(11),
};

function timeoutShare(ended: string): Question {
  const own = `countIf(reason = 'timeout' AND ${ended})`;
  return {
    title: 'Connections that ended by it in the last day, of all that ended',
    columns: ['ended_by_it', 'ended', 'percent'],
    sql: `SELECT ${own} AS ended_by_it, count() AS ended, round(100 * ${own} / count(), 1) AS percent FROM conn_events WHERE kind = 'expire' AND NOT is_template AND ${LAST_DAY} HAVING ended > 0`,
    none: 'No connection ended in the last day.',
  };
}
