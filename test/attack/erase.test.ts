import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EraseOrder, readOrders } from '../../src/erase/order.js';
import type { Up } from '../e2e/support/vslog.js';
import { until } from '../support/patience.js';
import { ATTACKER, PROGRAM, User, victim } from './support/two-users.js';

const VICTIM = victim();
/** A group that has no name on this machine, and one member. */
const READERS = 210_000_000 + process.pid;
const MEMBER = new User(310_000_000 + process.pid, READERS);

let dir: string;
let up: Up | undefined;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vslog-attack-'));
  chmodSync(dir, 0o711);
  mkdirSync(join(dir, 'home'));
  chmodSync(join(dir, 'home'), 0o711);
  chownSync(join(dir, 'home'), VICTIM.uid, VICTIM.uid);
});
afterEach(async () => {
  await up?.end('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

const data = (): string => join(dir, 'home/data');
const places = (): string[] => ['--data-dir', data(), '--api-socket', join(dir, 'home/run/collector.sock')];
const socket = (): string[] => ['--socket', join(dir, 'home/run/capture.sock')];
/** Its API is not named by a flag: where no collector answers there, the data directory is opened. */
const erase = (who: User, ...more: string[]) =>
  who.run(
    [
      ...[process.execPath, PROGRAM, 'erase', '--client', '10.0.0.0/8', '--reason', 'I wish it', '--yes'],
      ...['--data-dir', data(), ...socket(), ...more],
    ],
    { VSLOG_COLLECTOR_API_SOCKET: join(dir, 'home/run/collector.sock') },
  );
const sql = (query: string): string =>
  VICTIM.run([process.execPath, PROGRAM, 'sql', '--format', 'tsv', '--api-socket', join(dir, 'home/run/collector.sock'), query]).out;

/** `vslog up` whose log the members of a group may read. */
async function start(): Promise<void> {
  up = new User(VICTIM.uid, READERS).start(
    [
      ...[process.execPath, PROGRAM, 'up', ...places(), ...socket(), '--journal', join(dir, 'home/run/journal')],
      ...['--source', 'scripted', '--scripted-events', '200', '--scripted-rate', '2000', '--read-group', String(READERS)],
    ],
    { HOME: join(dir, 'home') },
  );
  await up.says(/capture: ready/);
  await until('events in the store', () => Number(sql('SELECT count() FROM conn_events').split('\n')[1]) >= 190);
}

describe('who may only read the log', () => {
  it('can neither order that anybody be erased nor see who is', async () => {
    await start();
    const folder = join(data(), 'erase');
    expect(statSync(folder).mode & 0o7777).toBe(0o700);
    for (const who of [MEMBER, ATTACKER]) {
      for (const more of [[], ['--dry-run'], ['--without-capture']]) {
        const { code, err } = erase(who, ...more);
        expect({ code, err }).toMatchObject({
          code: 6,
          err: expect.stringMatching(/^vslog: Only the user that the collector runs as, .* and root may erase/),
        });
      }
      expect(who.run(['ls', folder]).code).not.toBe(0);
      expect(who.run(['sh', '-c', `echo '{}' > ${folder}/planted.json`]).code).not.toBe(0);
    }
    // The API is theirs to ask, and does only what is ordered.
    const asked = MEMBER.run([
      process.execPath,
      '-e',
      `const r = require('node:http').request({ socketPath: ${JSON.stringify(join(dir, 'home/run/collector.sock'))}, method: 'POST', path: '/v1/erase?order=..%2F..%2Fplanted' }, (a) => a.pipe(process.stdout)); r.end();`,
    ]);
    expect(asked.out).toContain('There is no order');
    // Nor does the capture write down for them that anybody was erased.
    const record = [
      `import { recordByCapture } from ${JSON.stringify(join(PROGRAM, '../erase/record.js'))};`,
      `await recordByCapture(${JSON.stringify(socket()[1])}, { stage: 'ordered', id: 'x', selectors: 'address', reason: 'r', beforeNs: '1' }).catch((e) => console.log(e.message));`,
    ].join('\n');
    expect(MEMBER.run([process.execPath, '--input-type=module', '-e', record]).out).toContain('permission denied');
    expect(sql("SELECT count() FROM conn_events WHERE kind = 'erased'")).toBe('count()\n0\n');
    expect(sql("SELECT count() FROM control_events WHERE kind IN ('erase_ordered', 'erased')")).toBe('count()\n0\n');
  });

  it('cannot have a collector carry out an order that he wrote, wherever it comes from', async () => {
    const folder = join(dir, 'orders');
    mkdirSync(folder, { mode: 0o700 });
    const order: Partial<EraseOrder> = { id: 'planted' };
    const path = join(folder, 'planted.json');
    writeFileSync(path, JSON.stringify({ version: 1, ...order }), { mode: 0o600 });
    const notes: string[] = [];
    const read = (): Promise<EraseOrder[]> => readOrders(folder, (line) => notes.push(line));
    expect(await read()).toHaveLength(1);
    chownSync(path, ATTACKER.uid, ATTACKER.uid);
    expect(await read()).toEqual([]);
    chownSync(path, 0, 0);
    chmodSync(path, 0o620);
    expect(await read()).toEqual([]);
    expect(notes).toEqual(new Array(2).fill(`The order ${path} is not carried out: it is not a file of ours alone.`));
  });
});

describe('root and the collector’s own user', () => {
  it('may, through the running collector; root not on somebody else’s data alone', async () => {
    await start();
    const before = Number(sql('SELECT count() FROM conn_events').split('\n')[1]);
    const { code, out, err } = erase(new User(0), '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out)).toMatchObject({ events: before, in_force: null });
    expect(sql("SELECT count() FROM conn_events WHERE kind != 'erased'")).toBe('count()\n0\n');
    expect(sql("SELECT uid, command FROM control_events WHERE kind = 'erase_ordered'")).toBe('uid\tcommand\n0\tvslog erase\n');
    expect(readdirSync(join(data(), 'erase'))).toEqual([]);
    expect(await up?.end()).toBe(0);
    up = undefined;
    const alone = erase(new User(0));
    expect(alone.code).toBe(3);
    expect(alone.err).toContain(`belongs to user ${VICTIM.uid}: start the collector, or run this as that user.`);
    expect(existsSync(join(data(), 'erase'))).toBe(true);
    expect(readdirSync(join(data(), 'erase'))).toEqual([]);
    // By its own user on the data alone: the capture is away, so it says what to do.
    expect(erase(VICTIM).err).toContain('--without-capture');
  });
});
