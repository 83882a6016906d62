import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatusDocument } from '../../src/api/status.js';
import { COMMAND_MS, until } from '../support/patience.js';
import { SmallBalancer } from './support/small-balancer.js';
import { alive, familyOf, Vslog } from './support/vslog.js';

/** Every row of the table of exit codes in docs/cli.md, each made to happen. */

/** `code` as the table has it. */
const rows = [
  ...(/## Exit codes\n\n\| code \| meaning \|\n\|---\|---\|\n((?:\|.*\n)+)/.exec(readFileSync('docs/cli.md', 'utf8'))?.[1] ?? '').matchAll(
    /^\| ([^|]+) \| (.+) \|$/gm,
  ),
].map(([, code = '', meaning = '']) => ({ code: code.trim(), meaning }));

const MAIN = join(import.meta.dirname, '../../dist/main.js');
const balancer = new SmallBalancer();
const alone = new Vslog();

// One sink of the balancer is not there, so events wait for it.
beforeAll(() => balancer.start('--kafka-brokers', '127.0.0.1:1'));
afterAll(async () => {
  alone.clean();
  await balancer.stop();
});

/** What makes each code, and the number that it is then. */
const CASES: Readonly<Record<string, () => Promise<{ readonly is: number; readonly code: number | null }>>> = {
  '0': async () => ({ is: 0, code: (await alone.ran('--version')).code }),
  '1': async () => ({ is: 1, code: (await balancer.vslog.ran('sql', 'SELECT nothing FROM nowhere')).code }),
  '2': async () => ({ is: 2, code: (await alone.ran('knob', 'get', 'no_such_knob')).code }),
  '3': async () => ({ is: 3, code: (await alone.ran('status')).code }),
  '4': async () => ({ is: 4, code: (await alone.ran('capture', '--source', 'ipvs')).code }),
  '5': async () => {
    const spoiled = new Vslog();
    const up = spoiled.up('--source', 'scripted');
    await up.says(/ready: connections are recorded/);
    await until('a batch in the spool', () => recorded(spoiled) > 0 || undefined);
    await up.end();
    const spool = join(spoiled.dir, 'data', 'spool');
    const bodies = readdirSync(spool).filter((name) => /^\d+-(conn|control)\.body$|\.body$|\.pb$/.test(name));
    const [body = ''] = bodies;
    expect(bodies.length, readdirSync(spool).join(', ')).toBeGreaterThan(0);
    const path = join(spool, body);
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0xff;
    writeFileSync(path, bytes);
    const { code } = await spoiled.ran('verify');
    spoiled.clean();
    return { is: 5, code };
  },
  '6': async () => {
    const socket = join(balancer.vslog.dir, 'capture.sock');
    chmodSync(socket, 0);
    // Root without the right to pass by a file's mode.
    const [program = '', ...args] = [
      ...(process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] : []),
      ...[process.execPath, MAIN, 'knob', 'ls', '--socket', socket],
    ];
    const { status: code } = spawnSync(program, args, { timeout: COMMAND_MS });
    chmodSync(socket, 0o666);
    return { is: 6, code };
  },
  '7': async () => ({ is: 7, code: (await balancer.vslog.ran('rs', 'drain', balancer.real, '--no-watch')).code }),
  '8': async () => ({ is: 8, code: (await balancer.vslog.ran('verify', '--wait', '0s')).code }),
  '128 + N': async () => {
    const capture = alone.start('capture', '--source', 'engine');
    await capture.says(/ready: source engine/);
    const [child] = familyOf(capture.pid).filter((pid) => alive(pid) && isCapture(pid));
    expect(child).toBeDefined();
    process.kill(child ?? -1, 'SIGKILL');
    return { is: 128 + 9, code: await capture.ended };
  },
};

function recorded(vslog: Vslog): number {
  const { code, out } = vslog.run('status', '--json');
  return code === 0 ? (JSON.parse(out) as StatusDocument).counters.events : 0;
}

function isCapture(pid: number): boolean {
  const path = `/proc/${pid}/cmdline`;
  return existsSync(path) && (readFileSync(path, 'utf8').split('\0')[0] ?? '').endsWith('vslog-capture');
}

describe('the table of exit codes in docs/cli.md', () => {
  it('is found, and has a case a row', () => {
    expect(rows.length).toBeGreaterThan(8);
    expect(rows.map(({ code }) => code).sort()).toEqual(Object.keys(CASES).sort());
  });

  it.each(rows)('$code: $meaning', async ({ code }) => {
    const made = await CASES[code]?.();
    expect(made?.code).toBe(made?.is);
    expect(made).toBeDefined();
  });
});
