import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlEvent, eventsOf } from '../../src/cli/event.js';
import { findKnob, type Knob } from '../../src/knob/catalogue.js';
import { Administration, type KnobAssignment, type KnobChange, type KnobReading } from '../../src/wire/administration.js';
import { CaptureClient } from '../../src/wire/client.js';
import { CaptureRefusal } from '../../src/wire/errors.js';
import { COMMAND_MS, until, WAIT_MS } from '../support/patience.js';
import { freePorts } from '../support/ports.js';
import { Administered, type LoggedChange, ourselves, refusalOf } from './support/administered.js';
import { CAPTURE } from './support/conntrack-capture.js';
import { TRACK } from './support/conntrack-stage.js';
import { NetworkNamespace } from './support/network-namespace.js';
import { type Ran, unprivileged } from './support/vslog.js';

const EINVAL = 22;
const ROOT = join(import.meta.dirname, '../..');

function knobOf(name: string): Knob {
  const knob = findKnob(name);
  if (knob === undefined) throw new Error(`The capture tells of ${name}, which the catalogue does not have.`);
  return knob;
}

/** A value that the knob takes and does not have. */
function otherValue(knob: Knob, now: string): string {
  const words = knob.values?.map(({ value }) => value) ?? [];
  switch (knob.type) {
    case 'bool':
      return now === '0' ? '1' : '0';
    case 'enum':
      return words[(words.indexOf(now) + 1) % words.length] ?? '';
    case 'int':
    case 'duration':
    case 'size': {
      const number = Number(now);
      return String(number < (knob.max ?? 0) ? number + 1 : number - 1);
    }
    case 'flags':
      // All but the last one.
      return now === words.slice(0, -1).join(',') ? words.join(',') : words.slice(0, -1).join(',');
    default:
      throw new Error(`${knob.name}: no test knows another value of a ${knob.type}.`);
  }
}

/** Values that the knob does not take, and what of its range the refusal must say. */
function badValues(knob: Knob): { values: string[]; range: string } {
  const nonsense = ['', ' ', 'x', '-', '0x1', '1.5', '1 ', ' 1', '1\n', '1e1', '99999999999999999999', '\u{1f9f2}'];
  switch (knob.type) {
    case 'bool':
      return { values: [...nonsense, '2', '-1', 'yes', '01'], range: '0 or 1' };
    case 'enum':
      return { values: [...nonsense, '77', '-1'], range: ` or ${knob.values?.at(-1)?.value}` };
    case 'flags':
      return { values: [...nonsense, 'none,create', 'create,create', 'create,'], range: 'one or more of' };
    default: {
      const { min = 0, max = 0 } = knob;
      return { values: [...nonsense, String(min - 1), String(max + 1)], range: `${min} to ${max}` };
    }
  }
}

/** Knobs of the whole machine. In a network namespace they can only be read, and no test turns them. */
const isOfMachine = ({ scope }: Knob): boolean => scope === 'global';

