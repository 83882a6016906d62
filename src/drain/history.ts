import type { ServiceKey } from '../wire/administration.js';
import type { Lifetimes } from './survival.js';

/** Lifetimes that differ by less than this factor are counted as one: a history of any size is then some 2000 rows. */
const SAME = 1.01;
/** How far back. */
const DAYS = 14;

/** An open connection that is younger may be one that is closing, and the log does not know: it tells nothing, min. */
const CLOSING = 5;

/**
 * The SQL that tells how long a virtual service's connections were established, in seconds: of each length how many ended by themselves at it, and of how many is only
 * known that they lived so long, as they are still there or were cut. One that was closed stayed in the balancer's table for its timer's period more.
 * All that began in the time looked at count: the newest alone would tell nothing of long lifetimes.
 */
export function lifetimesSql(key: ServiceKey, address: string): string {
  const which =
    key.fwmark !== 0
      ? `fwmark = ${key.fwmark}`
      : `fwmark = 0 AND virtual_addr = '${address}' AND protocol = ${key.protocol}${key.port === 0 ? '' : ` AND virtual_port = ${key.port}`}`;
  const seconds = `greatest(0, (toUnixTimestamp64Milli(coalesce(end, now64(9, 'UTC'))) - toUnixTimestamp64Milli(start) - if(outcome IN ('closed', 'reset'), timeout_ms, 0)) / 1000)`;
  const told = `outcome IN ('closed', 'reset', 'idle') OR is_cut OR (is_open AND start < now() - INTERVAL ${CLOSING} MINUTE)`;
  const lifetimes = `SELECT ${seconds} AS seconds, outcome IN ('closed', 'reset', 'idle') AS ended FROM connections WHERE ${which} AND NOT is_template AND start > now() - INTERVAL ${DAYS} DAY AND (${told})`;
  return `SELECT avg(seconds), countIf(ended), countIf(NOT ended) FROM (${lifetimes}) GROUP BY floor(log(greatest(seconds, 0.001)) / log(${SAME}))`;
}

/** The answer to lifetimesSql() in format JSONCompact. */
export function lifetimesOf(answer: Buffer): Lifetimes[] {
  const { data } = JSON.parse(answer.toString('utf8')) as { data: readonly (readonly (number | string)[])[] };
  return data.map(([age, ended, censored]) => ({ age: Number(age), ended: Number(ended), censored: Number(censored) }));
}

/** The SQL for the weight that a real server had before it was last quiesced: `weight=3 forward=...`, no row when the log does not know. */
export function weightBeforeSql(key: ServiceKey, address: string, real: string, realPort: number): string {
  const service =
    key.fwmark !== 0
      ? `fwmark = ${key.fwmark}`
      : `replaceRegexpOne(IPv6NumToString(virtual_addr), '^::ffff:', '') = '${address}' AND protocol = ${key.protocol} AND virtual_port = ${key.port}`;
  return `SELECT old_value FROM control_events WHERE kind = 'real_changed' AND ${service} AND replaceRegexpOne(IPv6NumToString(real_addr), '^::ffff:', '') = '${real}' AND real_port = ${realPort} AND startsWith(new_value, 'weight=0 ') AND NOT startsWith(old_value, 'weight=0 ') ORDER BY time_ns DESC LIMIT 1`;
}
