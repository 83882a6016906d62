import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatusDocument } from '../../src/api/status.js';
import { nextEvent } from '../../src/wire/batch.js';
import { v1 } from '../../src/wire/proto.js';
import { COMMAND_MS, PATIENT_STOP, until } from '../support/patience.js';
import { NO_PORTS } from './support/vslog.js';

const COMMAND = [join(import.meta.dirname, '../../dist/main.js')];
const dir = mkdtempSync(join(tmpdir(), 'vslog-cli-e2e-'));
const env = {
  ...process.env,
  VSLOG_CAPTURE_SOCKET: join(dir, 'capture.sock'),
  VSLOG_CAPTURE_JOURNAL: join(dir, 'journal'),
  VSLOG_COLLECTOR_API_SOCKET: join(dir, 'collector.sock'),
  VSLOG_COLLECTOR_DATA_DIR: join(dir, 'data'),
  ...NO_PORTS,
  ...PATIENT_STOP,
};

function vslog(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...COMMAND, ...args], { env, encoding: 'utf8', timeout: COMMAND_MS });
  return { code: status, out: stdout, err: stderr };
}

const status = (): StatusDocument => JSON.parse(vslog('status', '--json').out) as StatusDocument;

/** A zombie is none: it only waits for its parent to look. */
function alive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('up, with made-up events', () => {
  let up: ChildProcess;
  let said = '';
  let ended: Promise<number | null>;
  const pids = new Set<number>();

  const connected = (other?: number): Promise<StatusDocument> =>
    until('a connected capture', () => {
      const { code, out } = vslog('status', '--json');
      if (code !== 0) return undefined;
      const document = JSON.parse(out) as StatusDocument;
      const pid = document.capture.account?.pid;
      if (pid === undefined || pid === other || document.counters.events === 0) return undefined;
      pids.add(pid);
      return document;
    });

  beforeAll(async () => {
    const args = [...COMMAND, 'up', '--source', 'scripted', '--scripted-rate', '500'];
    up = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    up.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    ended = new Promise((resolve) => up.once('close', resolve));
    if (up.pid !== undefined) pids.add(up.pid);
    await connected();
  });

  afterAll(() => {
    for (const pid of pids) if (alive(pid)) process.kill(pid, 'SIGKILL');
  });

  it('is shown by status', () => {
    const { capture, counters } = status();
    expect(capture).toMatchObject({ connected: true, source: 'scripted' });
    expect(counters.lost).toBe(0);
    expect(vslog('status').out).toMatch(/connected: vslog-capture/);
  });

  it('is followed by tail, for as many events as were asked for', () => {
    const { code, out } = vslog('tail', '-o', 'jsonl', '-n', '5', '--kind', 'create');
    expect(code).toBe(0);
    const events = out.trimEnd().split('\n');
    expect(events).toHaveLength(5);
    for (const event of events) expect(JSON.parse(event)).toMatchObject({ kind: 'create' });
  });

  it('is narrowed by an expression, in the capture', () => {
    const { code, out } = vslog(
      'tail',
      '-o',
      'jsonl',
      '-n',
      '3',
      '--where',
      'kind = expire and not client = 203.0.113.99 and duration >= 0s',
    );
    expect(code).toBe(0);
    for (const event of out.trimEnd().split('\n')) expect(JSON.parse(event)).toMatchObject({ kind: 'expire' });
    const wrong = vslog('tail', '--where', 'reason = tiemout');
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain('"tiemout" at column 10');
  });

  it('is written as it was logged', () => {
    const { status: code, stdout } = spawnSync(process.execPath, [...COMMAND, 'tail', '-o', 'protobuf', '-n', '5', '--kind', 'create'], {
      env,
      timeout: COMMAND_MS,
    });
    expect(code).toBe(0);
    let events = 0;
    for (let at = 0; at < stdout.length; events++) {
      const { start, end } = nextEvent(stdout, at);
      expect(v1.ConnEvent.decode(stdout.subarray(start, end)).kind).toBe(v1.EventKind.Value.create);
      at = end;
    }
    expect(events).toBe(5);
  });

  it('ends a tail without an error when its reader is gone', () => {
    const {
      status: code,
      stderr,
      stdout,
    } = spawnSync('bash', ['-c', `"${process.execPath}" ${COMMAND.join(' ')} tail | head -n 2; exit "\${PIPESTATUS[0]}"`], {
      env,
      encoding: 'utf8',
      timeout: COMMAND_MS,
    });
    expect({ code, stderr, lines: stdout.trimEnd().split('\n').length }).toEqual({ code: 0, stderr: '', lines: 2 });
  });

  it('names the option of a socket that was given as the other one', () => {
    const swapped = vslog('vs', 'ls', '--socket', join(dir, 'collector.sock'));
    expect([swapped.code, swapped.out]).toEqual([3, '']);
    expect(swapped.err).toMatch(/collector.*--api-socket/);
    const other = vslog('status', '--api-socket', join(dir, 'capture.sock'));
    expect([other.code, other.out]).toEqual([3, '']);
    expect(other.err).toMatch(/capture.*--socket/);
  });

  it('answers in SQL', async () => {
    const count = await until(
      'rows',
      () => Number(vslog('sql', '--format', 'tsv', 'SELECT count() FROM conn_events').out.split('\n')[1]) || undefined,
    );
    expect(count).toBeGreaterThan(0);
    const wrong = vslog('sql', 'SELEKT 1');
    expect(wrong.code).toBe(1);
    expect(wrong.err.trimEnd().split('\n').slice(1)).toEqual(['  SELEKT 1', `  ${' '.repeat(7)}^`]);
  });

  it('starts a killed capture again, and nothing is missing', async () => {
    const before = status().capture.account?.pid ?? 0;
    expect(before).toBeGreaterThan(0);
    process.kill(before, 'SIGKILL');
    await connected(before);
    // The store may be behind, on a busy machine for long; what is missing would be told at once.
    const verified = await until('everything in the store', () => {
      const report = vslog('verify');
      expect(report.out).not.toContain('FAIL');
      return report.code === 8 ? undefined : report;
    });
    expect(verified).toMatchObject({ code: 0, out: expect.stringMatching(/\ncomplete\n$/) });
  });

  it('keeps others off its data and its socket', () => {
    expect(vslog('collect')).toMatchObject({ code: 3, err: expect.stringMatching(/collector\.sock is in use/) });
    expect(vslog('collect', '--api-socket', join(dir, 'other.sock'))).toMatchObject({
      code: 3,
      err: expect.stringMatching(/in use by process \d+/),
    });
  });

  it('leaves no process behind at SIGTERM, and the store has everything', async () => {
    up.kill('SIGTERM');
    expect(await ended, said).toBe(0);
    for (const pid of pids) expect(alive(pid), `process ${pid}`).toBe(false);
    expect(existsSync(env.VSLOG_COLLECTOR_API_SOCKET)).toBe(false);
    expect(vslog('status')).toMatchObject({ code: 3, err: expect.stringMatching(/No collector listens/) });
    const { code, out } = vslog('verify');
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/\ncomplete\n$/) });
  });

  it('brings what was left into the store at the next start', async () => {
    const args = [...COMMAND, 'collect'];
    const collector = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const over = new Promise((resolve) => collector.once('exit', resolve));
    if (collector.pid !== undefined) pids.add(collector.pid);
    let heard = '';
    collector.stdout.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
    });
    // Before that, verify would take the data directory itself.
    await until('the collector has its data', () => heard.includes('ready: '), { detail: () => heard });
    const verified = await until('everything in the store', () => {
      const report = vslog('verify', '--json');
      return report.code === 0 ? report : undefined;
    });
    expect(JSON.parse(verified.out)).toMatchObject({ complete: true, verdict: 'complete', waiting: 0, store: { ok: true } });
    collector.kill('SIGTERM');
    expect(await over).toBe(0);
  });
});

describe('a refusal is one sentence and a code', () => {
  it('for a value that cannot be', () => {
    const file = join(dir, 'bad.toml');
    writeFileSync(file, '[spool]\nfsync = "sometimes"\n');
    const { code, err } = vslog('status', '--config', file);
    expect(code).toBe(2);
    expect(err).toBe(`vslog: ${file}:2: spool.fsync is "sometimes": it must be always, interval or never.\n`);
  });

  it('for a socket that cannot be', () => {
    const { code, err } = vslog('collect', '--api-socket', '/proc/vslog.sock');
    expect(code).toBe(3);
    expect(err).toMatch(/^vslog: The socket \/proc\/vslog\.sock cannot be listened at: .*\n$/);
  });

  it('for a command that is none', () => expect(vslog('bogus').code).toBe(2));
});

afterAll(() => rmSync(dir, { recursive: true }));