describe('knobs of a capture on source engine, in a network namespace', () => {
  let namespace: NetworkNamespace;
  let running: Administered;
  let capture: Administration;
  /** Every change that was acknowledged, but of those that are made at the same time. */
  const made: KnobChange[] = [];
  /** Changes that the log must have besides. */
  let more = 0;
  const log = (): Promise<LoggedChange[]> => running.logged(made.length + more, 'knob_changed');

  const values = async (): Promise<Map<string, string>> => new Map((await capture.knobs()).map(({ name, value }) => [name, value]));
  const read = async (name: string): Promise<string> => (await capture.knobs([name]))[0]?.value ?? '';
  const set = async (...assignments: KnobAssignment[]): Promise<KnobChange[]> => {
    const changes = await capture.setKnobs(assignments);
    made.push(...changes.filter(({ oldValue, newValue }) => oldValue !== newValue));
    return changes;
  };
  /** What can be set here and is not of the whole machine. */
  const settable = async (): Promise<KnobReading[]> =>
    (await capture.knobs()).filter((one) => one.settable && !isOfMachine(knobOf(one.name)));

  beforeAll(async () => {
    namespace = await NetworkNamespace.make();
    // Something must be tracked for connection tracking to be there at all.
    namespace.rules(TRACK);
    running = new Administered(['--service', 'tcp://127.0.0.1:8080', '--real', '127.0.0.1:9001', '--drain', '1h'], namespace);
    await running.begin();
    capture = await running.session();
  });
  afterAll(async () => {
    running?.clean();
    await namespace?.end();
  });

  it('has knobs of the balancer, of connection tracking and of the capture that can be set', async () => {
    const names = (await settable()).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['expire_nodest_conn', 'timeout_close', 'nf_conntrack_udp_timeout', 'capture_linger']));
    expect(names.length).toBeGreaterThan(20);
  });

  it('sets each to another legal value and back', async () => {
    for (const { name, value } of await settable()) {
      const other = otherValue(knobOf(name), value);
      expect(await set({ name, value: other })).toEqual([{ name, oldValue: value, newValue: other }]);
      expect(await read(name), name).toBe(other);
      expect(await set({ name, value })).toEqual([{ name, oldValue: other, newValue: value }]);
      expect(await read(name), name).toBe(value);
    }
  });

  it('says so when a knob has its value already, and logs nothing', async () => {
    for (const { name, value } of (await settable()).slice(0, 5)) {
      expect(await set({ name, value })).toEqual([{ name, oldValue: value, newValue: value }]);
    }
  });

  it('only says what a dry run would do', async () => {
    const before = await values();
    const assignments = (await settable()).map(({ name, value }) => ({ name, value: otherValue(knobOf(name), value) }));
    expect(await capture.setKnobs(assignments, { dryRun: true })).toEqual(
      assignments.map(({ name, value }) => ({ name, oldValue: before.get(name), newValue: value })),
    );
    expect(await values()).toEqual(before);
  });

  it('refuses each illegal value with the range, and nothing is changed', async () => {
    const before = await values();
    for (const { name } of await settable()) {
      const { values: bad, range } = badValues(knobOf(name));
      for (const value of bad) {
        const refusal = await refusalOf(capture.setKnobs([{ name, value }]));
        expect(refusal, `${name}=${JSON.stringify(value)}`).toEqual({ code: EINVAL, field: name, message: expect.stringContaining(range) });
        expect(refusal.message).toMatch(/\.$/);
      }
    }
    expect(await values()).toEqual(before);
  });

  it('refuses what is no knob here, or cannot be set now, with a sentence', async () => {
    const before = await values();
    const readings = await capture.knobs();
    const fixed = readings.filter(({ settable: can }) => !can);
    expect(fixed.length).toBeGreaterThan(0);
    for (const { name } of fixed) {
      const { code, message } = await refusalOf(capture.setKnobs([{ name, value: knobOf(name).default ?? '1' }]));
      expect(code, message).toBeGreaterThan(0);
      expect(message).toMatch(new RegExp(`^${name} .+\\.$`));
    }
    expect((await refusalOf(capture.setKnobs([{ name: 'no_such', value: '1' }]))).message).toBe('there is no knob no_such.');
    expect((await refusalOf(capture.setKnobs([{ name: 'real_weight', value: '1' }]))).message).toMatch(/^real_weight: each real server /);
    expect((await refusalOf(capture.setKnobs([]))).message).toMatch(/\.$/);
    expect(await values()).toEqual(before);
  });

  it('sets all or none', async () => {
    const before = await values();
    const first = { name: 'expire_nodest_conn', value: '1' };
    const second = { name: 'nf_conntrack_udp_timeout', value: '77' };
    const last = { name: 'capture_linger', value: '9' };
    for (const bad of [
      { name: 'timeout_tcp', value: '0' },
      { name: 'no_such', value: '1' },
      { name: 'conn_tab_bits', value: '12' },
      { name: 'expire_nodest_conn', value: '0' },
    ]) {
      await refusalOf(capture.setKnobs([first, second, bad, last]));
      expect(await values(), bad.name).toEqual(before);
    }
  });

  it('puts back what was set before the kernel refused', async () => {
    const before = await values();
    const name = 'nf_conntrack_max';
    // Of the whole machine: here it can be read only, which shows when it is written.
    const path = '/proc/sys/net/netfilter/nf_conntrack_max';
    expect(namespace.run('stat', '-c', '%a', path).trim()).toBe('444');
    const { message } = await refusalOf(
      capture.setKnobs([
        { name: 'expire_nodest_conn', value: '1' },
        { name: 'nf_conntrack_udp_timeout', value: '77' },
        { name, value: String(Number(before.get(name)) - 1) },
        { name: 'capture_linger', value: '9' },
      ]),
    );
    expect(message).toMatch(/^nf_conntrack_max cannot be set: Permission denied\. What was set before it was put back\.$/);
    expect(await values()).toEqual(before);
    // Each was changed and changed back, and the log says so.
    made.push(
      { name: 'expire_nodest_conn', oldValue: '0', newValue: '1' },
      { name: 'nf_conntrack_udp_timeout', oldValue: before.get('nf_conntrack_udp_timeout') ?? '', newValue: '77' },
      { name: 'nf_conntrack_udp_timeout', oldValue: '77', newValue: before.get('nf_conntrack_udp_timeout') ?? '' },
      { name: 'expire_nodest_conn', oldValue: '1', newValue: '0' },
    );
  });

  it('has logged each of those changes in order, by whom, and no other', async () => {
    const logged = await log();
    const changes = logged.map(({ name, old_value: oldValue, new_value: newValue }) => ({ name, oldValue, newValue }));
    expect(changes).toHaveLength(made.length);
    // The embedded balancer has its records wait until its turn: only among themselves they are in order.
    for (const ofEngine of [true, undefined]) {
      const some = ({ name }: KnobChange): boolean => knobOf(name).engine === ofEngine;
      expect(made.filter(some).length).toBeGreaterThan(0);
      expect(changes.filter(some)).toEqual(made.filter(some));
    }
    for (const one of logged) expect(one).toMatchObject(ourselves(0));
    expect(new Set(logged.map(({ netns, name }) => (isOfMachine(knobOf(name)) ? 0 : netns)))).toEqual(new Set([namespace.inode]));
  });

  it('takes sets of many clients one after the other', async () => {
    const CLIENTS = 20;
    const SETS = 10;
    const names = ['timeout_tcp', 'nf_conntrack_udp_timeout', 'timeout_udp'];
    const start = await values();
    const sessions = await Promise.all(Array.from({ length: CLIENTS }, () => running.session()));
    const acknowledged: KnobChange[] = [];
    let refused = 0;
    const request = async (session: Administration, number: number): Promise<void> => {
      // No value is set twice, and those of each knob are far from those of the others.
      const all = names.map((name, at) => ({ name, value: String(10_000 * (at + 1) + number) }));
      const bad = number % 10 === 3;
      const chosen = number % 4 === 0 ? all : all.filter((_, at) => at === number % 3);
      const assignments = bad ? [...chosen.slice(0, -1), { name: chosen.at(-1)?.name ?? '', value: '-1' }] : chosen;
      try {
        acknowledged.push(...(await session.setKnobs(assignments)));
        expect(bad).toBe(false);
      } catch (error) {
        if (!(error instanceof CaptureRefusal)) throw error;
        expect(bad, error.message).toBe(true);
        expect(error.message).toMatch(/ takes a number from \d+ to \d+, not "-1"\.$/);
        refused++;
      }
    };
    await Promise.all(sessions.flatMap((session, client) => Array.from({ length: SETS }, (_, at) => request(session, client * SETS + at))));
    expect(refused).toBe((CLIENTS * SETS) / 10);

    const before = made.length;
    made.push(...acknowledged);
    const logged = (await log()).slice(before);
    const plain = (one: LoggedChange) => ({ name: one.name, oldValue: one.old_value, newValue: one.new_value });
    const sorted = (changes: KnobChange[]) => changes.map((one) => JSON.stringify(one)).sort();
    expect(sorted(logged.map(plain))).toEqual(sorted(acknowledged));
    for (const one of logged) expect(one).toMatchObject(ourselves(0));
    for (const name of names) {
      let value = start.get(name);
      for (const change of logged.filter((one) => one.name === name)) {
        expect(change.old_value).toBe(value);
        value = change.new_value;
      }
      expect(await read(name), name).toBe(value);
      expect(value).not.toBe(start.get(name));
    }
    await set(...names.map((name) => ({ name, value: start.get(name) ?? '' })));
  });

  it('finds a change behind its back, and says that nobody knows who made it', async () => {
    const name = 'nf_conntrack_tcp_timeout_close';
    const before = await read(name);
    namespace.set({ [`netfilter.${name}`]: 23 });
    more++;
    expect((await log()).at(-1)).toMatchObject({
      name,
      old_value: before,
      new_value: '23',
      through: 'unknown',
      pid: 0,
      command: '',
      netns: namespace.inode,
    });
    const { out } = running.vslog.run('report', 'changes', '--name', name);
    expect(out).toMatch(new RegExp(`unknown: found by comparison +${name} +${before} → 23 +unknown`));
    // What is known of a knob goes on from there.
    await set({ name, value: before });
    expect((await log()).at(-1)).toMatchObject({ name, old_value: '23', new_value: before, ...ourselves(0) });
  });

  it('finds at its next start what was changed while it was away', async () => {
    const name = 'nf_conntrack_icmp_timeout';
    const before = await read(name);
    await set({ name, value: '41' });
    await running.end();
    namespace.set({ [`netfilter.${name}`]: 42 });
    await running.begin();
    capture = await running.session();
    more++;
    const logged = await log();
    expect(logged.slice(-2)).toMatchObject([
      { name, old_value: before, new_value: '41', ...ourselves(0) },
      { name, old_value: '41', new_value: '42', through: 'unknown', pid: 0, detail: 'it was found when the capture started' },
    ]);
    await set({ name, value: before });
    // Nothing else was found: what the embedded balancer has begins anew, and that is no change.
    expect((await log()).length).toBe(made.length + more);
  });

  it('has every change of the kernel’s knobs follow on the one before', async () => {
    const last = new Map<string, string>();
    for (const { name, old_value, new_value } of await log()) {
      if (last.has(name)) expect(old_value, name).toBe(last.get(name));
      last.set(name, new_value);
    }
    for (const [name, value] of last) expect(await read(name), name).toBe(value);
  });

  it('loses nothing of it', async () => {
    await running.end();
    expect(running.vslog.run('verify').out).toMatch(/\ncomplete\n$/);
  });
});

