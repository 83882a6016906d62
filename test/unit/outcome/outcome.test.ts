import { describe, expect, it } from 'vitest';
import { CUT, isCut, isEstablished, OUTCOMES, outcomeOf, outcomeText } from '../../../src/outcome/outcome.js';
import { cutSql, establishedSql, OUTCOME_TYPE, outcomeSql } from '../../../src/outcome/sql.js';
import { loadMigrations } from '../../../src/store/migrate.js';
import { v1 } from '../../../src/wire/proto.js';
import { Schema } from '../support/schema.js';

const { timeout, expire_now, nodest, flushed, drop_entry, missed, capture_stopped, module_unload, one_packet, service_removed } =
  v1.EndReason.Value;
const [TCP, UDP, SCTP] = [6, 17, 132];
const ended = (reason: number, protocol: number, state: number, isTemplate = false) => ({ reason, protocol, state, isTemplate });

describe('the outcome of a connection', () => {
  it.each([
    ['closed by both sides', ended(timeout, TCP, 5), 'closed'],
    ['closed by one side that is seen (direct routing)', ended(timeout, TCP, 4), 'closed'],
    ['closed by the client, the server silent', ended(timeout, TCP, 7), 'closed'],
    ['reset', ended(timeout, TCP, 6), 'reset'],
    ['silent while established', ended(timeout, TCP, 1), 'idle'],
    ['a SYN of a flood', ended(timeout, TCP, 3), 'never_established'],
    ['a SYN that the SYN defence answered', ended(timeout, TCP, 10), 'never_established'],
    ['UDP', ended(timeout, UDP, 0), 'idle'],
    ['ICMP of source conntrack', ended(timeout, 1, 0), 'idle'],
    ['SCTP in its handshake', ended(timeout, SCTP, 5), 'never_established'],
    ['SCTP established', ended(timeout, SCTP, 8), 'idle'],
    ['SCTP shut down', ended(timeout, SCTP, 13), 'closed'],
    ['SCTP refused', ended(timeout, SCTP, 12), 'reset'],
    ['a template', ended(timeout, TCP, 1, true), 'idle'],
    ['the client used its port again', ended(expire_now, TCP, 5), 'replaced'],
    ['its real server was removed', ended(nodest, TCP, 1), 'server_removed'],
    ['its service was removed', ended(service_removed, TCP, 1), 'server_removed'],
    ['ended on request', ended(flushed, TCP, 1), 'flushed'],
    ['the namespace went away', ended(module_unload, TCP, 1), 'flushed'],
    ['the defence took it', ended(drop_entry, TCP, 3), 'defence'],
    ['one packet', ended(one_packet, UDP, 0), 'one_packet'],
    ['the capture that carried it stopped', ended(capture_stopped, TCP, 1), 'capture_stopped'],
    ['nobody watched', ended(missed, TCP, 1), 'unknown'],
    ['a reason of a later version', ended(99, TCP, 1), 'unknown'],
    ['still open', ended(0, TCP, 1), 'open'],
  ])('%s', (_what, ending, outcome) => {
    expect(outcomeOf(ending)).toBe(outcome);
  });

  it('has a place for every reason', () => {
    const names = new Set<string>(OUTCOMES.map(({ name }) => name));
    for (const reason of Object.values(v1.EndReason.Value).filter((value) => typeof value === 'number'))
      expect(names).toContain(outcomeOf(ended(reason, TCP, 1)));
    expect(OUTCOMES.map(({ number }) => number)).toEqual(OUTCOMES.map((_one, i) => i));
    expect(outcomeText('never_established')).toBe('never established');
  });

  it('is cut where it was established and something else ended it', () => {
    expect(isCut(ended(nodest, TCP, 1))).toBe(true);
    expect(isCut(ended(flushed, UDP, 0))).toBe(true);
    expect(isCut(ended(nodest, TCP, 5))).toBe(false); // over already
    expect(isCut(ended(drop_entry, TCP, 3))).toBe(false); // never established
    expect(isCut(ended(timeout, TCP, 1))).toBe(false);
    expect(isCut(ended(missed, TCP, 1))).toBe(false); // nobody knows
    expect(isCut(ended(nodest, TCP, 1, true))).toBe(false);
    expect(CUT).not.toContain('unknown');
    expect(isEstablished(SCTP, 8) && !isEstablished(SCTP, 9)).toBe(true);
  });
});

