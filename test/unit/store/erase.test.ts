import { describe, expect, it } from 'vitest';
import type { Database } from '../../../src/store/database.js';
import { eraseRows, isTheirs } from '../../../src/store/erase.js';
import { rewriting } from '../../../src/store/rewrite.js';
import { network, targetOf } from '../support/people.js';

/** A database that keeps what is written, and answers as it is told to. */
function fake(answer: (sql: string) => string, cluster?: string): Database & { readonly written: string[] } {
  const written: string[] = [];
  return {
    ...{ placement: { database: 'vslog', cluster }, mayLinger: false, written },
    text: async (sql) => answer(sql),
    write: async (sql) => void written.push(sql),
    insert: async () => undefined,
  };
}

const NOTHING = (sql: string): string => {
  if (sql.includes('latest_fail_reason')) return '[0, 0, ""]';
  if (sql.includes('system.parts') && sql.includes('NOT active')) return '0\t0';
  return sql.startsWith('SELECT DISTINCT command') || sql.includes('.batches') ? '' : '0';
};

describe('the rows of a person', () => {
  it('are those with the address at a side where he can stand, before the time', () => {
    const before = "time_ns < fromUnixTimestamp64Nano(toInt64(3400000000000000000), 'UTC')";
    expect(isTheirs(targetOf(['203.0.113.7'], { virtual: false, real: false }), 'time_ns', true)).toBe(
      `((client_addr = toIPv6('203.0.113.7'))) AND ${before}`,
    );
    const any = isTheirs(targetOf(['203.0.113.0/24'], { own: [network('10.0.0.1')] }), 'time_ns', true);
    expect(any).toContain("client_addr BETWEEN toIPv6('203.0.113.0') AND toIPv6('203.0.113.255')");
    expect(any).toContain(
      "(bitAnd(flags, 8) != 0 AND (real_addr BETWEEN toIPv6('203.0.113.0') AND toIPv6('203.0.113.255')) AND NOT (real_addr = toIPv6('10.0.0.1')))",
    );
    // A table without flags has no flows of connection tracking.
    expect(isTheirs(targetOf(['203.0.113.7']), 'time_ns', false)).not.toContain('virtual_addr');
    expect(isTheirs(targetOf(['203.0.113.7'], { auto: false, client: false }), 'time_ns', false)).toContain('real_addr');
  });

  it('are in every table that has addresses, events last; what is hidden goes off the disk also where nothing is found', async () => {
    const found = fake((sql) =>
      sql.startsWith('SELECT count()') && sql.includes('log_queries')
        ? '3'
        : sql.includes('unreserved_space')
          ? '1000\t99999999999'
          : NOTHING(sql),
    );
    await eraseRows(found, targetOf(['203.0.113.7']), () => undefined);
    const mutations = found.written.flatMap(
      (sql) => /^ALTER TABLE vslog\.(\w+) (DELETE WHERE \(|UPDATE)/.exec(sql)?.slice(1, 3).join(' ') ?? [],
    );
    expect(mutations).toEqual([
      'connections_ended DELETE WHERE (',
      'connections_open DELETE WHERE (',
      'incidents DELETE WHERE (',
      'conn_events UPDATE',
    ]);
    const none = fake(NOTHING);
    await eraseRows(none, targetOf(['203.0.113.7']), () => undefined);
    for (const table of ['conn_events', 'control_events', 'connections_ended', 'connections_open', 'incidents', 'rs_minute']) {
      const about = none.written
        .filter((sql) => sql.startsWith(`ALTER TABLE vslog.${table} `))
        .map((sql) => sql.split(' ').slice(3, 6).join(' '));
      expect(about, table).toEqual([
        'MODIFY SETTING old_parts_lifetime',
        'APPLY DELETED MASK',
        'DELETE WHERE false',
        'RESET SETTING old_parts_lifetime,',
      ]);
    }
    expect(none.written.join('\n')).not.toContain('203.0.113.7');
  });

  it('are left alone where the disk has no room to rewrite them, and a cluster is told on every shard', async () => {
    const full = fake((sql) => (sql.includes('unreserved_space') ? '5000000\t1000' : sql.includes('count()') ? '3' : NOTHING(sql)));
    await expect(rewriting(full, 'conn_events', 'DELETE WHERE x', 'x', () => undefined)).rejects.toThrow(
      "The store's disk is full: rewriting table conn_events needs up to 72108864 bytes, and 1000 are free. Make room there; it goes on then.",
    );
    expect(full.written).toEqual([]);
    const cluster = fake((sql) => (sql.startsWith('SELECT count() FROM vslog') ? '3' : NOTHING(sql)), 'c');
    await rewriting(cluster, 'conn_events', 'DELETE WHERE x', 'x', () => undefined);
    expect(cluster.written[1]).toBe(
      "ALTER TABLE vslog.conn_events_local ON CLUSTER 'c' DELETE WHERE x SETTINGS mutations_sync = 2, log_queries = 0, allow_nondeterministic_mutations = 1",
    );
  });
});
