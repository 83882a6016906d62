import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Verification } from '../../src/api/verification.js';
import type { ErasureReport } from '../../src/collector/erasures.js';
import { until } from '../support/patience.js';
import { freePorts } from '../support/ports.js';
import { collectorOf, delivered, rowsOf } from './collector-api.js';
import { tracesOf } from './support/traces.js';
import { type Ran, Vslog } from './support/vslog.js';

const PERSON = '127.0.0.77';
const OTHER = '127.0.0.78';
const REASON = 'request of a person, case 17';

let vslog: Vslog | undefined;
let server: Server | undefined;

afterEach(() => {
  server?.close();
  vslog?.clean();
});

/** A server that says hello, behind the balancer. */
async function realServer(): Promise<number> {
  const [port = 0] = await freePorts(1);
  server = createServer((socket) => socket.on('error', () => undefined).end('hello'));
  await new Promise<void>((resolve) => server?.listen(port, '127.0.0.1', resolve));
  return port;
}

/** One client of the balancer, from its beginning to its end. */
function client(localAddress: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress });
    socket.on('error', reject).on('close', () => resolve());
    socket.resume();
  });
}

function json<T>({ code, out, err }: Ran): T {
  if (code !== 0) throw new Error(err);
  return JSON.parse(out) as T;
}

const TABLES = ['conn_events', 'connections_ended', 'connections_open', 'incidents'];

/** Rows of each table in which an address is the client. */
async function rowsWith(on: Vslog, address: string): Promise<Record<string, number>> {
  const sql = TABLES.map(
    (table) => `SELECT '${table}' AS t, toUInt32(count()) AS n FROM ${table} WHERE client_addr = toIPv6('${address}')`,
  );
  const found = await rowsOf<{ t: string; n: number }>(collectorOf(on), sql.join(' UNION ALL '));
  return Object.fromEntries(found.map(({ t, n }) => [t, n]));
}

const NONE = Object.fromEntries(TABLES.map((table) => [table, 0]));