describe('in SQL', () => {
  it('is the same for every reason, protocol and state, in words of the migrations', async () => {
    const schema = await Schema.open();
    try {
      const endings = [1, TCP, UDP, SCTP].flatMap((protocol) =>
        Array.from({ length: 16 }, (_one, state) => state).flatMap((state) =>
          Array.from({ length: 13 }, (_two, reason) => reason).flatMap((reason) =>
            [false, true].map((isTemplate) => ended(reason, protocol, state, isTemplate)),
          ),
        ),
      );
      const rows = endings.map(({ reason, protocol, state, isTemplate }) => `(${reason}, ${protocol}, ${state}, ${isTemplate})`);
      const reasons = Object.entries(v1.EndReason.Value).flatMap(([name, value]) =>
        typeof value === 'number' ? [`'${name}'=${value}`] : [],
      );
      const from = `(SELECT CAST(r, 'Enum8(${reasons.join(',').replaceAll("'", "\\'")})') AS reason, protocol, state, is_template FROM values('r Int8, protocol UInt32, state UInt32, is_template Bool', ${rows.join(', ')})) AS t`;
      const answer = await schema.run(
        `SELECT toString(${outcomeSql('t.')}), toBool(${establishedSql('t.')}), toBool(${cutSql('t.')}) FROM ${from} FORMAT JSONCompact`,
        'JSONCompact',
      );
      const { data } = JSON.parse(Buffer.from(answer).toString('utf8')) as { data: [string, boolean, boolean][] };
      expect(data).toEqual(endings.map((one) => [outcomeOf(one), isEstablished(one.protocol, one.state), isCut(one)]));
    } finally {
      await schema.close();
    }
  });

  it('is counted a minute with its lifetimes, also when parts are merged, and what was there before once only', async () => {
    const schema = await Schema.open();
    try {
      const { database } = schema;
      const insert = (id: number, reason: string, state: number, ms: number): Promise<unknown> =>
        database.write(
          `INSERT INTO vslog.conn_events (node, epoch, kind, time_ns, sequence, conn_id, protocol, real_addr, state, reason, duration_ns) SELECT 'n', 'e', 'expire', toStartOfHour(now()) - 3600, ${id}, ${id}, 6, '::ffff:10.0.0.1', ${state}, '${reason}', ${ms * 1_000_000}`,
        );
      await insert(1, 'timeout', 5, 1000);
      await insert(2, 'timeout', 5, 1000);
      await insert(3, 'timeout', 3, 60_000);
      await insert(4, 'nodest', 1, 60_000);
      const counts = async (): Promise<unknown> =>
        (
          await database.text(
            'SELECT outcome, bucket, sum(n) FROM vslog.rs_minute ARRAY JOIN `outcomesMap.outcome` AS outcome, `outcomesMap.bucketKey` AS bucket, `outcomesMap.ends` AS n GROUP BY ALL ORDER BY ALL',
          )
        ).split('\n');
      const cut = (): Promise<string> =>
        database.text('SELECT sum(ends_cut), sum(ends), sum(arraySum(durationsMap.ends)) FROM vslog.rs_minute');
      const all = ['closed\t39\t2', 'never_established\t63\t1', 'server_removed\t63\t1'];
      expect(await counts()).toEqual(all);
      expect(await cut()).toBe('1\t4\t4');
      await database.write('OPTIMIZE TABLE vslog.rs_minute FINAL');
      expect(await counts()).toEqual(all);
      expect(await database.text('SELECT count() FROM vslog.rs_minute')).toBe('1');
      const backfill = loadMigrations()
        .flatMap(({ statements }) => statements)
        .findLast((sql) => sql.startsWith('INSERT INTO vslog.rs_minute (') && sql.includes('ends_cut'));
      await database.write(backfill ?? '');
      expect([await counts(), await cut()]).toEqual([all, '1\t4\t4']);
      // As a version before left it, in part.
      await database.write(
        "ALTER TABLE vslog.rs_minute UPDATE ends_cut = 0, `outcomesMap.outcome` = ['closed'], `outcomesMap.bucketKey` = [39], `outcomesMap.ends` = [1] WHERE 1 SETTINGS mutations_sync = 2",
      );
      await database.write(backfill ?? '');
      expect([await counts(), await cut()]).toEqual([all, '1\t4\t4']);
    } finally {
      await schema.close();
    }
  });

  it('is what the migrations have: change it there in a new one', () => {
    const statements = loadMigrations().flatMap(({ statements: all }) => all);
    const view = statements.findLast((sql) => sql.startsWith('CREATE VIEW vslog.connections ')) ?? '';
    expect(view).toContain(`${outcomeSql('c.')} AS outcome`);
    expect(view).toContain(`${cutSql('c.')}, 'Bool') AS is_cut`);
    const alias = statements.findLast((sql) => /^ALTER TABLE vslog\.conn_events ADD COLUMN IF NOT EXISTS outcome /.test(sql)) ?? '';
    expect(alias).toContain(`${OUTCOME_TYPE} ALIAS ${outcomeSql('')}`);
    const names = statements.findLast((sql) => sql.startsWith('CREATE VIEW IF NOT EXISTS vslog.names ')) ?? '';
    for (const { name, number, doc } of OUTCOMES) expect(names).toContain(`('outcome', ${number}, '${name}', '${doc}')`);
  });
});
