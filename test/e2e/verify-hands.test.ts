import { cpSync, lchownSync, lstatSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Verification } from '../../src/api/verification.js';
import type { ReplayResult } from '../../src/sink/replay.js';
import { CursorFiles, readCursor } from '../../src/spool/cursors.js';
import { embeddedDatabase } from '../../src/store/embedded/database.js';
import { Engine } from '../../src/store/embedded/engine.js';
import { collectorOf, delivered } from './collector-api.js';
import { Vslog } from './support/vslog.js';

const EVENTS = 12_000;
/** All but the pipes. */
const COPY = { recursive: true, verbatimSymlinks: true, filter: (path: string): boolean => !lstatSync(path).isFIFO() };
let vslog: Vslog | undefined;

afterEach(() => vslog?.clean());

/** A data directory that a collector has filled and left. */
async function filled(): Promise<Vslog> {
  const on = new Vslog();
  vslog = on;
  const capture = on.start('capture', '--source', 'scripted', '--scripted-events', String(EVENTS), '--scripted-rate', '10000');
  await capture.says(/ready/);
  const collector = on.start('collect', '--segment-age', '100ms', '--segment-events', '2000');
  await collector.says(/ready/);
  await delivered(collectorOf(on), EVENTS);
  expect(await collector.end()).toBe(0);
  await capture.end();
  return on;
}

/** What somebody does to the tables who opens them by himself; in a copy that is ours, which is then put in their place. */
async function byHand(on: Vslog, ...statements: string[]): Promise<string> {
  const [store, copy] = [join(on.dir, 'data/store'), mkdtempSync(join(tmpdir(), 'vslog-hands-'))];
  const { uid, gid } = statSync(store);
  cpSync(store, join(copy, 'store'), COPY);
  const engine = new Engine({ dir: join(copy, 'store'), prepare: async () => undefined, sessions: {} });
  let answer: string;
  try {
    await engine.start();
    const database = embeddedDatabase(engine);
    for (const sql of statements.slice(0, -1)) await database.write(sql);
    answer = await database.text(statements.at(-1) ?? 'SELECT 1');
  } finally {
    await engine.close();
  }
  rmSync(store, { recursive: true });
  cpSync(join(copy, 'store'), store, COPY);
  rmSync(copy, { recursive: true });
  const own = (path: string): void => {
    lchownSync(path, uid, gid);
    if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) own(join(path, name));
  };
  own(store);
  return answer;
}

async function verified(on: Vslog): Promise<{ code: number | null; report: Verification }> {
  const { code, out, err } = await on.ran('verify', '--json');
  if (out === '') throw new Error(err);
  return { code, report: JSON.parse(out) as Verification };
}

/** What verify says to people, and its exit code. */
async function said(on: Vslog): Promise<{ code: number | null; text: string }> {
  const { code, out, err } = await on.ran('verify');
  if (out === '') throw new Error(err);
  return { code, text: out };
}

async function replayed(on: Vslog, ...args: string[]): Promise<{ code: number | null; result: ReplayResult }> {
  const { code, out, err } = await on.ran('replay', '--sink', 'embedded', '--json', ...args);
  if (out === '') throw new Error(err);
  return { code, result: JSON.parse(out) as ReplayResult };
}

