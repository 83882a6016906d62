import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nearest } from '../../../src/config/nearest.js';
import { readSecret } from '../../../src/config/secret.js';
import { tomlLines } from '../../../src/config/toml-lines.js';
import { withDirectory } from '../support/temporary.js';

describe('the word that was meant', () => {
  const words = ['scheduler', 'persistent', 'weight', 'forward', 'expire_nodest_conn', 'expire_quiescent_template', 'expire'];
  it.each([
    ['shceduler', 'scheduler'],
    ['wieght', 'weight'],
    ['weigth', 'weight'],
    ['expire_nodest_con', 'expire_nodest_conn'],
    ['persistant', 'persistent'],
  ])('by %s is %s', (word, meant) => expect(nearest(word, words)).toBe(meant));

  it.each(['', 'x', 'colour', 'expire_nodest', 'timeout_of_something'])('by %j is none', (word) =>
    expect(nearest(word, words)).toBeUndefined(),
  );
});

describe('lines of TOML', () => {
  const TEXT = `# how it runs
title = "a"

[spool]
fsync = "always" # [not] = this
"max_bytes" = 5
limits.age = 3

[[service]]
at = "tcp://10.0.0.1:80"
real = [
  { at = "10.0.0.11:80" }, # the first {
  { at = "10.0.0.12:80", note = "a ] or }" },
]

[[service]]
at = "tcp://10.0.0.2:80"

[[service.real]]
at = "10.0.0.13:80"
[[service.real]]
at = "10.0.0.14:80"
`;

  it('are found by the path of each key', () => {
    const lines = tomlLines(TEXT);
    const wanted = {
      ...{ title: 2, spool: 4, 'spool.fsync': 5, 'spool.max_bytes': 6, 'spool.limits.age': 7 },
      ...{ service: 9, 'service[0]': 9, 'service[0].at': 10, 'service[0].real': 11, 'service[0].real[0]': 12, 'service[0].real[1]': 13 },
      ...{ 'service[1]': 16, 'service[1].at': 17, 'service[1].real': 19, 'service[1].real[0]': 19, 'service[1].real[0].at': 20 },
      ...{ 'service[1].real[1]': 21, 'service[1].real[1].at': 22 },
    };
    expect(Object.fromEntries(Object.keys(wanted).map((key) => [key, lines.get(key)]))).toEqual(wanted);
    expect(lines.get('spool.not')).toBeUndefined();
  });

  it('are none of a text without keys', () => expect(tomlLines('# nothing\n\n').size).toBe(0));
});

describe('a secret', () => {
  it('is the first line of a file, and none without a file', () =>
    withDirectory(async (dir) => {
      const path = join(dir, 'password');
      writeFileSync(path, 's3cret \r\nnot this\n', { mode: 0o600 });
      expect(readSecret('clickhouse.password_file', path)).toBe('s3cret ');
      expect(readSecret('clickhouse.password_file', '')).toBeUndefined();
      writeFileSync(path, '\ns3cret\n');
      expect(() => readSecret('clickhouse.password_file', path)).toThrow(
        `clickhouse.password_file names ${path}, whose first line is empty: put the secret there.`,
      );
      expect(() => readSecret('clickhouse.password_file', dir)).toThrow(/^clickhouse\.password_file names .*, but EISDIR/);
    }));
});
