import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { reports } from '../../src/report/index.js';
import { TEST_MS, until } from '../support/patience.js';

const ROOT = join(import.meta.dirname, '../..');
const MAIN = ['--import', 'tsx', join(ROOT, 'test/bench/main.ts')];

/** The command lines of all that runs with this folder for its temporary files. */
function ofFolder(tmp: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const mine =
          readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`TMPDIR=${tmp}`) || readlinkSync(`/proc/${pid}/cwd`).startsWith(tmp);
        return mine ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')] : [];
      } catch {
        return []; // it ended meanwhile, or is not ours
      }
    })
    .filter((command) => command !== ''); // ended, its parent has not asked how
}

/** `args`: the benchmark, at the smallest size that shows all that it does. `env`: more of its environment. */
function bench(args: readonly string[], env: NodeJS.ProcessEnv = {}): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...MAIN, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: TEST_MS,
  });
  return { code: status, out: stdout, err: stderr };
}

/** Interrupts a benchmark when `running` is among its processes' command lines; nothing of it may be left. */
async function interrupted(args: readonly string[], running: string): Promise<void> {
  const tmp = mkdtempSync(join(tmpdir(), 'vslog-bench-e2e-'));
  try {
    const child = spawn(process.execPath, [...MAIN, ...args], { cwd: ROOT, env: { ...process.env, TMPDIR: tmp }, stdio: 'ignore' });
    const exit = new Promise((resolve) => child.once('exit', resolve));
    await until(`a process ${running}`, () => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error('The benchmark has ended.');
      return ofFolder(tmp).some((command) => command.includes(running));
    });
    child.kill('SIGINT');
    expect(await exit).toBe(130);
    expect(readdirSync(tmp).filter((name) => name.startsWith('vslog-bench-'))).toEqual([]);
    await until('no process of it', () => ofFolder(tmp).length === 0);
  } finally {
    rmSync(tmp, { recursive: true, force: true });
  }
}

test('the pipeline benchmark loses nothing and tells every figure', () => {
  const { code, out, err } = bench(['pipeline', '--connections', '5000', '--json']);
  expect(err).not.toMatch(/^bench: .*(not|did)/m);
  expect(code).toBe(0);
  const figures = JSON.parse(out) as Record<string, unknown>;
  // A create and an end each, and no other event is made by a load like this one.
  expect(figures).toMatchObject({ events: 10_000, lost: 0 });
  const number = expect.any(Number);
  expect(figures).toEqual({
    events: number,
    seconds: number,
    events_per_s: number,
    lost: number,
    clickhouse_rows_per_s: number,
    ratio: number,
    cpu_us: { capture: number, collector: number, store: number },
    rss_mb: { capture: number, collector: number },
    bytes_per_event: number,
  });
});

test('the freshness benchmark tells every figure', () => {
  const { code, out, err } = bench(['freshness', '--rate', '1000', '--seconds', '2', '--json']);
  expect(err).not.toMatch(/^bench: .*(not|many)/m);
  expect(code).toBe(0);
  const number = expect.any(Number);
  const figures = JSON.parse(out) as { row_ms: { p50: number; p99: number }; tail_ms: { p50: number; p99: number } };
  expect(figures).toEqual({ rate: number, row_ms: { p50: number, p99: number }, tail_ms: { p50: number, p99: number } });
  for (const { p50, p99 } of [figures.row_ms, figures.tail_ms]) {
    expect(p50).toBeGreaterThan(0);
    expect(p99).toBeGreaterThanOrEqual(p50);
  }
});

test('a benchmark that is interrupted leaves no process and no folder', () =>
  interrupted(['pipeline', '--connections', '100000000'], '--load-connections'));

test('the storm benchmark accounts for every event', () => {
  const { code, out, err } = bench(['storm', '--flows', '3000', '--json']);
  expect(err).not.toMatch(/^bench: .*(not|needs|refused)/m);
  expect(code).toBe(0);
  const figures = JSON.parse(out) as Record<'vslog' | 'conntrack' | 'ulogd', Record<string, number>>;
  expect(Object.keys(figures)).toEqual(['vslog', 'conntrack', 'ulogd', 'cpu_ratio']);
  const number = expect.any(Number);
  for (const name of ['vslog', 'conntrack', 'ulogd'] as const) {
    expect(figures[name]).toMatchObject({ offered: 6000, reported_lost: number, cpu_us: number, exited: false });
    const { kept = Number.NaN, reported_lost = Number.NaN, silently_lost } = figures[name];
    expect(kept + reported_lost + (silently_lost ?? Number.NaN)).toBe(6000);
  }
  expect(figures.vslog).toMatchObject({ silently_lost: 0, verified: true });
  expect(figures).toMatchObject({ cpu_ratio: { conntrack: number, ulogd: number } });
});

test('the storm benchmark, interrupted, leaves no process and no folder', () =>
  interrupted(['storm', '--flows', '100000000'], 'storm-flows'));

test('the engine benchmark tells every figure', () => {
  const { code, out } = bench(['engine', '--entries', '20000', '--births', '200000', '--json']);
  expect(code).toBe(0);
  const figures = JSON.parse(out) as Record<string, number>;
  expect(Object.keys(figures)).toEqual(['packets_per_s', 'conns_per_s', 'bytes_per_conn']);
  for (const value of Object.values(figures)) expect(value).toBeGreaterThan(0);
});

test('the Kafka benchmark brings every event once and tells every figure', () => {
  // Small segments, so that there are some between the first and the last.
  const { code, out, err } = bench(['kafka', '--connections', '5000', '--json'], { VSLOG_SPOOL_SEGMENT_EVENTS: '1000' });
  expect(err).not.toMatch(/^bench: .*(not|failed)/m);
  expect(code).toBe(0);
  const number = expect.any(Number);
  const cpu = { collector: number, broker: number };
  const figures = JSON.parse(out) as { events: number };
  expect(figures).toEqual({
    events: number,
    bytes_per_event: number,
    events_per_s: number,
    mb_per_s: number,
    perf_test_mb_per_s: number,
    ratio: number,
    lost: 0,
    duplicates: 0,
    cpu_us: cpu,
    lz4: { events_per_s: number, mb_per_s: number, cpu_us: cpu },
    rss_mb: { collector: number },
  });
  // A create and an end each.
  expect(figures.events).toBeGreaterThanOrEqual(10_000);
});

test('the query benchmark loads a history, asks every report of it and tells every figure', () => {
  const { code, out, err } = bench(['query', '--events', '100000', '--days', '1', '--times', '1', '--json']);
  expect(err).not.toMatch(/^bench: .*(not|Exception)/m);
  expect(code).toBe(0);
  const figures = JSON.parse(out) as { rows: number; open: number };
  const number = expect.any(Number);
  expect(figures).toEqual({
    rows: number,
    load_rows_per_s: number,
    open: number,
    bytes_per_event: number,
    bytes_per_event_all: number,
    who_first_ms: number,
    who_ms: number,
    report_ms: Object.fromEntries(['who', 'who_client', ...reports.map(({ name }) => name)].map((name) => [name, number])),
  });
  // Half of the events are beginnings, and of a hundred beginnings one has no end.
  expect(Math.abs(figures.rows / 100_000 - 1)).toBeLessThan(0.02);
  expect(Math.abs(figures.open / 500 - 1)).toBeLessThan(0.2);
});

test('a benchmark that there is not is refused', () => {
  const { code, err } = bench(['speed']);
  expect(code).not.toBe(0);
  expect(err).toContain("unknown command 'speed'");
});
