import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/patience.js';
import { freePorts } from '../support/ports.js';
import { familyOf, type Up, Vslog } from './support/vslog.js';

const SERVICES = 10_000;
const REALS = 5;
const MIB = 1024 * 1024;

/** A configuration of many services, as somebody's program writes it. */
function configuration(): string {
  const service = (i: number): string => {
    const host = `${Math.floor(i / 250) % 250}.${(i % 250) + 1}`;
    const reals = Array.from({ length: REALS }, (_, r) => `  { at = "10.${200 + r}.${host}:8080" },\n`);
    return `[[service]]\nat = "tcp://10.${100 + Math.floor(i / 62_500)}.${host}:80"\nreal = [\n${reals.join('')}]\n`;
  };
  return Array.from({ length: SERVICES }, (_, i) => service(i)).join('');
}

function procOf(pid: number, file: string): string {
  return readFileSync(`/proc/${pid}/${file}`, 'utf8');
}

/** The largest that a process has been, bytes. */
function peakOf(pid: number): number {
  const [, kib = ''] = /^VmHWM:\s+(\d+) kB/m.exec(procOf(pid, 'status')) ?? [];
  return Number(kib) * 1024;
}

describe('source engine with 10,000 services of 5 real servers each, from a configuration', () => {
  const vslog = new Vslog();
  let up: Up;
  let capture = 0;
  let ports: readonly number[] = [];

  beforeAll(async () => {
    ports = await freePorts(2);
    const file = join(vslog.dir, 'many.toml');
    writeFileSync(file, configuration(), { mode: 0o644 });
    up = vslog.up(
      ...['--config', file, '--source', 'engine', '--load', '--load-rate', '200', '--load-connections', '1000', '--store', 'none'],
      ...['--file-dir', join(vslog.dir, 'files'), '--metrics-listen', `127.0.0.1:${ports[0]}`, '--console-listen', `127.0.0.1:${ports[1]}`],
    );
    await up.says(/ready: connections are recorded/);
    capture = familyOf(up.pid).find((pid) => procOf(pid, 'comm').startsWith('vslog-capture')) ?? 0;
  });
  afterAll(() => vslog.clean());

  it('hands them over by a descriptor, and says so in the log with a short command line', async () => {
    expect(procOf(capture, 'cmdline').length).toBeLessThan(4096);
    const added = await until('all services and real servers in the log', () => {
      const { out } = vslog.run('status', '--json');
      return Number(/"events": ?"?(\d+)/.exec(out)?.[1] ?? 0) >= SERVICES * (1 + REALS) ? out : undefined;
    });
    expect(added).toContain('"source"');
  });

  it('lists them all, as services and as real servers', async () => {
    const services = await vslog.ran('vs', 'ls', '--columns', 'service', '-o', 'csv', '--no-headers');
    expect([services.code, services.err]).toEqual([0, '']);
    expect(new Set(services.out.trimEnd().split('\r\n')).size).toBe(SERVICES);
    const reals = await vslog.ran('rs', 'ls', '--columns', 'service,real_server', '-o', 'csv', '--no-headers');
    expect([reals.code, reals.err]).toEqual([0, '']);
    expect(new Set(reals.out.trimEnd().split('\r\n')).size).toBe(SERVICES * REALS);
    const one = await vslog.ran('vs', 'ls', '10.100.39.250:80', '-o', 'jsonl');
    expect(JSON.parse(one.out)).toMatchObject({ virtual_addr: '10.100.39.250', real_servers: { length: REALS } });
  });

  it('tells them to metrics and console', async () => {
    const metrics = await fetch(`http://127.0.0.1:${ports[0]}/metrics`, { headers: vslog.bearer() });
    expect(metrics.status).toBe(200);
    const console = await fetch(`http://127.0.0.1:${ports[1]}/api/services`, { headers: vslog.bearer() });
    expect(console.status).toBe(200);
    const list = (await console.json()) as { reals: unknown[] }[];
    expect(list).toHaveLength(SERVICES);
    expect(list.every(({ reals }) => reals.length === REALS)).toBe(true);
    for (const page of ['drains', 'knobs', 'status']) {
      expect((await fetch(`http://127.0.0.1:${ports[1]}/api/${page}`, { headers: vslog.bearer() })).status, page).toBe(200);
    }
  });

  it('needs 256 MiB at most', () => {
    const collector = peakOf(up.pid);
    const peak = peakOf(capture);
    console.info(`peak of the capture ${Math.round(peak / MIB)} MiB, of the collector ${Math.round(collector / MIB)} MiB`);
    expect(peak).toBeLessThan(256 * MIB);
  });
});

it('writes a bounded command line into the records of its services, and shows where it was cut', async () => {
  const vslog = new Vslog();
  try {
    const services = Array.from({ length: 1000 }, (_, i) => ['--service', `tcp://10.0.${Math.floor(i / 250)}.${i % 250}:80`]).flat();
    const [journal, socket] = [join(vslog.dir, 'journal'), join(vslog.dir, 'capture.sock')];
    const capture = vslog.capture(
      '--source',
      'engine',
      '--load',
      '--load-connections',
      '1',
      '--journal',
      journal,
      '--socket',
      socket,
      ...services,
    );
    await capture.says(/^ready: /);
    const records = await until('the record of the last service', () => {
      const bytes = readFileSync(journal);
      return bytes.lastIndexOf('vslog-capture --source engine') > bytes.indexOf('vslog-capture --source engine') ? bytes : undefined;
    });
    const at = records.indexOf('--source engine --load');
    const mark = records.indexOf('…', at);
    expect(mark - at).toBeGreaterThan(100);
    expect(mark - at).toBeLessThan(256);
    expect(records.subarray(at, mark).toString()).toMatch(/^[ -~]+$/);
    expect(await capture.end()).toBe(0);
  } finally {
    vslog.clean();
  }
});
