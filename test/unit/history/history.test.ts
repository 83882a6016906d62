import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseWhere } from '../../../src/cli/where.js';
import { filterSql } from '../../../src/history/filter-sql.js';
import { type Beginning, eventsBefore, type HistoryLog, type Past, storedUpTo } from '../../../src/history/query.js';
import { FIELDS } from '../../../src/history/rows.js';
import { v1 } from '../../../src/wire/proto.js';
import { Schema } from '../support/schema.js';

let schema: Schema;
const log: HistoryLog = { sql: async (query, format) => Buffer.from(await schema.run(query, format)) };
const BEGIN: Beginning = { node: 'lb1', epoch: 'new', first: 8n };
const ALL: Past = { last: 100, sinceMs: undefined };

/** Minutes ago. */
const ago = (minutes: number): string => `toDateTime64(now(), 9, 'UTC') - INTERVAL ${minutes} MINUTE`;

beforeAll(async () => {
  schema = await Schema.open();
  const conn = (
    epoch: string,
    sequence: number,
    minutes: number,
    more: Readonly<Record<string, string>>,
    node = 'lb1',
  ): Promise<unknown> => {
    const values = {
      ...{ node: `'${node}'`, epoch: `'${epoch}'`, sequence: String(sequence), time_ns: ago(minutes), conn_id: String(sequence) },
      ...{ kind: "'create'", protocol: '6', client_addr: "'::ffff:10.1.0.1'", client_port: '4000', virtual_addr: "'::ffff:192.0.2.1'" },
      ...{ virtual_port: '80', real_addr: "'::ffff:10.0.0.7'", real_port: '8080', weight: '1', ...more },
    };
    return schema.database.write(
      `INSERT INTO vslog.conn_events (${Object.keys(values).join(', ')}) SELECT ${Object.values(values).join(', ')}`,
    );
  };
  await conn('old', 5, 60, { conn_id: '99' });
  await conn('new', 1, 50, {});
  await conn('new', 2, 40, { kind: "'expire'", reason: "'timeout'", state: '5', duration_ns: '300000000000' });
  await conn('new', 3, 30, { kind: "'expire'", reason: "'nodest'", state: '1', protocol: '17', client_addr: "'2001:db8::7'", labels: '5' });
  await conn('new', 4, 20, { kind: "'nodest_drop'", drop_packets: '7', weight: '-1' });
  await conn('new', 5, 10, { kind: "'sched_fail'", conn_id: '0', real_addr: "'::'", real_port: '0' });
  await conn('new', 8, 1, {});
  await conn('new', 6, 9, {}, 'lb2');
  await schema.database.write(
    `INSERT INTO vslog.control_events (node, epoch, sequence, time_ns, kind, name, old_value, new_value, uid, real_addr, real_port) SELECT 'lb1', 'new', 6, ${ago(5)}, 'knob_changed', 'drop_entry', '0', '1', 1000, '::', 0`,
  );
  await schema.database.write(
    `INSERT INTO vslog.control_events (node, epoch, sequence, time_ns, kind, protocol, virtual_addr, virtual_port, real_addr, real_port) SELECT 'lb1', 'new', 7, ${ago(4)}, 'real_removed', 6, '::ffff:192.0.2.1', 80, '::ffff:10.0.0.7', 8080`,
  );
});
afterAll(() => schema.close());

