import { v1 } from '../../src/wire/proto.js';
import type { CollectorProcess } from './collector.js';
import { idOf, type SubscriberLog } from './event-log.js';
import type { Result } from './runner.js';

/** The log's events as SQL should tell them. */
function expected(log: SubscriberLog): string[] {
  return log.entries.map(({ sequence, conn, control }) =>
    conn === undefined
      ? `${sequence} control ${v1.ControlKind.Value[control.kind]}`
      : `${sequence} ${v1.EventKind.Value[conn.kind]} ${idOf(conn.conn_id)} ${v1.EndReason.Value[conn.reason]}`,
  );
}

/**
 * The last scenario: after all that was done to capture and collector, SQL holds exactly what an independent subscriber was told, once each,
 * `vslog verify` says complete, and every connection that ended is closed in `connections`.
 */
export async function compareWithSql(log: SubscriberLog, collector: CollectorProcess): Promise<Result> {
  const begin = Date.now();
  const result = (failure: string | undefined): Result => ({ scenario: 'sql-agrees', seconds: (Date.now() - begin) / 1000, failure });
  try {
    const { position } = log;
    if (position === undefined) return result('the log is empty');
    await collector.untilStored(position.epoch, position.sequence);
    const where = `epoch = '${position.epoch}' AND sequence <= ${position.sequence}`;
    const rows = await collector.sql(`SELECT sequence, text FROM (
        SELECT sequence, concat(toString(kind), ' ', toString(conn_id), ' ', toString(reason)) AS text FROM vslog.conn_events WHERE ${where}
        UNION ALL SELECT sequence, concat('control ', toString(kind)) FROM vslog.control_events WHERE ${where}) ORDER BY sequence`);
    const told = rows.map((row) => row.join(' '));
    const wanted = expected(log).filter((line) => BigInt(line.split(' ')[0] ?? 0) <= position.sequence);
    const wrong = wanted.findIndex((line, i) => line !== told[i]);
    if (wrong >= 0 || told.length !== wanted.length) {
      return result(
        `SQL has ${told.length} records and the log ${wanted.length}; first difference: SQL "${told[wrong]}", log "${wanted[wrong]}"`,
      );
    }
    const open = new Set<string>();
    for (const { conn } of log.entries) {
      if (conn === undefined || idOf(conn.conn_id) === '0') continue;
      if (conn.kind === v1.EventKind.Value.expire) open.delete(idOf(conn.conn_id));
      else if (conn.kind !== v1.EventKind.Value.nodest_drop) open.add(idOf(conn.conn_id));
    }
    const [[stillOpen = ''] = []] = await collector.sql('SELECT count() FROM vslog.connections WHERE is_open');
    if (Number(stillOpen) !== open.size) return result(`connections holds ${stillOpen} open ones, the log ${open.size}`);
    const verify = await collector.command('verify');
    if (verify.code !== 0) return result(`vslog verify exits with ${verify.code}:\n${verify.out}${verify.err}`);
    return result(undefined);
  } catch (error) {
    return result(error instanceof Error ? error.message : String(error));
  }
}
