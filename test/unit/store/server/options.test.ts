import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../../src/config/load.js';
import { serverOptions } from '../../../../src/store/server/options.js';
import { withDirectory } from '../../support/temporary.js';

const options = (flags: Readonly<Record<string, string>>) =>
  serverOptions(loadConfig({ file: undefined, machine: { root: true, uid: 0, home: '/root', env: {} }, flags }).values);
const URL = { 'clickhouse.url': 'https://ch.example:8443' };

describe('a ClickHouse server of the configuration', () => {
  it('has defaults for all but its address', () => {
    expect(options({ 'clickhouse.url': 'http://ch.example:8123' })).toEqual({
      url: 'http://ch.example:8123',
      user: 'default',
      password: '',
      placement: { database: 'vslog', cluster: undefined },
      timeoutMs: 60_000,
      gzip: false,
    });
    expect(() => options({})).toThrow('There is no ClickHouse server: give its address, clickhouse.url (--clickhouse-url).');
  });

  it('has what was said of it', () =>
    withDirectory(async (dir) => {
      for (const name of ['password', 'ca', 'cert', 'key']) writeFileSync(join(dir, name), `${name}-text\nmore`, { mode: 0o600 });
      const files = Object.fromEntries(['password', 'ca', 'cert', 'key'].map((name) => [`clickhouse.${name}_file`, join(dir, name)]));
      const said = { ...URL, ...files, 'clickhouse.cluster': 'main', 'clickhouse.database': 'lb', 'clickhouse.user': 'w' };
      expect(options({ ...said, 'clickhouse.compression': 'gzip', 'clickhouse.timeout': '5s' })).toEqual({
        ...{ url: URL['clickhouse.url'], user: 'w', password: 'password-text', placement: { database: 'lb', cluster: 'main' } },
        ...{ timeoutMs: 5000, gzip: true },
        tls: { ca_cert: Buffer.from('ca-text\nmore'), cert: Buffer.from('cert-text\nmore'), key: Buffer.from('key-text\nmore') },
      });
      expect(options({ ...URL, 'clickhouse.ca_file': join(dir, 'ca') }).tls).toEqual({ ca_cert: Buffer.from('ca-text\nmore') });
      expect(() => options({ ...URL, 'clickhouse.cert_file': join(dir, 'cert') })).toThrow(
        'clickhouse.cert_file and clickhouse.key_file belong together',
      );
      expect(() => options({ ...URL, 'clickhouse.cert_file': join(dir, 'cert'), 'clickhouse.key_file': join(dir, 'key') })).toThrow(
        'clickhouse.cert_file needs clickhouse.ca_file too',
      );
      expect(() => options({ 'clickhouse.url': 'http://ch', 'clickhouse.ca_file': join(dir, 'ca') })).toThrow(
        /are for https: change the address/,
      );
      expect(() => options({ ...URL, 'clickhouse.ca_file': join(dir, 'none') })).toThrow(/but there is no such file\.$/);
    }));
});