describe('the past of a tail', () => {
  const sequences = async (where: string | undefined, past = ALL): Promise<string[]> =>
    (await eventsBefore(log, where === undefined ? undefined : parseWhere(where), BEGIN, past)).map(
      ({ epoch, event }) => `${epoch === 'new' ? '' : epoch}${event.sequence}`,
    );

  it('is all before the live ones, of this node, in the order of the log', async () => {
    expect(await sequences(undefined)).toEqual(['old5', '1', '2', '3', '4', '5', '6', '7']);
  });

  it.each([
    ['kind = nodest_drop', ['4']],
    ['kind in (create, real_removed)', ['old5', '1', '7']],
    ['client in 10.1.0.0/16', ['old5', '1', '2', '4', '5']],
    ['client = 10.1.0.1:4001', []],
    ['client in 2001:db8::/32', ['3']],
    ['rs = 10.0.0.7:8080', ['old5', '1', '2', '3', '4', '7']],
    ['rs = 0.0.0.0', []],
    ['vs = :80', ['old5', '1', '2', '3', '4', '5', '7']],
    ['not rs = 10.0.0.7', ['5', '6']],
    ['reason = nodest', ['3']],
    ['reason != nodest', ['old5', '1', '2', '4', '5', '6', '7']],
    ['outcome = closed', ['2']],
    ['outcome in (server_removed, closed)', ['2', '3']],
    ['outcome = idle', []],
    ['duration > 1m', ['2']],
    ['weight = 1', ['old5', '1', '2', '3', '5']],
    ['weight < 5 and kind = nodest_drop', []],
    ['protocol = udp or drop_packets >= 7', ['3', '4']],
    ['quiesced', []],
    ['conn_id = 99', ['old5']],
    ['state = TIME_WAIT', ['2']],
  ])('takes what the capture would: %s', async (where, expected) => {
    expect(await sequences(where)).toEqual(expected);
  });

  it('is the last so many, or what is not older, or both', async () => {
    expect(await sequences(undefined, { last: 3, sinceMs: undefined })).toEqual(['5', '6', '7']);
    expect(await sequences('protocol = tcp', { last: 2, sinceMs: undefined })).toEqual(['5', '7']);
    const sinceMs = Date.now() - 35 * 60_000;
    expect(await sequences(undefined, { last: 100, sinceMs })).toEqual(['3', '4', '5', '6', '7']);
    expect(await sequences(undefined, { last: 1, sinceMs })).toEqual(['7']);
  });

  it('has the records as they were', async () => {
    const found = await eventsBefore(log, parseWhere('kind in (expire, knob_changed)'), BEGIN, ALL);
    expect(found[1]).toMatchObject({ node: 'lb1', epoch: 'new', record: 'conn' });
    const [, udp, knob] = found.map(({ event }) => event);
    expect(udp).toMatchObject({
      kind: v1.EventKind.Value.expire,
      reason: v1.EndReason.Value.nodest,
      protocol: 17,
      state: 1,
      is_template: false,
    });
    expect(Buffer.from((udp as { client_addr: Uint8Array }).client_addr).toString('hex')).toBe('20010db8000000000000000000000007');
    expect([...(udp as { labels: Uint8Array }).labels.subarray(0, 2)]).toEqual([5, 0]);
    expect(knob).toMatchObject({ name: 'drop_entry', old_value: '0', new_value: '1', uid: 1000 });
  });

  it('has every field of the records', () => {
    expect(Object.keys(FIELDS.conn_events).sort()).toEqual(
      Object.keys(v1.ConnEvent.toObject(v1.ConnEvent.create(), { defaults: true })).sort(),
    );
    expect(Object.keys(FIELDS.control_events).sort()).toEqual(
      Object.keys(v1.ControlEvent.toObject(v1.ControlEvent.create(), { defaults: true })).sort(),
    );
  });

  it('knows how far the store is', async () => {
    expect(await storedUpTo(log, BEGIN)).toBe(0n);
    const run = (record: string, first: number, last: number): Promise<unknown> =>
      schema.database.write(
        `INSERT INTO vslog.batches (node, epoch, record, segment, first, last, count, sha256) VALUES ('lb1', 'new', '${record}', 1, ${first}, ${last}, 1, '')`,
      );
    await run('conn', 1, 5);
    await run('control', 6, 7);
    expect(await storedUpTo(log, BEGIN)).toBe(7n);
  });

  it('has no part that takes everything or nothing by mistake', () => {
    expect(filterSql({ all: [] }, 'conn_events')).toBe('(true)');
    expect(filterSql({ any: [] }, 'conn_events')).toBe('(false)');
    expect(filterSql({ field: 'client', places: [] }, 'control_events')).toBe('false');
  });
});