test('rows that somebody deleted or changed in the store are found, and brought again', async () => {
  const on = await filled();
  const whole = await verified(on);
  expect({ code: whole.code, complete: whole.report.complete }).toEqual({ code: 0, complete: true });
  expect((await said(on)).text).toMatch(
    /This proves against accidents, not against somebody who edits both .* Content compared: embedded\./,
  );
  expect(whole.report.sinks[0]?.content).toMatchObject({ ok: true, unknown: 0, events: whole.report.spool.events });

  const few = "sequence IN (SELECT sequence FROM vslog.conn_events WHERE kind = 'create' ORDER BY sequence LIMIT 10)";
  expect(await byHand(on, `DELETE FROM vslog.conn_events WHERE ${few}`, 'SELECT 1')).toBe('1');
  const lacking = await said(on);
  expect(lacking.code).toBe(5);
  expect(lacking.text).toMatch(/FAIL sink embedded: conn_events \S+ \S+ \S+h: [\d,]+ of [\d,]+ rows of segment \d+ \(sequences/);
  expect(await replayed(on)).toMatchObject({ code: 0, result: { absent: 10, changed: [], replaced: [], failed: [] } });
  expect(await replayed(on)).toMatchObject({ code: 0, result: { absent: 0, derived: 0, changed: [] } });

  const ended = 'conn_id IN (SELECT conn_id FROM vslog.connections_ended ORDER BY conn_id LIMIT 7)';
  await byHand(on, `DELETE FROM vslog.connections_ended WHERE ${ended}`, 'SELECT 1');
  const derived = await said(on);
  expect(derived.code).toBe(5);
  expect(derived.text).toMatch(/FAIL sink embedded: connections_ended /);
  expect(await replayed(on)).toMatchObject({ code: 0, result: { absent: 0, derived: 7 } });
  expect((await verified(on)).code).toBe(0);

  const one = 'sequence = (SELECT min(sequence) FROM vslog.conn_events)';
  await byHand(
    on,
    `ALTER TABLE vslog.conn_events UPDATE client_port = client_port + 1 WHERE ${one} SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1`,
    'SELECT 1',
  );
  const changed = await said(on);
  expect(changed.code).toBe(5);
  expect(changed.text).toMatch(
    /FAIL sink embedded: conn_events .* and not all say what was delivered \(vslog replay --sink embedded --replace\)/,
  );
  const told = await replayed(on);
  expect(told).toMatchObject({ code: 5, result: { absent: 0, replaced: [] } });
  expect(told.result.changed).toHaveLength(1);
  expect(await replayed(on, '--replace')).toMatchObject({ code: 0, result: { replaced: told.result.changed } });
  expect((await verified(on)).code).toBe(0);
});

test('what somebody took out of the spool is found, and a cursor that was set forward', async () => {
  const on = await filled();
  const spool = join(on.dir, 'data/spool');
  const ids = [...new Set(readdirSync(spool).flatMap((name) => /^(\d+)\.\w+\.pb$/.exec(name)?.[1] ?? []))]
    .map(Number)
    .sort((a, b) => a - b);
  const newest = ids.at(-1) ?? 0;

  const reading = await readCursor(spool, 'embedded');
  if (reading.state !== 'whole') throw new Error(`The cursor is ${reading.state}.`);
  const forward = async (delivered: number): Promise<void> => {
    const files = new CursorFiles(spool);
    await files.write('embedded', { ...reading.cursor, delivered });
    await files.close();
  };
  await forward(newest + 50);
  const ahead = await said(on);
  expect(ahead.code).not.toBe(0);
  expect(ahead.text).toMatch(
    new RegExp(`FAIL sink embedded: its cursor is not believed\\. Its cursor is at segment ${newest + 50} of a spool that is not this one`),
  );
  await forward(reading.cursor.delivered);
  expect((await verified(on)).code).toBe(0);

  for (const name of readdirSync(spool)) if (Number(name.split('.')[0]) === newest) rmSync(join(spool, name));
  const cut = await said(on);
  expect(cut.code).toBe(5);
  expect(cut.text).toMatch(new RegExp(`FAIL spool: Segment ${newest}, or the end of it, is missing from the spool`));
});

test('an epoch that somebody took out of spool and store is found', async () => {
  const on = await filled();
  // The next life of the capture is another epoch.
  rmSync(join(on.dir, 'journal'), { force: true, recursive: true });
  const before = (await verified(on)).report.spool.epochs.find(({ local }) => !local);
  if (before === undefined) throw new Error('There is no epoch.');
  const capture = on.start('capture', '--source', 'scripted', '--scripted-events', '1000', '--scripted-rate', '5000');
  await capture.says(/ready/);
  const collector = on.start('collect', '--segment-age', '100ms', '--segment-events', '2000');
  await collector.says(/ready/);
  await delivered(collectorOf(on), 1000);
  expect(await collector.end()).toBe(0);
  await capture.end();
  const both = (await verified(on)).report.spool.epochs.filter(({ local }) => !local);
  expect(both).toHaveLength(2);

  // All that is older than the first segment of the second epoch.
  const ledger = `SELECT min(segment) FROM vslog.batches FINAL WHERE epoch = '${both[1]?.epoch}'`;
  const first = Number(await byHand(on, ledger));
  const spool = join(on.dir, 'data/spool');
  for (const name of readdirSync(spool)) if (/^\d+\./.test(name) && Number(name.split('.')[0]) < first) rmSync(join(spool, name));
  const tables = ['conn_events', 'control_events', 'batches', 'connections_ended', 'connections_open', 'incidents'];
  await byHand(
    on,
    ...tables.filter((t) => !t.startsWith('connections_open')).map((table) => `DELETE FROM vslog.${table} WHERE epoch = '${before.epoch}'`),
    'SELECT 1',
  );
  const gone = await verified(on);
  expect(gone.code).toBe(5);
  expect(gone.report.state.gone).toContainEqual(
    expect.objectContaining({ epoch: before.epoch, first: Number(before.first), last: Number(before.last), excused: false }),
  );
  expect((await said(on)).text).toMatch(/FAIL spool: \S+ \S+: sequences 1 to [\d]+ were sealed, and neither spool nor store has them/);
});
