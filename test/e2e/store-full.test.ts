import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { pause, until } from '../support/patience.js';
import { collectorOf, delivered } from './collector-api.js';
import { alive, familyOf, type Up, Vslog } from './support/vslog.js';

const EVENTS = 300_000;
const DISK_BYTES = 100 * 1024 * 1024;
let vslog: Vslog | undefined;
let mounted: string | undefined;

afterEach(() => {
  // What still uses it keeps it until it is ended.
  if (mounted !== undefined) spawnSync('umount', ['-l', mounted]);
  mounted = undefined;
  vslog?.clean();
});

/** A disk of its own for the store. */
function withDisk(): { readonly on: Vslog; readonly disk: string } {
  const on = new Vslog();
  vslog = on;
  const disk = join(on.dir, 'disk');
  mkdirSync(disk);
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES},mode=0755`, 'tmpfs', disk]);
  expect(status, 'a full disk is tested on a small tmpfs: this needs the right to mount, as root has it').toBe(0);
  mounted = disk;
  mkdirSync(join(disk, 'store'));
  spawnSync('chown', ['--reference', on.dir, join(disk, 'store')]);
  chmodSync(join(disk, 'store'), 0o700);
  return { on: on.with({ VSLOG_STORE_DIR: join(disk, 'store') }), disk };
}

const freeOf = (disk: string): number => {
  const { bavail, bsize } = statfsSync(disk);
  return bavail * bsize;
};

/** Somebody else's file, which leaves so many bytes of the disk free. */
function ballast(disk: string, leave: number): void {
  const file = openSync(join(disk, 'ballast'), 'a');
  const block = Buffer.alloc(64 * 1024);
  try {
    while (freeOf(disk) > leave) if (writeSync(file, block, 0, Math.min(block.length, freeOf(disk) - leave)) === 0) break;
  } catch {
    // The store took the last of it at this moment.
  } finally {
    closeSync(file);
  }
}

const makeRoom = (disk: string): void => rmSync(join(disk, 'ballast'), { force: true });

async function killed(collector: Up): Promise<void> {
  const family = familyOf(collector.pid);
  for (const pid of family) if (alive(pid)) process.kill(pid, 'SIGKILL');
  await collector.ended;
  await until('the killed processes are gone', () => family.every((pid) => !alive(pid)));
}

it('stops delivering to the store before its disk is full, says so, lets other sinks go on, and goes on by itself when there is room', async () => {
  const { on, disk } = withDisk();
  const flags = ['--file-dir', join(on.dir, 'files'), '--segment-age', '100ms', '--segment-events', '10000'];
  const capture = on.start('capture', '--source', 'scripted', '--scripted-events', String(EVENTS), '--scripted-rate', '20000');
  await capture.says(/ready/);
  let collector = on.start('collect', ...flags);
  await collector.says(/ready/);
  const api = collectorOf(on);
  const sink = async (name: string) => (await api.status()).sinks.find((one) => one.name === name);
  await until('something is in the store', async () => ((await sink('embedded'))?.delivered_events ?? 0) > 0);

  // 5 % of 100 MiB are to stay free.
  ballast(disk, 4 * 1024 * 1024);
  const refused = /has [\d.]+ [KM]iB free, and 5\.0 MiB are to stay so \(store\.keep_free\)/;
  await until('the store says that its disk is too full', async () => refused.test((await sink('embedded'))?.error ?? ''));
  const { store } = await api.status();
  expect(store.disk?.keep_free_bytes).toBe(Math.ceil(DISK_BYTES / 20));
  expect(store.disk?.free_bytes).toBeLessThan(store.disk?.keep_free_bytes ?? 0);
  expect((await on.ran('status')).out).toMatch(/are to stay so \(store\.keep_free\): nothing is delivered/);
  const findings = JSON.parse((await on.ran('doctor', '--json')).out) as {
    name: string;
    state: string;
  }[];
  expect(findings.find(({ name }) => name === 'store disk')?.state).toBe('warn');
  await until('the other sink has all', async () => {
    const file = await sink('file');
    return file !== undefined && file.lag_events === 0 && (await api.status()).counters.events >= EVENTS;
  });
  expect((await sink('embedded'))?.lag_events).toBeGreaterThan(0);
  expect((await api.sql('SELECT count() > 0 FROM conn_events', 'TSV')).toString()).toBe('1\n');

  await killed(collector);
  collector = on.start('collect', ...flags);
  await collector.says(/ready/);
  await until('the store says so again', async () => refused.test((await sink('embedded'))?.error ?? ''));
  makeRoom(disk);
  await delivered(api, 0);
  expect(await api.verify(() => undefined)).toMatchObject({ complete: true });
  expect((await api.status()).store.set_aside).toEqual([]);
});

it('opens again, with everything, after its disk was full to the last byte and everything was killed', async () => {
  const { on, disk } = withDisk();
  const flags = ['--store-keep-free', '0', '--segment-age', '100ms', '--segment-events', '10000'];
  const capture = on.start('capture', '--source', 'scripted', '--scripted-events', String(EVENTS), '--scripted-rate', '10000');
  await capture.says(/ready/);
  const api = collectorOf(on);
  for (let round = 0; round < 4; round++) {
    const collector = on.start('collect', ...flags);
    await collector.says(/ready/);
    const had = async (): Promise<number> => (await api.status()).sinks[0]?.delivered_events ?? 0;
    await until('something is delivered', async () => (await had()) > 0);
    ballast(disk, round % 2 === 0 ? 0 : 256 * 1024);
    await pause(400 * round, 'another moment of the full disk each time');
    ballast(disk, 0);
    await killed(collector);
    makeRoom(disk);
  }
  const collector = on.start('collect', ...flags);
  await collector.says(/ready/);
  await delivered(api, 0);
  const verified = await api.verify(() => undefined);
  expect(verified, JSON.stringify([verified, (await api.status()).store])).toMatchObject({ complete: true });
  const count = await api.sql('SELECT count(), uniqExact(sequence) FROM conn_events', 'TSV');
  expect(count.toString().trim().split('\t')[0]).toBe(count.toString().trim().split('\t')[1]);
  expect((await api.sql("SELECT count() FROM control_events WHERE kind = 'loss'", 'TSV')).toString()).toBe('0\n');
});
