import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Up, Vslog } from './support/vslog.js';

let vslog: Vslog | undefined;
afterEach(() => vslog?.clean());

const FILE = `
[capture]
source = "engine"
journal_size = "16M"
linger = "20ms"
subscriber_timeout = "3h"
flood_rate = 1000
events = "create,expire"
node = "lb-7"

[collector]
drain = "1s"

[engine]
load = true
load_rate = 100
max_conns = 5000

[engine.knobs]
expire_nodest_conn = true

[[service]]
at = "tcp://10.0.0.1:80"
scheduler = "wrr"
real = [{ at = "10.0.1.1:80", weight = 2 }, { at = "10.0.1.2:80", upper = 9, lower = 3 }]
`;

interface Knob {
  readonly name: string;
  readonly value: string;
}

function configured(on: Vslog, content = FILE): string {
  const file = join(on.dir, 'vslog.toml');
  writeFileSync(file, content, { mode: 0o644 });
  return file;
}

/** What a capture says of itself: its knobs, services and name. */
async function seen(on: Vslog, capture: Up): Promise<object> {
  const [ready] = await capture.says(/ready: source (\S+), node (\S+),/);
  const knobs = on.run('knob', 'ls', '--json');
  const services = on.run('vs', 'ls', '--json');
  expect([knobs.err, services.err, knobs.code, services.code]).toEqual(['', '', 0, 0]);
  expect(await capture.end()).toBe(0);
  const values = JSON.parse(knobs.out) as readonly Knob[];
  return {
    ready: ready.replace(/epoch.*/, ''),
    knobs: Object.fromEntries(values.map(({ name, value }) => [name, value])),
    services: services.out.replaceAll(/"(active|inactive|templates|connections|(packets|bytes)_(in|out)|\w+_per_s)":(\d+|null)/g, ''),
  };
}

describe('the capture without Node', () => {
  it('goes by the configuration as `vslog capture` does', async () => {
    vslog = new Vslog();
    const file = configured(vslog);
    const alone = await seen(vslog, vslog.capture('--config', file, '--env'));
    expect(alone).toMatchObject({
      ready: expect.stringContaining('source engine, node lb-7'),
      knobs: { capture_linger: 20, expire_nodest_conn: 1 },
    });
    expect(await seen(vslog, vslog.start('capture', '--config', file))).toEqual(alone);
  });

  it('says what is wrong with the configuration, and where', async () => {
    vslog = new Vslog();
    const file = configured(vslog, FILE.replace('"20ms"', '20'));
    const capture = vslog.capture('--config', file, '--env');
    expect(await capture.ended).toBe(2);
    expect(capture.said).toContain(`${file}:5: capture.linger is "20": it must be a time, such as 500ms, 2s or 1h.`);
  });
});

describe('a capture that has started', () => {
  const rights = (capture: Up): Readonly<Record<string, string | undefined>> => {
    const status = readFileSync(`/proc/${capture.pid}/status`, 'utf8');
    return Object.fromEntries(
      ['CapPrm', 'CapEff', 'CapInh', 'CapAmb', 'NoNewPrivs', 'Seccomp'].map((name) => [
        name,
        new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1],
      ]),
    );
  };
  // linux/capability.h
  const MAY_KEEP = (1n << 12n) | (1n << 10n) | (1n << 39n);

  it('has given up what it needs no longer', async () => {
    vslog = new Vslog();
    const capture = vslog.capture('--config', configured(vslog), '--env');
    await capture.says(/ready/);
    const held = rights(capture);
    expect(held).toMatchObject({ NoNewPrivs: '1', Seccomp: '2', CapInh: '0000000000000000', CapAmb: '0000000000000000' });
    for (const set of [held.CapPrm, held.CapEff]) expect(BigInt(`0x${set}`) & ~MAY_KEEP).toBe(0n);
    expect(await capture.end()).toBe(0);
  });

  it('keeps system calls where it is told to', async () => {
    vslog = new Vslog();
    const capture = vslog.capture('--config', configured(vslog), '--env', '--confine', 'off');
    await capture.says(/ready/);
    expect(rights(capture).Seccomp).not.toBe('2');
    expect(await capture.end()).toBe(0);
  });
});
