import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

function bench(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', join(ROOT, 'test/bench/main.ts'), ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: 170_000,
  });
  return { code: status, out: stdout, err: stderr };
}

test('the pipeline benchmark loses nothing and tells every figure', { timeout: 180_000 }, () => {
  const { code, out, err } = bench('pipeline', '--connections', '5000', '--json');
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

test('the engine benchmark tells every figure', { timeout: 180_000 }, () => {
  const { code, out } = bench('engine', '--entries', '200000', '--json');
  expect(code).toBe(0);
  const figures = JSON.parse(out) as Record<string, number>;
  expect(Object.keys(figures)).toEqual(['packets_per_s', 'conns_per_s', 'bytes_per_conn']);
  for (const value of Object.values(figures)) expect(value).toBeGreaterThan(0);
});

test('a benchmark that there is not is refused', () => {
  const { code, err } = bench('speed');
  expect(code).not.toBe(0);
  expect(err).toContain("unknown command 'speed'");
});
