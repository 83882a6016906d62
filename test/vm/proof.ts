import { v1 } from '../../src/wire/proto.js';
import { type ConnEvent, idOf } from '../conformance/entry.js';
import { addressText } from '../conformance/story.js';
import type { CollectorProcess } from './collector.js';
import type { SubscriberLog } from './event-log.js';
import type { Machine } from './machine.js';
import { attempt, type Result } from './result.js';

/** The columns of conn_events that are compared, as SQL writes them and as the log has them. */
const COMPARED: readonly (readonly [string, (event: ConnEvent) => string])[] = [
  ['toString(kind)', (e) => v1.EventKind.Value[e.kind] ?? '?'],
  ['toString(conn_id)', (e) => idOf(e.conn_id)],
  ['toString(reason)', (e) => v1.EndReason.Value[e.reason] ?? '?'],
  ['toString(scheduled_by)', (e) => v1.ScheduledBy.Value[e.scheduled_by] ?? '?'],
  ['toString(forward)', (e) => v1.ForwardMethod.Value[e.forward] ?? '?'],
  ['toString(template_id)', (e) => idOf(e.template_id)],
  ['toString(toUnixTimestamp64Nano(time_ns))', (e) => idOf(e.time_ns)],
  [
    "toString(protocol), ' ', toString(fwmark), ' ', toString(weight), ' ', toString(netns)",
    (e) => `${e.protocol} ${e.fwmark} ${e.weight} ${e.netns}`,
  ],
  [sqlPlace('client'), (e) => `${addressText(e.client_addr)} ${e.client_port}`],
  [sqlPlace('virtual'), (e) => `${addressText(e.virtual_addr)} ${e.virtual_port}`],
  [sqlPlace('real'), (e) => `${addressText(e.real_addr)} ${e.real_port}`],
  ["toString(toUInt8(is_template)), ' ', toString(toUInt8(quiesced))", (e) => `${Number(e.is_template)} ${Number(e.quiesced)}`],
  [
    "toString(drop_packets), ' ', toString(drop_bytes), ' ', toString(packets_in)",
    (e) => `${idOf(e.drop_packets)} ${idOf(e.drop_bytes)} ${idOf(e.packets_in)}`,
  ],
];

/** An address and its port, the address as people write it. */
function sqlPlace(which: string): string {
  return `if(${which}_addr = toIPv6('::'), '-', replaceOne(toString(${which}_addr), '::ffff:', '')), ' ', toString(${which}_port)`;
}

/** The log's events as SQL should tell them. */
function expected(log: SubscriberLog): string[] {
  return log.entries.map(({ sequence, conn, control }) =>
    conn === undefined
      ? `${sequence} control ${v1.ControlKind.Value[control.kind]} ${control.old_value} ${control.new_value} ${control.command}`
      : `${sequence} ${COMPARED.map(([, tell]) => tell(conn)).join(' ')}`,
  );
}

/**
 * The last scenario: after all that was done to capture and collector, SQL holds exactly what an independent subscriber was told, once each,
 * `vslog verify` says complete, and every connection that ended is closed in `connections`.
 */
export function compareWithSql(machine: Machine, log: SubscriberLog, collector: CollectorProcess): Promise<Result> {
  return attempt('sql-agrees', () => differenceToSql(log, collector), machine);
}

async function differenceToSql(log: SubscriberLog, collector: CollectorProcess): Promise<string | undefined> {
  const { position } = log;
  if (position === undefined) return 'the log is empty';
  await collector.untilStored(position.epoch, position.sequence);
  const where = `epoch = '${position.epoch}' AND sequence <= ${position.sequence}`;
  const rows = await collector.sql(`SELECT sequence, text FROM (
      SELECT sequence, concat(${COMPARED.map(([sql]) => sql).join(", ' ', ")}) AS text FROM vslog.conn_events WHERE ${where}
      UNION ALL SELECT sequence, concat('control ', toString(kind), ' ', old_value, ' ', new_value, ' ', command) FROM vslog.control_events WHERE ${where}) ORDER BY sequence`);
  const told = rows.map((row) => row.join(' '));
  const wanted = expected(log).filter((line) => BigInt(line.split(' ')[0] ?? 0) <= position.sequence);
  const wrong = wanted.findIndex((line, i) => line !== told[i]);
  if (wrong >= 0 || told.length !== wanted.length)
    return `SQL has ${told.length} records and the log ${wanted.length}; first difference: SQL "${told[wrong]}", log "${wanted[wrong]}"`;
  const open = new Set<string>();
  for (const { conn } of log.entries) {
    if (conn === undefined || idOf(conn.conn_id) === '0') continue;
    if (conn.kind === v1.EventKind.Value.expire) open.delete(idOf(conn.conn_id));
    else if (conn.kind !== v1.EventKind.Value.nodest_drop) open.add(idOf(conn.conn_id));
  }
  const [[stillOpen = ''] = []] = await collector.sql('SELECT count() FROM vslog.connections WHERE is_open');
  if (Number(stillOpen) !== open.size) return `connections holds ${stillOpen} open ones, the log ${open.size}`;
  const verify = await collector.command('verify');
  return verify.code === 0 ? undefined : `vslog verify exits with ${verify.code}:\n${verify.out}${verify.err}`;
}
