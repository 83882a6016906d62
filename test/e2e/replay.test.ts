import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { StatusDocument } from '../../src/api/status.js';
import type { Verification } from '../../src/api/verification.js';
import type { ReplayRequest } from '../../src/sink/pump.js';
import type { ReplayResult } from '../../src/sink/replay.js';
import { until } from '../support/patience.js';
import { collectorOf, delivered } from './collector-api.js';
import { Vslog } from './support/vslog.js';

const EVENTS = 40_000;
let vslog: Vslog | undefined;

afterEach(() => vslog?.clean());

async function verified(on: Vslog): Promise<{ code: number | null; report: Verification }> {
  const { code, out, err } = await on.ran('verify', '--json');
  if (out === '') throw new Error(err);
  return { code, report: JSON.parse(out) as Verification };
}

async function replayed(on: Vslog, ...args: string[]): Promise<ReplayResult> {
  const { code, out, err } = await on.ran('replay', '--json', ...args);
  if (code !== 0) throw new Error(err);
  return JSON.parse(out) as ReplayResult;
}

describe('a sink that lost something', () => {
  it('is found by verify, and mended by replay, as often as one likes, with a collector and without', async () => {
    vslog = new Vslog();
    const on = vslog;
    const files = join(on.dir, 'files');
    const flags = ['--file-dir', files, '--file-rotate-bytes', '64K'];
    const capture = on.start('capture', '--source', 'scripted', '--scripted-events', String(EVENTS), '--scripted-rate', '20000');
    await capture.says(/ready/);
    const collector = on.start('collect', ...flags, '--segment-age', '100ms', '--segment-events', '4000');
    await collector.says(/ready/);
    const api = collectorOf(on);
    const verify = (): Promise<Verification> => api.verify(() => undefined);
    const replay = (sink: string, request: ReplayRequest = {}): Promise<ReplayResult> =>
      api.replay(sink, request, () => undefined, new AbortController().signal);
    await delivered(api, EVENTS);

    const whole = await verify();
    expect(whole.complete).toBe(true);
    expect(whole.sinks.map(({ name, ok, events }) => [name, ok, events])).toEqual([
      ['embedded', true, whole.spool.events],
      ['file', true, whole.spool.events],
    ]);

    // Somebody takes finished files, which is no loss. Once the list of them is gone, too, it is, as if a disk had lost them.
    const victim = readdirSync(files).find((name) => name.startsWith('conn-') && !name.endsWith('.part'));
    if (victim === undefined) throw new Error(`No file was finished: ${readdirSync(files).join()}`);
    rmSync(join(files, victim));
    const taken = await verify();
    expect(taken.complete).toBe(true);
    expect(taken.sinks.find(({ name }) => name === 'file')?.taken).toBeGreaterThan(0);
    expect(await replay('file')).toMatchObject({ absent: 0, failed: [] });
    rmSync(join(files, '.vslog/index.jsonl'));
    const [broken, { out }] = await Promise.all([verified(on), on.ran('verify')]);
    expect(broken.code).toBe(5);
    const report = broken.report.sinks.find(({ name }) => name === 'file');
    expect(report).toMatchObject({ ok: false, checked: true, duplicates: 0 });
    expect(report?.missing).toBeGreaterThan(0);
    expect(broken.report.sinks.find(({ name }) => name === 'embedded')?.ok).toBe(true);
    expect(out).toMatch(/FAIL sink file: of [\d,]+ events .* are missing and 0 are there too often/);
    expect(out).toContain('vslog replay --sink file');

    // Nothing of it lies in another time.
    expect(await replayed(on, '--sink', 'file', '--to', '2001-01-01')).toMatchObject({ segments: 0, absent: 0 });
    expect(await replayed(on, '--sink', 'file')).toMatchObject({ events: report?.events, absent: report?.missing, failed: [] });
    expect((await verified(on)).code).toBe(0);
    expect(await replayed(on, '--sink', 'file', '--from', '1d')).toMatchObject({ absent: 0 });
    expect(await replay('embedded')).toMatchObject({ failed: [] });
    expect((await verify()).complete).toBe(true);

    const [unknown, backwards] = await Promise.all([
      on.ran('replay', '--sink', 'disk'),
      on.ran('replay', '--sink', 'file', '--since', '1h', '--until', '2h'),
    ]);
    expect(unknown.code).not.toBe(0);
    expect(unknown.err).toContain('There is no sink "disk": there are embedded, file.');
    expect(backwards).toMatchObject({ code: 2 });
    expect(backwards.err).toContain('--since must be earlier than --until.');

    expect(await collector.end()).toBe(0);
    await capture.end();
    // The data directory alone; flags of the configuration that name sinks come from a file here.
    writeFileSync(join(on.dir, 'vslog.toml'), `[file]\ndir = "${files}"\nrotate_bytes = "64K"\n`);
    const config = ['--config', join(on.dir, 'vslog.toml')];
    const victims = readdirSync(files).filter((name) => name.startsWith('conn-') && !name.endsWith('.part'));
    rmSync(join(files, victims[0] ?? ''));
    expect((await on.ran('verify', ...config, '--since', '1h')).out).toContain('before --since: nothing');
    rmSync(join(files, '.vslog/index.jsonl'));
    expect((await on.ran('verify', ...config)).code).toBe(5);
    expect((await replayed(on, '--sink', 'file', ...config)).absent).toBeGreaterThan(0);
    expect((await on.ran('verify', ...config)).code).toBe(0);
  });
});

describe('a sink that takes nothing', () => {
  it('keeps no other back, says why, and gets everything when it takes again', async () => {
    vslog = new Vslog();
    const on = vslog;
    const files = join(on.dir, 'files');
    writeFileSync(files, 'no folder');
    const capture = on.start('capture', '--source', 'scripted', '--scripted-events', '5000', '--scripted-rate', '5000');
    await capture.says(/ready/);
    const collector = on.start('collect', '--file-dir', files, '--segment-age', '100ms');
    await collector.says(/ready/);
    const of = (document: StatusDocument, name: string) => document.sinks.find((sink) => sink.name === name);
    const api = collectorOf(on);
    const stuck = await until('the store has everything and the circuit of the other is open', async () => {
      const document = await api.status();
      const done = of(document, 'embedded')?.lag_events === 0 && document.counters.events > 5000 && document.spool.active_events === 0;
      return done && of(document, 'file')?.circuit !== 'closed' && document;
    });
    expect(of(stuck, 'file')).toMatchObject({ state: 'waiting', delivered_segment: 0 });
    expect(of(stuck, 'file')?.error).toContain('file.dir');
    expect(of(stuck, 'file')?.failures).toBeGreaterThanOrEqual(5);
    const [{ out }, { code, report }] = await Promise.all([on.ran('status'), verified(on)]);
    expect(out).toMatch(/failed tries, circuit (open|half-open), (next try in|trying now)/);
    // Nothing is missing: it waits in the spool.
    expect({ code, verdict: report.verdict, complete: report.complete }).toEqual({ code: 8, verdict: 'on_the_way', complete: false });
    expect(report.sinks.find(({ name }) => name === 'file')).toMatchObject({ ok: true, away: expect.stringContaining('file.dir') });
    expect(report.sinks.find(({ name }) => name === 'file')?.waiting).toBeGreaterThan(5000);

    renameSync(files, `${files}.away`);
    await until('it takes again', async () => of(await api.status(), 'file')?.lag_events === 0);
    expect(existsSync(files)).toBe(true);
    expect((await verified(on)).code).toBe(0);
    expect(await collector.end()).toBe(0);
    await capture.end();
  });
});
