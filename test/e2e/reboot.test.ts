import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CaptureClient } from '../../src/wire/client.js';
import { crc32c } from '../../src/wire/crc32c.js';
import { toBigInt } from '../../src/wire/proto.js';
import { until } from '../support/patience.js';
import { collectorOf, delivered, rowsOf } from './collector-api.js';
import { type Up, Vslog } from './support/vslog.js';

/** Where in a journal its standing lies, twice, with its checksum behind it; and in it the boot: native/wire/journal_file.h. */
const STANDINGS = [4096, 8192];
const STANDING_SIZE = 416;
const BOOT_AT = 16;
const BOOT_SIZE = 64;

let vslog: Vslog | undefined;
afterEach(() => vslog?.clean());

const journalOf = ({ dir }: Vslog): string => join(dir, 'journal');

/** Lets a journal be another boot's. */
function reboot(on: Vslog): void {
  const file = openSync(journalOf(on), 'r+');
  for (const at of STANDINGS) {
    const standing = Buffer.alloc(STANDING_SIZE + 4);
    readSync(file, standing, 0, standing.length, at);
    expect(standing.readUInt32LE(STANDING_SIZE), 'the layout of the header has changed').toBe(crc32c(standing.subarray(0, STANDING_SIZE)));
    standing.fill(0, BOOT_AT, BOOT_AT + BOOT_SIZE);
    standing.write('00000000-0000-0000-0000-000000000000', BOOT_AT);
    standing.writeUInt32LE(crc32c(standing.subarray(0, STANDING_SIZE)), STANDING_SIZE);
    writeSync(file, standing, 0, standing.length, at);
  }
  closeSync(file);
}

/** The capture, until it has made `events` in all; what it is told to make is made at once. */
async function captured(on: Vslog, events: number, ...args: readonly string[]): Promise<Up> {
  const source = ['--source', 'scripted', '--scripted-rate', '0', '--scripted-events', String(events)];
  const capture = on.capture('--env', '--node', 'node-a', ...source, ...args);
  await capture.says(/ready/);
  const client = new CaptureClient({ path: join(on.dir, 'capture.sock') });
  await client.connect();
  await until('it has made them', async () => toBigInt((await client.sourceStatus()).next_sequence) > BigInt(events));
  client.close();
  return capture;
}

interface Epoch {
  readonly epoch: string;
  readonly first: number;
  readonly last: number;
  readonly events: number;
}

/** What the store has, by epoch, the collector's own left out. */
function epochsIn(on: Vslog): Promise<Epoch[]> {
  return rowsOf<Epoch>(
    collectorOf(on),
    `SELECT epoch, toUInt32(min(b.first)) AS first, toUInt32(max(b.last)) AS last, toUInt32(sum(b.last - b.first + 1)) AS events FROM batches AS b FINAL
     WHERE NOT startsWith(epoch, 'collector-') GROUP BY epoch ORDER BY toUInt64(splitByChar('-', epoch)[2])`,
  );
}

interface Told {
  readonly lost: string;
  readonly lost_unknown: boolean;
  readonly loss_id: string;
}

function lossesIn(on: Vslog): Promise<Told[]> {
  return rowsOf<Told>(collectorOf(on), "SELECT toString(lost) AS lost, lost_unknown, loss_id FROM control_events WHERE kind = 'loss'");
}

/** 500 events are delivered, 3000 more are made that nobody has. */
async function withUndelivered(on: Vslog): Promise<Up> {
  const collector = on.start('collect');
  await collector.says(/ready/);
  const first = await captured(on, 500);
  await delivered(collectorOf(on), 500);
  expect(await collector.end()).toBe(0);
  expect(await first.end()).toBe(0);
  return captured(on, 3500);
}

/** The machine is there again. */
async function startedAgain(
  on: Vslog,
  ...args: readonly string[]
): Promise<{ capture: Up; epochs: Epoch[]; losses: Told[]; code: number | null; said: string }> {
  const capture = await captured(on, 10, ...args);
  const collector = on.start('collect');
  await collector.says(/ready/);
  await until('the new epoch is in the store', async () => {
    await delivered(collectorOf(on));
    return (await epochsIn(on)).length === 2;
  });
  await delivered(collectorOf(on));
  const { code, out } = on.run('verify');
  return { capture, epochs: await epochsIn(on), losses: await lossesIn(on), code, said: out };
}

describe('a reboot', () => {
  it('loses nothing of a journal on a disk that was stopped, and the log is complete', async () => {
    const on = new Vslog();
    vslog = on;
    const capture = await withUndelivered(on);
    expect(await capture.end()).toBe(0);
    reboot(on);
    const { epochs, losses, code, said } = await startedAgain(on);
    expect(epochs[0]).toMatchObject({ first: 1 });
    expect(epochs[0]?.events).toBeGreaterThan(3500);
    expect(epochs.map(({ first, last, events }) => last - first + 1 - events)).toEqual([0, 0]);
    expect(losses).toEqual([]);
    expect(code, said).toBe(0);
  });

  it('keeps what a journal on a disk has when the power goes, and says that more is unknown', async () => {
    const on = new Vslog();
    vslog = on;
    const capture = await withUndelivered(on);
    process.kill(capture.pid, 'SIGKILL');
    await capture.ended;
    reboot(on);
    const { epochs, losses, code, said } = await startedAgain(on);
    expect(epochs[0]?.events).toBeGreaterThan(3500);
    expect(losses).toEqual([{ lost: '0', lost_unknown: true, loss_id: `journal:${epochs[0]?.epoch}:end` }]);
    expect(code, said).toBe(5);
  });

  it('says that what follows is unknown when the journal is gone', async () => {
    const on = new Vslog();
    vslog = on;
    const capture = await withUndelivered(on);
    expect(await capture.end()).toBe(0);
    rmSync(journalOf(on));
    const { epochs, losses, code, said } = await startedAgain(on);
    expect(epochs[0]?.events).toBeLessThan(3500);
    expect(losses).toEqual([{ lost: '0', lost_unknown: true, loss_id: `journal:${epochs[0]?.epoch}:end` }]);
    expect(code, said).toBe(5);
  });
});

describe('a journal of another size', () => {
  it.each(['8M', '128M'])('of %s takes along what nobody has got yet', async (size) => {
    const on = new Vslog();
    vslog = on;
    const capture = await withUndelivered(on);
    expect(await capture.end()).toBe(0);
    const again = await captured(on, 3600, '--journal-size', size);
    const collector = on.start('collect');
    await collector.says(/ready/);
    const status = await delivered(collectorOf(on), 3100);
    expect(status.capture.account?.journal.bytes).toBe(Number.parseInt(size, 10) * 2 ** 20 - 65_536);
    const epochs = await epochsIn(on);
    expect(epochs).toHaveLength(1);
    expect(epochs[0]).toMatchObject({ first: 1, events: epochs[0]?.last });
    expect(on.run('verify').code).toBe(0);
    expect(await again.end()).toBe(0);
  });
});
