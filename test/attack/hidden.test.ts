import { chmodSync, chownSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatAddress } from '../../src/cli/address.js';
import { parsePlace } from '../../src/cli/place.js';
import type { Batch } from '../../src/wire/batch.js';
import { CaptureClient } from '../../src/wire/client.js';
import { EVERY_CONNECTION } from '../../src/wire/conn-filter.js';
import { eventFilterMessage } from '../../src/wire/event-filter.js';
import { toBigInt, v1 } from '../../src/wire/proto.js';
import { type Entry, entriesOf } from '../conformance/entry.js';
import { unprivileged, Vslog } from '../e2e/support/vslog.js';
import { until, WAIT_MS } from '../support/patience.js';
import { freePort, listen } from '../support/ports.js';

/** Somebody whose address a reader knows, and is not to find in the log. */
const KNOWN = '127.0.0.2';
const OTHER = '127.0.0.3';

describe('an address that is hidden', () => {
  let vslog: Vslog;
  let service = 0;
  const sockets = new Set<Socket>();
  const sessions: CaptureClient[] = [];
  const echo = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });

  const keyFile = (): string => join(vslog.dir, 'client.key');
  const ok = (...args: string[]): string => {
    const { code, out, err } = vslog.run(...args);
    expect(code, err).toBe(0);
    return out;
  };
  const hashOf = (address: string, ...args: string[]): string => ok('key', 'hash', address, '--client-key', keyFile(), ...args).trim();
  const clientsOf = (...filter: string[]): string[] =>
    (JSON.parse(ok('conn', 'ls', '--json', ...filter)) as { client_addr: string }[]).map(({ client_addr }) => client_addr);

  beforeEach(async () => {
    vslog = new Vslog();
    const real = await listen(echo);
    service = await freePort();
    ok('key', 'rotate', '--client-key', keyFile());
    const capture = vslog.start(
      ...['capture', '--source', 'engine', '--service', `tcp://127.0.0.1:${service}`, '--real', `127.0.0.1:${real}`],
      ...['--client-address', 'hash', '--client-key', keyFile()],
    );
    await capture.says(/ready/);
  });
  afterEach(() => {
    for (const session of sessions.splice(0)) session.close();
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    echo.close();
    vslog.clean();
  });

  /** A connection through the balancer, which is told of. */
  async function connection(from: string): Promise<Socket> {
    const socket = connect({ port: service, host: '127.0.0.1', localAddress: from });
    sockets.add(socket);
    let answered = false;
    socket.on('error', () => undefined);
    socket.on('data', () => {
      answered = true;
    });
    socket.write('hello');
    await until('an answer through the balancer', () => answered);
    return socket;
  }

  /** A live subscription, with a filter of the client where one is given. */
  async function reader(client?: string): Promise<{ entries: Entry[]; session: CaptureClient }> {
    const entries: Entry[] = [];
    const handlers = { onBatch: (batch: Batch) => void entries.push(...entriesOf(batch)) };
    const session = new CaptureClient({ path: join(vslog.dir, 'capture.sock'), handlers, timeoutMs: WAIT_MS });
    sessions.push(session);
    await session.connect();
    const place = client === undefined ? undefined : parsePlace(client);
    const filter = place && v1.EventFilter.encode(eventFilterMessage({ field: 'client', places: [place] })).finish();
    await session.subscribeLive({ filter });
    return { entries, session };
  }

  it('is not found by anybody who asks for it, in the connections, their count and the events', async () => {
    const whole = await reader();
    const [byAddress, byNetwork, byHash] = [await reader(KNOWN), await reader('127.0.0.0/8'), await reader(hashOf(KNOWN))];
    await connection(KNOWN);
    await connection(OTHER);
    const hash = hashOf(KNOWN);
    expect(clientsOf().sort()).toEqual([hash, hashOf(OTHER)].sort());
    for (const known of [KNOWN, '127.0.0.0/8', '0.0.0.0/0']) {
      expect(clientsOf('--client', known), known).toEqual([]);
      expect(ok('conn', 'expire', '--client', known, '--dry-run'), known).toBe('0 connections would end\n');
      expect(ok('conn', 'expire', '--client', known), known).toBe('0 connections ended\n');
    }
    expect(clientsOf('--client', hash)).toEqual([hash]);
    expect(ok('conn', 'expire', '--client', hash, '--dry-run')).toBe('1 connection would end\n');

    const creates = ({ entries }: { entries: Entry[] }): string[] =>
      entries.flatMap(({ conn }) => (conn?.kind === v1.EventKind.Value.create ? [formatAddress(conn.client_addr)] : []));
    await until('both beginnings', () => creates(whole).length === 2);
    await until('the one that was asked for by its hash', () => creates(byHash).length === 1);
    expect(creates(byHash)).toEqual([hash]);
    // The answer comes behind whatever was sent before it.
    for (const { session, entries } of [byAddress, byNetwork]) {
      await session.listConnections(EVERY_CONNECTION, () => undefined);
      expect(entries).toEqual([]);
    }
    expect(ok('conn', 'expire', '--client', hash)).toBe('1 connection ended\n');
  });

  it('keeps its hash for as long as the connection lives, also when the key is rotated', async () => {
    const log = await reader();
    const before = await connection(KNOWN);
    const old = hashOf(KNOWN);
    const [oldId = '', newId = ''] = ok('key', 'rotate', '--client-key', keyFile()).trim().split(' → ');
    const now = hashOf(KNOWN);
    expect(now).not.toBe(old);
    expect(hashOf(KNOWN, '--id', oldId)).toBe(old);
    expect(clientsOf()).toEqual([old]);
    expect(clientsOf('--client', old)).toEqual([old]);
    expect(clientsOf('--client', now)).toEqual([]);
    await connection(KNOWN);
    expect(clientsOf().sort()).toEqual([now, old].sort());
    expect(clientsOf('--client', now)).toEqual([now]);
    before.destroy();

    const shown = (): string[][] => {
      const byConnection = new Map<bigint, Set<string>>();
      for (const { conn } of log.entries) {
        if (conn === undefined) continue;
        const id = toBigInt(conn.conn_id);
        byConnection.set(id, (byConnection.get(id) ?? new Set()).add(formatAddress(conn.client_addr)));
      }
      return [...byConnection.values()].map((hashes) => [...hashes]);
    };
    ok('conn', 'expire', '--all');
    await until('both ends', () => log.entries.filter(({ conn }) => conn?.kind === v1.EventKind.Value.expire).length === 2);
    expect(shown()).toEqual([[old], [now]]);
    const changes = log.entries.flatMap(({ control }) => (control?.name === 'capture_client_key' ? [control] : []));
    expect(changes).toMatchObject([{ old_value: oldId, new_value: newId }]);
    expect(changes[0]?.command).toContain('key rotate');
    expect(ok('knob', 'get', 'capture_client_key')).toBe(`${newId}\n`);
  });

  it('is told by no key that is not in the file', () => {
    const before = readFileSync(keyFile(), 'utf8');
    const { code, err } = vslog.run('knob', 'set', 'capture_client_key=00000000');
    expect(code).toBe(1);
    expect(err).toMatch(/the key in .*client\.key has the id [0-9a-f]{8}, not 00000000; `vslog key rotate` puts another key there\./);
    expect(readFileSync(keyFile(), 'utf8')).toBe(before);
  });

  it('has a key that nobody else may read, or the capture does not start', () => {
    const start = (path: string): { code: number | null; err: string } => {
      const { code, err } = vslog.run('capture', '--source', 'engine', '--client-address', 'hash', '--client-key', path);
      return { code, err };
    };
    chmodSync(keyFile(), 0o640);
    const sentence = `the file ${keyFile()} has mode 0640, so others than its owner may use the key, and with it find out whom a hash means: chmod 600 ${keyFile()}.`;
    expect(start(keyFile())).toMatchObject({ code: 2, err: expect.stringContaining(sentence) as string });
    const link = join(vslog.dir, 'link');
    symlinkSync(keyFile(), link);
    expect(start(link)).toMatchObject({ code: 2, err: expect.stringContaining('has mode 0640') as string });
    const { code, err } = vslog.run('key', 'rotate', '--client-key', keyFile());
    expect({ code, err }).toEqual({
      code: 1,
      err: `vslog: The key file ${keyFile()} has mode 0640, so others than its owner may use the key: chmod 600 ${keyFile()}\n`,
    });
    const foreign = join(vslog.dir, 'foreign');
    writeFileSync(foreign, readFileSync(keyFile()), { mode: 0o600 });
    if (process.getuid?.() !== 0) return;
    // Ours is root's, or nobody's: the file is made the other's.
    const ours = unprivileged().uid ?? 0;
    if (ours === 0) chownSync(foreign, 65_534, 65_534);
    expect(start(foreign)).toMatchObject({
      code: 2,
      err: expect.stringContaining(ours === 0 ? 'belongs to user 65534' : 'cannot be read') as string,
    });
  });
});
