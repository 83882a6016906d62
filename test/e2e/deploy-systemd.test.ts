import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { COMMAND_MS } from '../support/patience.js';
import { collectorOf, delivered } from './collector-api.js';
import { Vslog } from './support/vslog.js';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'deploy/systemd');
const UNITS = readdirSync(FOLDER).filter((name) => /\.(service|target)$/.test(name));

let dir = '';
let vslog: Vslog | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vslog-units-'));
  // The programs of this checkout in the place of the installed ones.
  for (const name of UNITS)
    writeFileSync(
      join(dir, name),
      readFileSync(join(FOLDER, name), 'utf8').replaceAll('/usr/bin/node', process.execPath).replaceAll('/opt/vslog', ROOT),
    );
});
afterEach(() => {
  vslog?.clean();
  rmSync(dir, { recursive: true, force: true });
});

function analyze(...args: readonly string[]): { code: number | null; said: string } {
  const { status, stdout, stderr, error } = spawnSync('systemd-analyze', args, { cwd: dir, encoding: 'utf8', timeout: COMMAND_MS });
  if (error !== undefined) throw new Error(`systemd-analyze cannot be run: ${error.message}. Its package is systemd.`);
  return { code: status, said: stdout + stderr };
}

/** The value of a directive. */
function directive(unit: string, name: string): string {
  const value = new RegExp(`^${name}=(.*)$`, 'm').exec(readFileSync(join(FOLDER, unit), 'utf8'))?.[1];
  if (value === undefined) throw new Error(`${unit} has no ${name}.`);
  return value;
}

describe('the units', () => {
  it('are two services and their target', () => {
    expect(UNITS.sort()).toEqual(['vslog-capture.service', 'vslog-collector.service', 'vslog.target']);
  });

  it('are ones to systemd', () => {
    expect(analyze('verify', '--man=no', ...UNITS.map((name) => `./${name}`))).toEqual({ code: 0, said: '' });
    const path = join(dir, 'vslog-collector.service');
    writeFileSync(path, readFileSync(path, 'utf8').replace('ProtectSystem=', 'ProtectSytem='));
    expect(analyze('verify', '--man=no', './vslog-collector.service').said).toContain('ProtectSytem');
  });

  it.each([
    ['vslog-capture.service', 25],
    ['vslog-collector.service', 15],
  ])('leave %s few ways to do harm', (unit, threshold) => {
    const { code, said } = analyze('security', '--offline=true', `--threshold=${threshold}`, unit);
    expect(code, said.split('\n').slice(-3).join('\n')).toBe(0);
  });

  it.each(['vslog-capture.service', 'vslog-collector.service'])('give %s a limit of everything, and no network but loopback', (unit) => {
    expect(directive(unit, 'MemoryMax')).toMatch(/^\d+(G|%)$/);
    expect(Number(directive(unit, 'TasksMax'))).toBeGreaterThan(0);
    expect(directive(unit, 'LimitCORE')).toBe('0');
    expect([directive(unit, 'IPAddressDeny'), directive(unit, 'IPAddressAllow')]).toEqual(['any', 'localhost']);
  });

  it('stop the capture before the collector, and keep its journal over a boot', () => {
    // What is ordered after another one is stopped before it, whatever started first.
    expect(directive('vslog-capture.service', 'After').split(' ')).toContain('vslog-collector.service');
    for (const name of ['After', 'Before']) {
      const orders = new RegExp(`^${name}=.*vslog-capture`, 'm');
      expect(readFileSync(join(FOLDER, 'vslog-collector.service'), 'utf8')).not.toMatch(orders);
    }
    // The capture must not wait for a network that its connections begin before.
    for (const unit of UNITS) expect(readFileSync(join(FOLDER, unit), 'utf8')).not.toMatch(/^After=.*network-online/m);
    const { values } = loadConfig({ file: join(FOLDER, 'vslog.toml'), machine: { root: true, uid: 0, home: '/root', env: {} } });
    expect(values['capture.journal']).toMatch(`/var/lib/${directive('vslog-capture.service', 'StateDirectory')}/`);
    expect(directive('vslog-capture.service', 'StateDirectoryMode')).toBe('0700');
    // Neither is ended while it may still be handing over what it has.
    for (const unit of UNITS.filter((one) => one.endsWith('.service'))) expect(directive(unit, 'TimeoutStopSec')).toBe('90s');
  });

  it('listen nowhere but there by default', () => {
    const { values } = loadConfig({ file: join(FOLDER, 'vslog.toml'), machine: { root: true, uid: 0, home: '/root', env: {} } });
    for (const key of ['metrics.listen', 'console.listen', 'clickhouse_http.listen'] as const)
      expect(values[key]).toMatch(/^(127\.0\.0\.1:|$)/);
  });

  it('speak of a configuration that holds, and of users and folders that are made', () => {
    const { values } = loadConfig({ file: join(FOLDER, 'vslog.toml'), machine: { root: true, uid: 0, home: '/root', env: {} } });
    // Where the units let them write.
    expect(values['collector.data_dir']).toBe(`/var/lib/${directive('vslog-collector.service', 'StateDirectory')}`);
    expect(values['collector.api_socket']).toMatch(`/run/${directive('vslog-collector.service', 'RuntimeDirectory')}/`);
    expect(values['capture.socket']).toMatch(`/run/${directive('vslog-capture.service', 'RuntimeDirectory')}/`);
    const { status, stderr } = spawnSync('systemd-sysusers', ['--dry-run', join(FOLDER, 'vslog.sysusers')], {
      encoding: 'utf8',
      timeout: COMMAND_MS,
    });
    expect(status, stderr).toBe(0);
    const made = readFileSync(join(FOLDER, 'vslog.sysusers'), 'utf8');
    const groups = [values['capture.socket_group'], values['capture.collector_group'], values['capture.admin_group']];
    // Whoever may look must not be one for whom events are kept.
    expect(new Set([values['capture.collector_group'], values['capture.socket_group'], values['collector.read_group']]).size).toBe(2);
    expect(directive('vslog-collector.service', 'SupplementaryGroups')).toBe(values['capture.collector_group']);
    for (const name of [directive('vslog-collector.service', 'User'), ...groups]) expect(made).toMatch(new RegExp(`^[ug] ${name} `, 'm'));
  });

  it('start both halves so that events arrive', async () => {
    vslog = new Vslog();
    const on = vslog;
    // Root's part is the program itself: nothing of Node has its rights. The file is the machine's; Vslog's own environment says where socket and data are.
    expect(directive('vslog-capture.service', 'ExecStart')).toBe('/opt/vslog/build/native/vslog-capture --config /etc/vslog/vslog.toml');
    const file = join(on.dir, 'vslog.toml');
    const groups = /^(socket|admin|collector)_group = .*\n/gm;
    writeFileSync(file, readFileSync(join(FOLDER, 'vslog.toml'), 'utf8').replace('"ipvs"', '"engine"').replaceAll(groups, ''));
    appendFileSync(file, '\n[engine]\nload = true\nload_rate = 0\nload_connections = 100\n');
    const capture = on.capture('--config', file, '--env');
    await capture.says(/ready/);
    const [node, main, ...args] = directive('vslog-collector.service', 'ExecStart').split(' ');
    expect([node, main]).toEqual(['/usr/bin/node', '/opt/vslog/dist/main.js']);
    const collector = on.start(...args.filter((arg, i) => arg !== '--config' && args[i - 1] !== '--config'));
    await collector.says(/ready/);
    await delivered(collectorOf(on), 200);
    expect(await collector.end()).toBe(0);
    expect(await capture.end()).toBe(0);
  });
});
