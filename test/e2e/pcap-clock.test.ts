import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { until } from '../support/patience.js';
import { Vslog } from './support/vslog.js';

const BEGUN_S = Date.UTC(2015, 5, 1, 12) / 1000;
const CONNECTIONS = 50;

/** One TCP segment of IPv4, raw. The engine looks at no checksum. */
function packet(port: number, flags: number): Buffer {
  const bytes = Buffer.alloc(40);
  bytes.writeUInt8(0x45, 0);
  bytes.writeUInt16BE(40, 2);
  bytes.writeUInt8(64, 8);
  bytes.writeUInt8(6, 9);
  bytes.set([192, 0, 2, 7, 10, 9, 0, 1], 12);
  bytes.writeUInt16BE(port, 20);
  bytes.writeUInt16BE(80, 22);
  bytes.writeUInt8(0x50, 32);
  bytes.writeUInt8(flags, 33);
  return bytes;
}

/** A pcap file of raw IP: a SYN and a RST of each connection. */
function pcap(): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(101, 20);
  const records = Array.from({ length: 2 * CONNECTIONS }, (_, i) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(BEGUN_S + i, 0);
    record.writeUInt32LE(40, 8);
    record.writeUInt32LE(40, 12);
    return Buffer.concat([record, packet(1024 + (i >> 1), i % 2 === 0 ? 0x02 : 0x04)]);
  });
  return Buffer.concat([header, ...records]);
}

describe('a pcap file of 2015 that is played into the default store', () => {
  const vslog = new Vslog();
  afterAll(() => vslog.clean());

  it('is kept, with its times; and the log, status and doctor say that they are old', async () => {
    const file = join(vslog.dir, 'old.pcap');
    writeFileSync(file, pcap());
    const up = vslog.up('--source', 'engine', '--pcap', file, '--service', 'tcp://10.9.0.1:80', '--real', '10.9.1.1:80');
    await up.says(/\n/);
    const count = (sql: string) => Number(vslog.sql<{ n: string | number }>(sql)[0]?.n ?? 0);
    await until('every end is in the store', () => count("SELECT count() AS n FROM conn_events WHERE kind = 'expire'") >= CONNECTIONS);
    const verified = vslog.run('verify');
    expect([verified.code, verified.out]).toEqual([0, expect.stringContaining('complete')]);
    expect(count('SELECT count() AS n FROM connections WHERE toYear(start) = 2015')).toBe(CONNECTIONS);
    expect(count('SELECT sum(ends) AS n FROM rs_minute WHERE toYear(minute) = 2015')).toBe(CONNECTIONS);
    expect(count("SELECT countIf(engine_full LIKE '% TTL %') AS n FROM system.tables WHERE database = 'vslog'")).toBe(0);
    const told = vslog.sql<{ name: string; detail: string }>("SELECT name, detail FROM control_events WHERE kind = 'clock'");
    expect(told).toHaveLength(1);
    expect(told[0]?.detail).toMatch(/has time 2015-06-01T.* behind the collector's clock when it arrived/);
    expect(vslog.run('status').out).toMatch(/^clock +events of node .* behind the collector's clock/m);
    expect(vslog.run('doctor').out).toMatch(/^warn clock +events of node .* behind the collector's clock/m);
    expect(await up.end()).toBe(0);
  });
});