describe('a person who is erased', () => {
  it('is nowhere any more, and nothing is missing', async () => {
    vslog = new Vslog();
    const on = vslog;
    const files = join(on.dir, 'files');
    const [port = 0] = await freePorts(1);
    const service = ['--service', `tcp://127.0.0.1:${port}`, '--real', `127.0.0.1:${await realServer()}`];
    const timeouts = ['--knob', 'timeout_tcpfin=1', '--knob', 'timeout_timewait=1', '--knob', 'timeout_close=1'];
    const capture = on.start('capture', '--source', 'engine', ...service, ...timeouts);
    await capture.says(/ready/);
    const flags = ['--file-dir', files, '--file-compression', 'gzip', '--segment-age', '100ms'];
    const collector = on.start('collect', ...flags);
    await collector.says(/ready/);
    const api = collectorOf(on);
    for (let i = 0; i < 3; i++) for (const address of [PERSON, OTHER]) await client(address, port);
    const ended = (address: string): string =>
      `SELECT toUInt32(count()) AS n FROM connections WHERE client_ip = toIPv6('${address}') AND NOT is_open`;
    for (const address of [PERSON, OTHER])
      await until(`the ends of ${address}`, async () => (await rowsOf<{ n: number }>(api, ended(address)))[0]?.n === 3);
    // Somebody names the person on a command line that the log keeps.
    const named = join(on.dir, PERSON);
    mkdirSync(named);
    symlinkSync(join(on.dir, 'capture.sock'), join(named, 'capture.sock'));
    expect((await on.ran('knob', 'set', 'drop_entry=1', '--socket', join(named, 'capture.sock'))).err).toBe('');
    await delivered(api);
    const traces = (): string[] => tracesOf(PERSON, join(on.dir, 'data/spool'), files);
    await until('what is to be erased, in connections and in a command', () =>
      ['conn', 'control'].every((record) => traces().some((path) => path.endsWith(`.${record}.pb`))),
    );
    await delivered(api);
    const others = await rowsWith(on, OTHER);

    const tail = on.start('tail', '-o', 'jsonl', '--kind', 'erase_ordered', '--kind', 'erased');
    await until('somebody watches', async () => ((await api.status()).capture.account?.live ?? 0) > 0);
    const dry = json<ErasureReport>(await on.ran('erase', '--client', PERSON, '--reason', REASON, '--dry-run', '--json'));
    expect(dry).toMatchObject({ dry_run: true, connections: 3, events: 6, places: { spool: 6, embedded: 6, file: 6 } });
    expect(await rowsWith(on, PERSON)).not.toEqual(NONE);
    const asked = await on.ran('erase', '--client', PERSON, '--reason', REASON);
    expect({ code: asked.code, err: asked.err }).toEqual({
      code: 2,
      err: 'vslog: 6 events of 3 connections would be erased: say --yes, or --dry-run to see where.\n',
    });

    const report = json<ErasureReport>(await on.ran('erase', '--client', PERSON, '--reason', REASON, '--yes', '--json'));
    expect(report).toMatchObject({ connections: 3, events: 6, places: { spool: 6, embedded: 6, file: 6 }, in_force: null });
    expect(report.beyond).toEqual(['files that were taken out of file.dir']);
    expect(tracesOf(PERSON, join(on.dir, 'data'), files)).toEqual([]);
    expect(await rowsWith(on, PERSON)).toEqual(NONE);
    expect(await rowsWith(on, OTHER)).toEqual(others);
    expect(readdirSync(join(on.dir, 'data/erase'))).toEqual([]);
    await tail.says(new RegExp(`"kind":"erase_ordered".*"name":"${report.id}".*"old_value":"address".*"detail":"${REASON}"`));
    await tail.says(/"kind":"erased".*"new_value":"connections=3 spool=6 embedded=6 file=6".*"lost":6/);
    expect(tail.said).not.toContain(PERSON);
    await tail.end();

    // Old parts and the conditions of mutations are off the disk.
    const kept = await rowsOf<{ parts: number; said: number }>(
      api,
      `SELECT toUInt32(countIf(NOT active)) AS parts, toUInt32((SELECT countIf(position(command, '${PERSON}') > 0) FROM system.mutations)) AS said FROM system.parts WHERE database = 'vslog' AND table IN (${TABLES.map((name) => `'${name}'`).join()})`,
    );
    expect(kept).toEqual([{ parts: 0, said: 0 }]);

    await delivered(api);
    const proven = json<Verification>(await on.ran('verify', '--json'));
    expect(proven).toMatchObject({ verdict: 'complete', erased: { spool: 6, store: 6, recorded: 6, records: 1, orders: 0, ok: true } });
    expect((await on.ran('verify')).out).toContain('of 6 events of the spool and 6 of the store only the place is left, on purpose');
    for (const sink of ['embedded', 'file']) expect(json(await on.ran('replay', '--sink', sink, '--json'))).toMatchObject({ failed: [] });
    expect(await rowsWith(on, PERSON)).toEqual(NONE);
    expect(tracesOf(PERSON, join(on.dir, 'data'), files)).toEqual([]);
    expect(json<Verification>(await on.ran('verify', '--json')).verdict).toBe('complete');
    const { out } = await on.ran('report', 'changes', '--json');
    expect(out).toContain('"erase_ordered"');
    expect(out).toContain('xxxxxxxxxx');
    expect(out).not.toContain(PERSON);

    // A connection that comes later is logged as any other, and a second order finds only that.
    await client(PERSON, port);
    await until('the end of the new one', async () => (await rowsOf<{ n: number }>(api, ended(PERSON)))[0]?.n === 1);
    const again = json<ErasureReport>(await on.ran('erase', '--client', `${PERSON}/32`, '--reason', REASON, '--yes', '--json'));
    expect(again).toMatchObject({ connections: 1, events: 2 });
    await delivered(api);
    expect(await collector.end(), collector.said).toBe(0);
    await capture.end();

    // The data directory alone: nobody is there to write it down, unless the collector's own log is enough.
    writeFileSync(join(on.dir, 'vslog.toml'), `[file]\ndir = "${files}"\n`);
    const config = ['--config', join(on.dir, 'vslog.toml')];
    const alone = ['erase', '--client', OTHER, '--reason', REASON, '--yes', '--json', ...config];
    const refused = await on.ran(...alone);
    expect(refused.code).toBe(3);
    expect(refused.err).toContain('What is erased must stand in the log before, and no capture can be asked');
    expect(refused.err).toContain('Nothing was changed.');
    expect(tracesOf(OTHER, join(on.dir, 'data/spool')).length).toBeGreaterThan(0);
    const local = await on.ran(...alone, '--without-capture');
    // What the capture may still hold is not known: the order stays until it is.
    expect(local.code).toBe(8);
    expect(JSON.parse(local.out)).toMatchObject({ connections: 3, events: 6, in_force: expect.stringContaining('stays in force') });
    expect(tracesOf(OTHER, join(on.dir, 'data/spool'), files)).toEqual([]);
    expect(readdirSync(join(on.dir, 'data/erase'))).toHaveLength(1);
    expect((await on.ran('verify', ...config)).code).toBe(8);
    const back = on.start('capture', '--source', 'engine', ...service, ...timeouts);
    await back.says(/ready/);
    const later = on.start('collect', ...flags);
    await later.says(/ready/);
    await until('the order is done', () => readdirSync(join(on.dir, 'data/erase')).length === 0);
    await delivered(api);
    expect(json<Verification>(await on.ran('verify', '--json')).verdict).toBe('complete');
    expect(await rowsWith(on, OTHER)).toEqual(NONE);
    expect(await later.end()).toBe(0);
    await back.end();
  });
});
