import { describe, expect, it } from 'vitest';
import type { Database } from '../../../src/store/database.js';
import { HOME } from '../../../src/store/ddl.js';
import { kafkaStatements } from '../../../src/store/kafka-ddl.js';
import { KeptDays, keptFrom } from '../../../src/store/kept-days.js';
import { minuteOf, within } from '../../../src/store/time-sql.js';

const DAY = 86_400_000;

describe('rows are kept', () => {
  it.each([
    ['from the end of their day', 10, 10.5, 11],
    ['from their arrival, when that was later', 10, 5000.25, 5000.25],
    ['from their arrival, when the day has not come yet', 5000, 20.5, 20.5],
    ['from the end of their day, when nobody knows when they arrived', 10, undefined, 11],
  ])('%s', (_what, day, arrived, from) => {
    expect(keptFrom(day, arrived === undefined ? undefined : arrived * DAY)).toBe(from * DAY);
  });
});

it('the days of what arrives are written down, once an hour', async () => {
  const ran: string[] = [];
  let now = 1_790_000_000_000;
  const database = { placement: HOME, write: async (sql: string) => ran.push(sql) } as unknown as Database;
  const days = new KeptDays(database, () => now);
  await days.arrived([1, 2]);
  await days.arrived([1, 2]);
  await days.arrived([]);
  now += 3_599_999;
  await days.arrived([2, 3]);
  now += 1;
  await days.arrived([1]);
  expect(ran.map((sql) => [...sql.matchAll(/\((\d+), 'arrived'/g)].map(([, day]) => Number(day)))).toEqual([[1, 2], [3], [1]]);
});

it('a time that a Date cannot tell is compared as a number', () => {
  expect(within('t', 5n, 10n)).toBe("t BETWEEN fromUnixTimestamp64Nano(toInt64(5), 'UTC') AND fromUnixTimestamp64Nano(toInt64(10), 'UTC')");
  expect(within('t', 5n, 2n ** 65n)).toBe(`toUInt64(toUnixTimestamp64Nano(t)) BETWEEN 5 AND ${2n ** 64n - 1n}`);
  expect(minuteOf('e.time_ns')).toContain('4294967280');
});

it('tables that ClickHouse fills from Kafka itself count from the arrival what has an unbelievable time', () => {
  const sql = kafkaStatements({ brokers: 'b:9092', group: 'g' }, HOME);
  for (const table of ['conn_events', 'connections_ended', 'connections_open', 'incidents', 'rs_minute', 'control_events']) {
    const last = sql.findLast((one) => one.startsWith(`ALTER TABLE vslog.${table} MODIFY TTL `));
    expect(last, table).toContain('kept_from) + toIntervalSecond(');
  }
});
