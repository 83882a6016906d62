import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Up } from '../e2e/support/vslog.js';
import { until } from '../support/patience.js';
import { ATTACKER, CAPTURE, PROGRAM, User, victim } from './support/two-users.js';

const VICTIM = victim();
/** A group that has no name on this machine, and one member. */
const READERS = 200_000_000 + process.pid;
const MEMBER = new User(300_000_000 + process.pid, READERS);
const TEMPORARY = `/tmp/vslog-${VICTIM.uid}`;

let dir: string;
const running: Up[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vslog-attack-'));
  chmodSync(dir, 0o711);
  for (const name of ['home', 'files']) {
    mkdirSync(join(dir, name));
    chmodSync(join(dir, name), 0o711);
    chownSync(join(dir, name), VICTIM.uid, VICTIM.uid);
  }
  rmSync(join(dir, 'files'), { recursive: true });
});
afterEach(async () => {
  for (const up of running.splice(0)) await up.end('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
  rmSync(TEMPORARY, { recursive: true, force: true });
});

const data = (): string => join(dir, 'home/data');
const run = (): string => join(dir, 'home/run');
const files = (): string => join(dir, 'home/files');

/** `vslog up` of the victim under an umask, with everything that writes files. */
function up(umask: string, who: User, ...args: string[]): Up {
  const places = ['--data-dir', data(), '--file-dir', files(), '--api-socket', join(run(), 'collector.sock')];
  const capture = [
    '--socket',
    join(run(), 'capture.sock'),
    '--journal',
    join(run(), 'journal'),
    '--source',
    'scripted',
    '--scripted-rate',
    '2000',
  ];
  const limits = ['--spool-when-full', 'drop-oldest', '--spool-max-segments', '20', '--file-rotate-bytes', '10K'];
  const started = who.start(
    ['sh', '-c', `umask ${umask}; exec "$@"`, 'sh', process.execPath, PROGRAM, 'up', ...places, ...capture, ...limits, ...args],
    { HOME: join(dir, 'home') },
  );
  running.push(started);
  return started;
}

/** Of each kind of file one must be there. */
const KINDS = [/\/spool\/[^/]+\.pb$/, /\/spool\/.*embedded\.cursor$/, /\/store\/.*(columns\.txt|data\.bin)$/, /\/files\/.*\.gz$/];

/** Waits until every kind of file is there, and many; what there is then. Some of it goes again while it is looked at. */
function everyFile(): Promise<ReturnType<typeof walk>> {
  return until(
    'every kind of file',
    () => {
      const paths = [data(), run(), files()].flatMap(walk);
      return KINDS.every((kind) => paths.some(({ path }) => kind.test(path))) && paths.length > 100 && paths;
    },
    { detail: () => running.map(({ said }) => said).join('\n') },
  );
}

/** Everything below a folder, itself included: path, type and mode. */
function walk(at: string): { path: string; mode: number; link: boolean; socket: boolean; gid: number }[] {
  const stats = lstatSync(at, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  const names = (): string[] => {
    try {
      return readdirSync(at);
    } catch (error) {
      // Old segments and parts of the store go away meanwhile.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  };
  const one = { path: at, mode: stats.mode & 0o777, link: stats.isSymbolicLink(), socket: stats.isSocket(), gid: stats.gid };
  return [one, ...(stats.isDirectory() ? names().flatMap((name) => walk(join(at, name))) : [])];
}

/** What an attacker can make of each path: reads, lists, or connects. */
function spoils(who: User, paths: readonly string[]): string[] {
  const script = [
    'for path do',
    'if [ -S "$path" ]; then [ -w "$path" ] && echo "connects $path";',
    'elif [ -d "$path" ]; then ls "$path" >/dev/null 2>&1 && echo "lists $path";',
    'else head -c 1 "$path" >/dev/null 2>&1 && echo "reads $path"; fi',
    'done; true',
  ].join('\n');
  return who
    .run(['sh', '-c', script, 'sh', ...paths])
    .out.split('\n')
    .filter((line) => line !== '');
}

const open = (paths: ReturnType<typeof walk>, bits: number): string[] =>
  // The capture's socket is everybody's by its mode: it asks who is there, and its folder is closed.
  paths
    .filter(({ path, mode, link }) => !link && !path.endsWith('capture.sock') && (mode & bits) !== 0)
    .map(({ path, mode }) => `${path} ${mode.toString(8)}`);

describe.each(['000', '022'])('files under umask %s', (umask) => {
  it('are closed to everybody else', async () => {
    const one = up(umask, VICTIM);
    await one.says(/capture: ready/);
    const paths = await everyFile();
    expect(open(paths, 0o077)).toEqual([]);
    expect(
      spoils(
        ATTACKER,
        paths.map(({ path }) => path),
      ),
    ).toEqual([]);
    expect(await one.end(), one.said).toBe(0);
    expect(open([data(), run(), files()].flatMap(walk), 0o077)).toEqual([]);
  });

  it('are open to the members of the group that may read, and to nobody else', async () => {
    const one = up(umask, new User(VICTIM.uid, READERS), '--read-group', String(READERS));
    await one.says(/capture: ready/);
    const paths = await everyFile();
    expect(open(paths, 0o027).filter((line) => !/home\/run 711$|collector\.sock 660$/.test(line))).toEqual([]);
    expect(
      spoils(
        ATTACKER,
        paths.map(({ path }) => path).filter((path) => !path.endsWith('capture.sock')),
      ),
    ).toEqual([]);
    // Segments come and go; a file that is there was read or is ours alone for a reason.
    const got = spoils(
      MEMBER,
      paths.map(({ path }) => path),
    );
    for (const pattern of [
      /reads .*spool\/.*\.pb$/,
      /reads .*store\/.*data\.bin$/,
      /reads .*files\/.*\.gz/,
      /connects .*collector\.sock$/,
      /lists .*data$/,
    ])
      expect(got).toContainEqual(expect.stringMatching(pattern));
    const { code, out, err } = MEMBER.run([process.execPath, PROGRAM, 'status', '--json', '--api-socket', join(run(), 'collector.sock')]);
    expect({ code, err, out: out.slice(0, 1) }).toEqual({ code: 0, err: '', out: '{' });
    expect(ATTACKER.run([process.execPath, PROGRAM, 'status', '--api-socket', join(run(), 'collector.sock')]).code).toBe(3);
    expect(await one.end(), one.said).toBe(0);
  });
});

it('mends what an earlier version left open, and says so', async () => {
  const first = up('022', VICTIM);
  await first.says(/capture: ready/);
  await everyFile();
  expect(await first.end(), first.said).toBe(0);
  for (const folder of [data(), files()])
    for (const { path, mode, link } of walk(folder)) if (!link) chmodSync(path, mode | ((mode & 0o500) >> 3) | ((mode & 0o500) >> 6));
  const before = walk(join(data(), 'spool')).map(({ path }) => path);
  expect(spoils(ATTACKER, before).length).toBe(before.length);
  const second = up('022', VICTIM);
  await second.says(/data: \d+ files and folders could be read by others than those who may read the log; that was mended\./);
  await second.says(/files: \d+ files and folders could be read by others/);
  await second.says(/capture: ready/);
  expect(open([data(), files()].flatMap(walk), 0o077)).toEqual([]);
  expect(await second.end(), second.said).toBe(0);
});

describe('a place in the temporary directory that somebody else made', () => {
  const ours = { HOME: '' };
  beforeEach(() => {
    ours.HOME = join(dir, 'home');
  });
  const squats: [string, (path: string) => void][] = [
    ['a folder of another', (path) => expect(ATTACKER.run(['mkdir', '-m', '0700', path]).code).toBe(0)],
    ['a folder of another that everybody may use', (path) => expect(ATTACKER.run(['sh', '-c', 'umask 0; mkdir "$0"', path]).code).toBe(0)],
    [
      'a link of another to a folder of ours',
      (path) => {
        mkdirSync(join(dir, 'home/real'), { mode: 0o700 });
        chownSync(join(dir, 'home/real'), VICTIM.uid, VICTIM.uid);
        expect(ATTACKER.run(['ln', '-s', join(dir, 'home/real'), path]).code).toBe(0);
      },
    ],
    [
      'a folder of ours that everybody may write to',
      (path) => {
        mkdirSync(path);
        chmodSync(path, 0o777);
        chownSync(path, VICTIM.uid, VICTIM.uid);
      },
    ],
    ['a file of another', (path) => expect(ATTACKER.run(['touch', path]).code).toBe(0)],
  ];

  it.each(squats)('is refused: %s', async (name, squat) => {
    squat(TEMPORARY);
    const before = walk(TEMPORARY).length;
    const commands: [string, string[]][] = [
      ['collect', ['collect', '--data-dir', data()]],
      ['capture', ['capture', '--source', 'scripted']],
      ['up', ['up', '--source', 'scripted', '--data-dir', data()]],
    ];
    for (const [command, args] of commands) {
      const { code, err } = VICTIM.run([process.execPath, PROGRAM, ...args], ours);
      expect({ command, code, err }).toEqual({
        command,
        code: 2,
        err: expect.stringMatching(new RegExp(`${TEMPORARY} (belongs to|is no folder)|folder ${TEMPORARY}: look`)),
      });
    }
    const { code, err } = VICTIM.run(
      [CAPTURE, '--source', 'scripted', '--socket', join(TEMPORARY, 'capture.sock'), '--journal', join(TEMPORARY, 'journal')],
      ours,
    );
    expect({ code, err }).toEqual({
      code: 2,
      err: expect.stringMatching(new RegExp(`${TEMPORARY} (belongs to|is no folder)|folder ${TEMPORARY}: look`)),
    });
    if (!name.startsWith('a folder of ours')) {
      // What listens there is not asked either.
      const status = VICTIM.run([process.execPath, PROGRAM, 'status'], ours);
      expect({ code: status.code, err: status.err }).toEqual({ code: 2, err: expect.stringContaining(TEMPORARY) });
    }
    expect(walk(TEMPORARY).length).toBe(before);
    expect(existsSync(data())).toBe(false);
  });

  it('is used when it is ours', async () => {
    const one = VICTIM.start([process.execPath, PROGRAM, 'up', '--source', 'scripted', '--store', 'none', '--data-dir', data()], ours);
    running.push(one);
    await one.says(/capture: ready/);
    expect(open(walk(TEMPORARY), 0o077)).toEqual([]);
    expect(VICTIM.run([process.execPath, PROGRAM, 'status'], ours).code).toBe(0);
    expect(await one.end(), one.said).toBe(0);
  });
});

it('does not follow a link that stands where its socket is to be', async () => {
  const target = join(dir, 'other.sock');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(target, resolve));
  mkdirSync(run(), { mode: 0o700 });
  chownSync(run(), VICTIM.uid, VICTIM.uid);
  symlinkSync(target, join(run(), 'collector.sock'));
  const { code, err } = VICTIM.run([
    process.execPath,
    PROGRAM,
    'collect',
    '--data-dir',
    data(),
    '--api-socket',
    join(run(), 'collector.sock'),
  ]);
  expect({ code, err }).toEqual({ code: 3, err: expect.stringContaining('is there and is no socket') });
  server.close();
});

it('uses no token that everybody may read, and says the chmod', () => {
  const token = join(dir, 'home/token');
  writeFileSync(token, 'a-token-of-16-characters\n');
  chmodSync(token, 0o644);
  chownSync(token, VICTIM.uid, VICTIM.uid);
  for (const flag of ['--metrics-token-file', '--console-token-file', '--clickhouse-http-password-file']) {
    const listen = flag.replace(/-(token|password)-file$/, '-listen');
    const { code, err } = VICTIM.run([
      process.execPath,
      PROGRAM,
      'collect',
      listen,
      '127.0.0.1:0',
      flag,
      token,
      '--data-dir',
      data(),
      '--api-socket',
      join(run(), 'collector.sock'),
    ]);
    expect({ flag, code, err }).toEqual({
      flag,
      code: 2,
      err: expect.stringContaining(`which everybody on this machine may read: "chmod 640 ${token}".`),
    });
  }
});
