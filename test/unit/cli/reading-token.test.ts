import { expect, it } from 'vitest';
import { letReadersIn } from '../../../src/cli/reading-token.js';
import { loadConfig } from '../../../src/config/load.js';
import { Keyring } from '../../../src/listen/keyring.js';
import { withDirectory } from '../support/temporary.js';

const TOKEN = 'a-token-of-our-own-with-32-letters';

function values(data: string, flags: Readonly<Record<string, string>> = {}) {
  return loadConfig({
    file: undefined,
    machine: { root: true, uid: 0, home: '/root', env: {} },
    flags: { 'collector.data_dir': data, ...flags },
  }).values;
}

const NOWHERE = { 'metrics.listen': '', 'console.listen': '', 'clickhouse_http.listen': '' };

it('says once, in one line, that there is a token, where it is and how it is used', () =>
  withDirectory(async (dir) => {
    const readers = new Keyring();
    const notes = letReadersIn(values(dir), readers);
    expect(notes).toEqual([
      `Ports on loopback ask for a token from now on. It is in ${dir}/reader.token: sed 's/^/Authorization: Bearer /' ${dir}/reader.token | curl -H @- URL. A browser is let in by "vslog console".`,
    ]);
    expect(letReadersIn(values(dir), new Keyring())).toEqual([]);
  }));

it('lets in who has it', () => {
  const readers = new Keyring();
  letReadersIn(values('/data'), readers, () => ({ path: '/data/reader.token', token: TOKEN, made: 'found' }));
  expect(readers.find(TOKEN)).toEqual({ name: 'reader', operates: false });
});

it('says that a token is another one, and which ports ask for none', () => {
  const prepare = () => ({ path: '/data/reader.token', token: TOKEN, made: 'again' }) as const;
  const notes = (flags: Readonly<Record<string, string>>) => letReadersIn(values('/data', flags), new Keyring(), prepare);
  const again = expect.stringMatching(/^\/data\/reader\.token could be read by others .* new token/) as string;
  const open = expect.stringMatching(/^Open to every user of this machine: /) as string;
  expect(notes({})).toEqual([again]);
  expect(notes({ 'collector.listen_open': 'console' })).toEqual([open, again]);
  // Who needs no token is told of none.
  expect(notes({ 'collector.listen_open': 'all' })).toEqual([open]);
  expect(notes(NOWHERE)).toEqual([]);
});

it('goes on without where nothing can be written, and ends for anything else', () => {
  const failing = (code: string) => () => {
    throw Object.assign(new Error(code), { code });
  };
  const readers = new Keyring();
  expect(letReadersIn(values('/data'), readers, failing('ENOSPC'))).toEqual([
    '/data/reader.token cannot be written: the disk is full. Until the next start nobody is let in by it.',
  ]);
  expect(letReadersIn(values('/data'), readers, failing('EROFS'))).toHaveLength(1);
  expect(readers.find('')).toBeUndefined();
  expect(() => letReadersIn(values('/data'), readers, failing('EACCES'))).toThrow('EACCES');
});
