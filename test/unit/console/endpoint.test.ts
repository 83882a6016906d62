import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.js';
import { consoleEndpoint } from '../../../src/console/endpoint.js';
import { Endpoint } from '../../../src/listen/endpoint.js';
import { STATUS } from '../support/status.js';
import { withDirectory } from '../support/temporary.js';

const endpoint = (flags: Readonly<Record<string, string>>) =>
  consoleEndpoint(
    loadConfig({ file: undefined, machine: { root: true, uid: 0, home: '/root', env: {} }, flags }),
    async () => STATUS,
    undefined,
  );

it('is there by default, and not when none is wanted', () => {
  expect(endpoint({})).toBeInstanceOf(Endpoint);
  expect(endpoint({ 'console.listen': '' })).toBeUndefined();
});

it('wants tokens that can be read, and some where others can reach it', () =>
  withDirectory(async (dir) => {
    expect(() => endpoint({ 'console.token_file': join(dir, 'none') })).toThrow(/but there is no such file\.$/);
    writeFileSync(join(dir, 'tokens'), 'alice alice-has-this-token\n', { mode: 0o600 });
    expect(endpoint({ 'console.listen': '0.0.0.0:0', 'console.token_file': join(dir, 'tokens') })).toBeInstanceOf(Endpoint);
    expect(() => endpoint({ 'console.listen': '0.0.0.0:0' })).toThrow(/which others can reach: name a console\.token_file/);
  }));