/** Somebody on this machine. */
interface Somebody {
  readonly uid: number;
  readonly gid: number;
}

const NOBODY: Somebody = { uid: 65_534, gid: 65_534 };
/** Of a user that a system has from the start, and his group. */
const GAMES = systemUser('games');

function systemUser(name: string): Somebody {
  const [, uid, gid] = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, 'm').exec(readFileSync('/etc/passwd', 'utf8')) ?? [];
  if (uid === undefined) throw new Error(`This system has no user ${name}.`);
  return { uid: Number(uid), gid: Number(gid) };
}

/** Whether everybody may read the checkout. Where it is root's alone, the others are given that one right. */
const READABLE = unprivileged().uid !== undefined;
const READS = READABLE ? [] : ['--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search'];

// To become somebody else takes root.
describe('who may turn knobs', () => {
  let dir = '';
  let child: ChildProcess | undefined;
  let client: CaptureClient;
  let told: ControlEvent[] = [];
  const socket = () => join(dir, 'capture.sock');
  const now = async (): Promise<string> => (await new Administration(client).knobs(['expire_nodest_conn']))[0]?.value ?? '';

  /** A capture whose socket everybody in NOBODY's group may open. */
  async function begin(...args: string[]): Promise<void> {
    dir = mkdtempSync(join(tmpdir(), 'vslog-e2e-'));
    chmodSync(dir, 0o755);
    const [port = 0, real = 0] = await freePorts(2);
    const own = ['--socket', socket(), '--socket-group', String(NOBODY.gid), '--journal', join(dir, 'journal'), '--journal-size', '8M'];
    const service = ['--service', `tcp://127.0.0.1:${port}`, '--real', `127.0.0.1:${real}`];
    child = spawn(CAPTURE, ['--source', 'engine', '--with-parent', ...own, ...service, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    }
    await until('the capture is ready', () => {
      if (child?.exitCode !== null) throw new Error(said);
      return /ready/.test(said);
    });
    told = [];
    client = new CaptureClient({
      path: socket(),
      timeoutMs: WAIT_MS,
      handlers: {
        onBatch: (batch) => {
          for (const log of eventsOf(batch)) if (log.record === 'control') told.push(log.event);
        },
      },
    });
    await client.connect();
    await client.subscribeLive({ groups: ['knob'] });
  }

  async function end(): Promise<void> {
    client?.close();
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    if (dir !== '') rmSync(dir, { recursive: true, force: true });
  }

  /** The command line, run by somebody in these groups besides his own. */
  function run({ uid, gid }: Somebody, groups: readonly number[], ...args: string[]): Promise<Ran> {
    const others = groups.length === 0 ? '--clear-groups' : `--groups=${groups.join(',')}`;
    const command = [process.execPath, join(ROOT, 'dist/main.js'), ...args, '--socket', socket()];
    const options = { cwd: ROOT, timeout: COMMAND_MS, env: { ...process.env, HOME: dir } };
    return new Promise((resolve) => {
      execFile('setpriv', [`--reuid=${uid}`, `--regid=${gid}`, others, ...READS, ...command], options, (error, out, err) =>
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, out, err }),
      );
    });
  }

  describe('without a group for it', () => {
    beforeAll(() => begin());
    afterAll(end);

    it('is root only; whoever can open the socket reads', async () => {
      const [listed, ...refused] = await Promise.all([
        run(NOBODY, [], 'knob', 'ls'),
        run(NOBODY, [], 'knob', 'set', 'expire_nodest_conn=1'),
        run(NOBODY, [], 'knob', 'expire-nodest-conn', '1'),
        run(NOBODY, [], 'knob', 'set', 'expire_nodest_conn=1', '--dry-run'),
        run(NOBODY, [], 'vs', 'add', '127.0.0.1:1'),
        // Root's group among the others makes no root.
        run(NOBODY, [0], 'knob', 'set', 'expire_nodest_conn=1'),
      ]);
      expect(listed.code, listed.err).toBe(0);
      expect(listed.out).toMatch(/expire_nodest_conn +0 /);
      const sentence = 'vslog: permission denied: only root may change anything here.\n';
      expect(refused).toEqual(refused.map(() => ({ code: 6, out: '', err: sentence })));
      expect(await now()).toBe('0');
      expect(await run({ uid: 0, gid: 0 }, [], 'knob', 'set', 'expire_nodest_conn=1')).toEqual({
        code: 0,
        out: 'expire_nodest_conn: 0 → 1\n',
        err: '',
      });
      await until('the change', () => told[0]);
      expect(told).toMatchObject([{ name: 'expire_nodest_conn', old_value: '0', new_value: '1', uid: 0, through: 4 }]);
    });

    it('lets strangers read no more than values, and nothing where they may not go', async () => {
      const stranger = { uid: 12_345, gid: 12_345 };
      const [got, set, watched] = await Promise.all([
        run(stranger, [], 'knob', 'get', 'expire_nodest_conn'),
        run(stranger, [], 'knob', 'set', 'expire_nodest_conn=0'),
        run(stranger, [], 'knob', 'watch'),
      ]);
      expect([got.code, set.code]).toEqual([0, 6]);
      expect(watched).toMatchObject({ code: 6, out: '' });
      // Who may read everything may go everywhere.
      if (!READABLE) return;
      chmodSync(dir, 0o700);
      const closed = await run(stranger, [], 'knob', 'get', 'expire_nodest_conn');
      expect(closed).toEqual({ code: 6, out: '', err: expect.stringMatching(/^vslog: The socket .* may not be opened/) });
    });
  });

  describe('with a group for it', () => {
    const games = GAMES;
    beforeAll(() => begin('--admin-group', 'games'));
    afterAll(end);

    it('is its members, too, and they are the authors', async () => {
      const { code, out, err } = await run(games, [NOBODY.gid], 'knob', 'set', 'expire_nodest_conn=1', 'timeout_tcp=901');
      expect({ code, out, err }).toEqual({ code: 0, out: 'expire_nodest_conn: 0 → 1\ntimeout_tcp: 900 → 901\n', err: '' });
      await until('both changes', () => told[1]);
      expect(told).toMatchObject([
        { name: 'expire_nodest_conn', uid: games.uid, through: 4 },
        { name: 'timeout_tcp', uid: games.uid, through: 4 },
      ]);
      expect(told[0]?.command).toMatch(/main\.js knob set expire_nodest_conn=1/);
      expect(told[0]?.parent_pid).toBe(process.pid);
    });

    it('is nobody else', async () => {
      const { code, out, err } = await run(NOBODY, [], 'knob', 'set', 'expire_nodest_conn=0');
      expect({ code, out }).toEqual({ code: 6, out: '' });
      expect(err).toMatch(/^vslog: permission denied: only root and members of group games may change anything here; .*\n$/);
      expect(await now()).toBe('1');
      const administration = new Administration(client);
      expect(await administration.setKnobs([{ name: 'expire_nodest_conn', value: '0' }])).toHaveLength(1);
    });
  });
});
