import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { alive, familyOf, type Up, until, Vslog } from './support/vslog.js';

let vslog: Vslog;

beforeEach(() => {
  vslog = new Vslog();
});

afterEach(() => vslog.clean());

/** A load that is over before the collector has come to the capture. */
const SHORT_LOAD = ['--source', 'engine', '--load', '--load-rate', '0', '--load-connections', '3000'];

/** Sends SIGTERM; its exit code, when nothing that it started is left. */
async function stopped(up: Up): Promise<number | null> {
  const family = familyOf(up.pid);
  const code = await up.end();
  await until('the end of all that it started', () => family.every((pid) => !alive(pid)));
  return code;
}

/** What of the kernel a process waits in. */
function waitsIn(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/wchan`, 'utf8');
  } catch {
    return '';
  }
}

describe('a stop of up', () => {
  it('waits for what the collector had not fetched yet, and for the sinks', async () => {
    const up = vslog.up(...SHORT_LOAD, '--drain', '5m');
    await up.says(/the load is over/);
    expect(await stopped(up)).toBe(0);
    expect(up.said).not.toMatch(/wait in the spool|in the journal/);
    const { code, out } = vslog.run('verify', '--json');
    const { store, verdict } = JSON.parse(out) as { verdict: string; store: { epochs: { rows: number }[] } };
    expect({ code, verdict }).toEqual({ code: 0, verdict: 'complete' });
    // Both ends of 3,000 connections; the rest is what the capture says of itself.
    expect(store.epochs[0]?.rows).toBeGreaterThanOrEqual(6000);
  });

  it('says what is left where, with an exit code of its own, and the next start delivers it', async () => {
    const up = vslog.up(...SHORT_LOAD, '--drain', '0');
    await up.says(/the load is over/);
    expect(await stopped(up)).toBe(8);
    expect(up.said).toMatch(
      /events? for sink embedded waits? in the spool|records? that subscriber \S+ has not acknowledged stays? in the journal/,
    );
    const next = vslog.up('--source', 'engine', '--load', '--load-connections', '1', '--drain', '5m');
    await next.says(/the load is over/);
    expect(await stopped(next)).toBe(0);
    const { code, out } = vslog.run('verify', '--json');
    const { verdict, store } = JSON.parse(out) as { verdict: string; store: { epochs: { rows: number }[] } };
    expect({ code, verdict }).toEqual({ code: 0, verdict: 'complete' });
    expect(store.epochs.reduce((sum, { rows }) => sum + rows, 0)).toBeGreaterThanOrEqual(6002);
  });
});

describe('a signal in the middle of a start', () => {
  const at = (...path: string[]): boolean => existsSync(join(vslog.dir, ...path));
  /** What there is to be seen of the steps of a start, in their order. */
  const STEPS: readonly [name: string, come: (up: Up) => boolean][] = [
    ['at once', () => true],
    ['the socket of the API', () => at('collector.sock')],
    ['the lock of the spool', () => at('data', 'spool', 'lock')],
    ['the folder of the store', () => at('data', 'store')],
    ['the collector is ready', (up) => up.said.includes('ready: collector')],
    ['the socket of the capture', () => at('capture.sock')],
    ['the capture is ready', (up) => up.said.includes('capture: ready')],
    ['everything is ready', (up) => up.said.includes('ready: connections are recorded')],
  ];

  it.each(['up', 'collect'])('ends %s at every step, leaves nothing behind, and does no harm to the next start', async (command) => {
    for (const [step, come] of STEPS) {
      if (command === 'collect' && /capture|everything/.test(step)) continue;
      const started = vslog.start(command, ...(command === 'up' ? ['--source', 'engine', '--load', '--load-rate', '100'] : []));
      await until(step, () => come(started));
      // 143 and null: before it was ready; 8: something waits for the next start.
      expect([0, 8, 143, null], `${step}: ${started.said}`).toContain(await stopped(started));
    }
    const whole = vslog.up('--source', 'engine', '--load', '--load-connections', '5', '--drain', '5m');
    await whole.says(/the load is over/);
    expect(await stopped(whole)).toBe(0);
    const { code, out } = vslog.run('verify');
    expect(code, out).toBe(0);
  });

  it.each([
    ['--data-dir', '/proc/x'],
    ['--data-dir', '/sys/x/y'],
    ['--api-socket', '/proc/x/sock'],
    ['--socket', '/proc/x/sock'],
    ['--journal', '/proc/x/journal'],
  ])('%s %s, where nothing can be made, is a sentence', async (option, path) => {
    const { code, err } = await vslog.ran('up', '--source', 'engine', '--load', option, path);
    expect(code).not.toBe(0);
    expect(err).toMatch(/nothing can be kept there|permission denied|read-only/i);
  });

  it.each(['--config', '--console-token-file'])('%s of a pipe in which nothing comes keeps nobody for ever', async (option) => {
    const pipe = join(vslog.dir, 'pipe');
    expect(spawnSync('mkfifo', ['-m', '600', pipe]).status).toBe(0);
    const started = vslog.start('collect', option, pipe);
    // It may well say at once that this is no file, or never read it.
    await until(
      'it waits at the pipe',
      () => !alive(started.pid) || started.said.includes('ready:') || /fifo|partner|pipe/.test(waitsIn(started.pid)),
    );
    expect(await stopped(started)).not.toBe(0);
  });
});
