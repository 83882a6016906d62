import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { configDocs } from '../../../src/config/docs.js';
import { dumpToml } from '../../../src/config/dump.js';
import type { ConfigError } from '../../../src/config/errors.js';
import { loadConfig } from '../../../src/config/load.js';
import type { Machine } from '../../../src/config/option.js';
import { keys, optionOf } from '../../../src/config/schema.js';
import { parseValue, show } from '../../../src/config/value.js';

const dir = mkdtempSync(join(tmpdir(), 'vslog-config-'));
afterAll(() => rmSync(dir, { recursive: true }));

const root: Machine = { root: true, uid: 0, home: '/root', env: {} };

function file(text: string): string {
  const path = join(dir, 'vslog.toml');
  writeFileSync(path, text);
  return path;
}

function problems(text: string, machine = root, flags = {}): readonly string[] {
  try {
    loadConfig({ file: file(text), machine, flags });
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map((problem) => problem.replace(`${dir}/`, ''));
  }
}

describe('sources', () => {
  it('are file, environment, flags in that order of strength, and each value knows its own', () => {
    const path = file('[spool]\nfsync = "never"\nsegment_age = "1s"\nmax_bytes = "1G"\n');
    const machine = { ...root, env: { VSLOG_SPOOL_SEGMENT_AGE: '2s', VSLOG_SPOOL_MAX_BYTES: '3G' } };
    const { values, origins } = loadConfig({ file: path, machine, flags: { 'spool.max_bytes': '5G' } });
    expect(values['spool.fsync']).toBe('never');
    expect(values['spool.segment_age']).toBe(2000);
    expect(values['spool.max_bytes']).toBe(5 * 1024 ** 3);
    expect(origins['spool.fsync']).toBe(`${path}:2`);
    expect(origins['spool.segment_age']).toBe('VSLOG_SPOOL_SEGMENT_AGE');
    expect(origins['spool.max_bytes']).toBe('--spool-max-bytes');
    expect(origins['spool.segment_bytes']).toBe('default');
  });

  it('give per-user paths without root', () => {
    const env = { XDG_RUNTIME_DIR: '/run/user/7', VSLOG_CONFIG: file('') };
    const { values } = loadConfig({ machine: { root: false, uid: 7, home: '/home/a', env } });
    expect(values['collector.data_dir']).toBe('/home/a/.local/state/vslog');
    expect(values['collector.api_socket']).toBe('/run/user/7/vslog/collector.sock');
    expect(values['capture.socket']).toBe('/run/user/7/vslog/capture.sock');
  });

  it('are the same again when a dump is read', () => {
    const first = loadConfig({ file: file('[capture]\nlinger = "20ms"\nall_netns = true\n'), machine: root });
    expect(loadConfig({ file: file(dumpToml(first)), machine: root }).values).toEqual(first.values);
  });
});

describe('a problem', () => {
  it('names file, line, option, value and what is allowed', () => {
    expect(problems('# x\n[spool]\nfsync = "sometimes"\n')).toEqual([
      'vslog.toml:3: spool.fsync is "sometimes": it must be always, interval or never.',
    ]);
    expect(problems('spool.segment_age = 5\n')).toEqual([
      'vslog.toml:1: spool.segment_age is 5: it must be a time from 10ms to 1h, such as 500ms, 2s or 1h.',
    ]);
    expect(problems('[capture]\njournal_size = "1K"')[0]).toContain('capture.journal_size is "1K": it must be a size from 8M to 1T');
  });

  it('suggests the nearest key', () => {
    expect(problems('[spool]\nfsink = "never"')).toEqual(['vslog.toml:2: there is no option spool.fsink; did you mean spool.fsync?']);
    expect(problems('', { ...root, env: { VSLOG_SPOOL_FSINC: 'x' } })[0]).toContain('did you mean spool.fsync');
  });

  it('is told of a text that is no TOML, with its line', () => {
    expect(problems('[spool]\nfsync = \n')[0]).toMatch(/^vslog\.toml:2: this is no TOML: /);
  });

  it('is one of all that are there', () => {
    expect(
      problems('[spool]\nfsync = 1\nmax_bytes = "x"', { ...root, env: { VSLOG_CAPTURE_SOURCE: 'x' } }, { 'store.kind': 'x' }),
    ).toHaveLength(4);
  });

  it('is a file that was asked for and is not there', () => {
    expect(() => loadConfig({ file: join(dir, 'none.toml'), machine: root })).toThrow(/there is no such file/);
  });
});

describe('every option', () => {
  it('has a default that it would take itself', () => {
    for (const key of keys) {
      const option = optionOf(key);
      const value = option.default(root);
      expect(parseValue(option, typeof value === 'boolean' ? value : show(option, value)), key).toBe(value);
    }
  });

  it('is in docs/config.md as `vslog config docs` prints it', () => {
    expect(readFileSync('docs/config.md', 'utf8')).toBe(configDocs());
  });

  const binary = 'build/native/vslog-capture';
  it('of the capture is a flag that vslog-capture has', () => {
    const help = spawnSync(binary, ['--help'], { encoding: 'utf8' });
    expect(help.status).toBe(0);
    const natives = keys.flatMap((key) => optionOf(key).native ?? []);
    expect(natives.length).toBeGreaterThan(20);
    for (const flag of natives) expect(`${help.stdout}${help.stderr}`).toContain(`--${flag} `);
  });
});
