import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatAddress } from '../../src/cli/address.js';
import { Administration } from '../../src/wire/administration.js';
import type { Batch } from '../../src/wire/batch.js';
import { CaptureClient, type ConnEvent } from '../../src/wire/client.js';
import { toBigInt, v1 } from '../../src/wire/proto.js';
import { type Entry, entriesOf } from '../conformance/entry.js';
import { COMMAND_MS, until, WAIT_MS } from '../support/patience.js';

const CAPTURE = join(import.meta.dirname, '../../build/native/vslog-capture');
const CONNECTIONS = 2000;

describe('what of the events is logged', () => {
  let dir = '';
  let capture: ChildProcess | undefined;
  let client: CaptureClient | undefined;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'vslog-policy-'));
  });
  afterEach(async () => {
    client?.close();
    if (capture?.exitCode === null) {
      const ended = once(capture, 'exit');
      capture.kill('SIGKILL');
      await ended;
    }
    capture = undefined;
    rmSync(dir, { recursive: true, force: true });
  });

  /** A capture with a synthetic load, and the log as it comes. */
  async function load(...args: string[]): Promise<Entry[]> {
    const socket = join(dir, 'capture.sock');
    const common = ['--source', 'engine', '--load', '--load-rate', '0', '--load-connections', String(CONNECTIONS)];
    capture = spawn(CAPTURE, [...common, '--socket', socket, '--journal', join(dir, 'journal'), ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const entries: Entry[] = [];
    const handlers = { onBatch: (batch: Batch) => void entries.push(...entriesOf(batch)) };
    client = await until('it listens', () => {
      if (capture?.exitCode !== null) throw new Error('The capture ended.');
      const one = new CaptureClient({ path: socket, handlers, timeoutMs: WAIT_MS });
      return one.connect().then(
        () => one,
        () => undefined,
      );
    });
    await client.subscribeDurable('test', undefined);
    return entries;
  }

  const conns = (entries: readonly Entry[]): ConnEvent[] => entries.flatMap(({ conn }) => (conn === undefined ? [] : [conn]));
  const kind = (entries: readonly Entry[], name: keyof typeof v1.EventKind.Value): ConnEvent[] =>
    conns(entries).filter((event) => event.kind === v1.EventKind.Value[name]);

  it('can be ends only, whose sequences have no gaps', async () => {
    const entries = await load('--events', 'expire');
    await until('every end', () => kind(entries, 'expire').length === CONNECTIONS);
    expect(conns(entries)).toHaveLength(CONNECTIONS);
    expect(entries.map(({ sequence }) => sequence)).toEqual(entries.map((_, i) => BigInt(i + 1)));
  });

  it('can be a prefix of the client, the same everywhere', async () => {
    const entries = await load('--client-address', 'prefix', '--client-prefix', '16 48');
    await until('every end', () => kind(entries, 'expire').length === CONNECTIONS);
    expect(new Set(conns(entries).map(({ client_addr }) => formatAddress(client_addr).replace(/^\d+\.\d+\./, '')))).toEqual(
      new Set(['0.0']),
    );
  });

  it('can be a keyed hash of the client: a connection’s beginning and end have the same, and nobody’s address is there', async () => {
    const key = join(dir, 'key');
    writeFileSync(key, '000102030405060708090a0b0c0d0e0f\n', { mode: 0o600 });
    const entries = await load('--client-address', 'hash', '--client-key', key);
    await until('every end', () => kind(entries, 'expire').length === CONNECTIONS);
    const begun = new Map(
      kind(entries, 'create').map(({ conn_id, client_addr }) => [String(toBigInt(conn_id)), formatAddress(client_addr)]),
    );
    for (const { conn_id, client_addr } of kind(entries, 'expire')) {
      expect(formatAddress(client_addr)).toBe(begun.get(String(toBigInt(conn_id))));
      expect(client_addr[0]).toBe(0xfd);
    }
  });

  it('counts a flood, and the counts make up for what is missing', async () => {
    // One a second: no machine is so slow that none is left out.
    const entries = await load('--flood-rate', '1');
    await until('every end', () => kind(entries, 'expire').length === CONNECTIONS);
    const lost = (): number =>
      entries.reduce(
        (all, { control }) => all + (control?.where === v1.LossPlace.Value.summarised ? Number(toBigInt(control.lost)) : 0),
        0,
      );
    await until('the count', () => lost() + kind(entries, 'create').length === CONNECTIONS);
    expect(lost()).toBeGreaterThan(0);
  });

  it('can be turned while it runs, and that is told', async () => {
    const entries = await load('--events', 'create');
    await until('every beginning', () => kind(entries, 'create').length === CONNECTIONS);
    if (client === undefined) throw new Error('there is no session');
    const administration = new Administration(client);
    expect(await administration.setKnobs([{ name: 'capture_events', value: 'expire,nodest_drop' }])).toMatchObject([
      { oldValue: 'create' },
    ]);
    await administration.setKnobs([{ name: 'capture_flood_rate', value: '7' }]);
    expect((await administration.knobs(['capture_events', 'capture_flood_rate'])).map(({ value }) => value)).toEqual([
      'expire,nodest_drop',
      '7',
    ]);
    await until('both changes', () => entries.filter(({ control }) => control?.name.startsWith('capture_')).length === 2);
  });

  it.each([
    [['--events', 'born'], '--events: "born" must be create, expire, nodest_drop, sched_fail or state.'],
    [['--client-address', 'half'], '--client-address half must be whole, prefix or hash.'],
    [
      ['--client-address', 'hash'],
      '--client-address hash needs --client-key FILE: without a key anybody could find out whom a hash means.',
    ],
    [['--client-key', '/nowhere'], '--client-key: the file /nowhere cannot be read, or is empty.'],
    [
      ['--client-prefix', '24'],
      '--client-prefix 24 must be two numbers, bits of an IPv4 and of an IPv6 address that are kept, such as "24 56".',
    ],
    [['--client-prefix', '33 56'], '--client-prefix 33 must be a whole number from 0 to 32.'],
  ])('refuses %j by a sentence', (args, sentence) => {
    const { status, stderr } = spawnSync(CAPTURE, [...args, '--check', '--source', 'scripted'], { encoding: 'utf8', timeout: COMMAND_MS });
    expect({ status, stderr }).toEqual({ status: 2, stderr: `vslog-capture: ${sentence}\n` });
  });
});
