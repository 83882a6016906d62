import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiClient } from '../../src/api/client.js';
import { alive, familyOf, type Up } from '../e2e/support/vslog.js';
import { PATIENT_STOP, until } from '../support/patience.js';
import { PROGRAM, User, victim } from './support/two-users.js';

// Says what is missing where there cannot be two users.
victim();
const ROOT = new User(0);
/** Every machine has that one. */
const OTHER = { name: 'nobody', uid: 65_534 };

let dir: string;
const running: Up[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vslog-user-'));
  chmodSync(dir, 0o755);
  mkdirSync(join(dir, 'capture'));
});
afterEach(async () => {
  for (const up of running.splice(0)) {
    for (const pid of familyOf(up.pid)) if (alive(pid)) process.kill(pid, 'SIGKILL');
    await up.ended;
  }
  rmSync(dir, { recursive: true, force: true });
});

const environment = (): NodeJS.ProcessEnv => ({
  VSLOG_COLLECTOR_DATA_DIR: join(dir, 'data'),
  ...PATIENT_STOP,
  VSLOG_COLLECTOR_API_SOCKET: join(dir, 'collector/collector.sock'),
  VSLOG_CAPTURE_SOCKET: join(dir, 'capture/capture.sock'),
  VSLOG_CAPTURE_JOURNAL: join(dir, 'capture/journal'),
  VSLOG_CAPTURE_COLLECTOR_GROUP: String(OTHER.uid),
  VSLOG_CAPTURE_SOURCE: 'engine',
  VSLOG_ENGINE_LOAD: 'true',
});

const vslog = (...args: string[]): [string, ...string[]] => [process.execPath, PROGRAM, ...args];

function up(...args: string[]): Up {
  const started = ROOT.start(vslog('up', ...args), environment());
  running.push(started);
  return started;
}

const uidOf = (pid: number): number => Number(/^Uid:\s+\d+\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
/** Who runs what of a family: by the last part of the program's path. */
function usersOf(pid: number): Record<string, number> {
  const found: Record<string, number> = {};
  for (const one of familyOf(pid)) {
    const words = readFileSync(`/proc/${one}/cmdline`, 'utf8').split('\0');
    const name =
      words
        .find((word) => /(vslog-capture|engine-child\.mjs)$/.test(word))
        ?.split('/')
        .at(-1) ?? words.find((word) => ['up', 'collect'].includes(word));
    if (name !== undefined) found[name] = uidOf(one);
  }
  return found;
}

async function delivered(): Promise<void> {
  const api = new ApiClient(join(dir, 'collector/collector.sock'));
  await until('events in the store', async () => ((await api.status()).sinks[0]?.delivered_events ?? 0) > 100);
}

/** Whose everything below a folder is. */
function owners(path: string): Set<number> {
  const stats = lstatSync(path);
  return new Set([stats.uid, ...(stats.isDirectory() ? readdirSync(path).flatMap((name) => [...owners(join(path, name))]) : [])]);
}

describe('a collector of root’s', () => {
  it('runs as somebody else, who is given what root had, and nothing is missing', async () => {
    const before = up('--user', 'root');
    await before.says(/ready: source/);
    await delivered();
    expect(usersOf(before.pid)).toEqual({ up: 0, 'vslog-capture': 0, 'engine-child.mjs': 0 });
    expect(await before.end()).toBe(0);
    // What is not in the folder is nobody's to give.
    writeFileSync(join(dir, 'secret'), 'of root', { mode: 0o600 });
    symlinkSync(join(dir, 'secret'), join(dir, 'data/spool/elsewhere'));
    rmSync(join(dir, 'collector'), { recursive: true });

    const after = up('--user', OTHER.name);
    await after.says(/ready: source/);
    expect(after.said).toMatch(/data: \d+ files and folders were root's; they belong to user nobody now/);
    await delivered();
    expect(usersOf(after.pid)).toEqual({ up: 0, collect: OTHER.uid, 'vslog-capture': 0, 'engine-child.mjs': OTHER.uid });
    const groups = /^Groups:\s*(.*)$/m
      .exec(readFileSync(`/proc/${familyOf(after.pid).find((pid) => uidOf(pid) === OTHER.uid)}/status`, 'utf8'))?.[1]
      ?.trim();
    expect(groups).toBe(String(OTHER.uid));
    expect(await after.end()).toBe(0);
    expect(owners(join(dir, 'data'))).toEqual(new Set([OTHER.uid]));
    expect(lstatSync(join(dir, 'secret')).uid).toBe(0);

    // Root asks without a collector: as the one whose data that is, so that nothing of root's is left there.
    const verified = ROOT.run(vslog('verify'), environment());
    expect(verified.err).toContain('belongs to user 65534: going on as that user');
    expect([verified.code, verified.out]).toEqual([0, expect.stringMatching(/complete/)]);
    expect(owners(join(dir, 'data'))).toEqual(new Set([OTHER.uid]));
  });

  it('ends with what started it, however that ends', async () => {
    const started = up('--user', OTHER.name);
    await started.says(/ready: source/);
    const family = familyOf(started.pid);
    expect(family.length).toBeGreaterThan(3);
    process.kill(started.pid, 'SIGKILL');
    await until('they are gone', () => !family.some(alive));
  });

  it('ends what started it', async () => {
    const started = up('--user', OTHER.name);
    await started.says(/ready: source/);
    const collector = familyOf(started.pid).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('\0collect\0'));
    process.kill(collector ?? 0, 'SIGKILL');
    expect(await started.ended).not.toBe(0);
    expect(started.said).toContain('The collector ended with SIGKILL.');
  });

  it('is refused where that one cannot do what is to be done, with the reason', () => {
    const refused = (...args: string[]) => ROOT.run(vslog('up', ...args), environment());
    expect(refused('--user', 'no-such-user')).toMatchObject({ code: 2, err: expect.stringContaining('there is no such user') });
    const token = join(dir, 'token');
    writeFileSync(token, 'alice 0123456789abcdef0123\n', { mode: 0o600 });
    expect(refused('--user', OTHER.name, '--metrics-token-file', token)).toMatchObject({
      code: 2,
      err: expect.stringContaining(`may not read ${token}`),
    });
    chmodSync(dir, 0o700);
    expect(refused('--user', OTHER.name)).toMatchObject({ code: 2, err: expect.stringContaining(`cannot come through ${dir}`) });
  });

  it('is nobody else’s to start', () => {
    const { code, err } = new User(100_000_000 + process.pid).run(vslog('collect', '--user', OTHER.name), environment());
    expect([code, err]).toEqual([2, expect.stringContaining('only root can run the collector as somebody else')]);
  });
});
