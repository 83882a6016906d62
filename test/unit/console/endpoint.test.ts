import { expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.js';
import { consoleEndpoint } from '../../../src/console/endpoint.js';
import { Endpoint } from '../../../src/listen/endpoint.js';
import { Keyring } from '../../../src/listen/keyring.js';
import { STATUS } from '../support/status.js';

const room = (flags: Readonly<Record<string, string>>) =>
  consoleEndpoint(
    loadConfig({ file: undefined, machine: { root: true, uid: 0, home: '/root', env: {} }, flags }),
    new Keyring(),
    async () => STATUS,
    undefined,
  );

it('is there by default, and not when none is wanted', () => {
  expect(room({})?.endpoint).toBeInstanceOf(Endpoint);
  expect(room({ 'console.listen': '' })).toBeUndefined();
});

it('wants somebody to have named tokens where others can reach it', () => {
  expect(room({ 'console.listen': '0.0.0.0:0', 'console.token_file': '/etc/tokens' })?.endpoint).toBeInstanceOf(Endpoint);
  expect(() => room({ 'console.listen': '0.0.0.0:0' })).toThrow(/which others can reach: name a console\.token_file/);
});

it.each([
  ['127.0.0.1:0', /^http:\/\/127\.0\.0\.1:\d+\/enter\/[\w-]{43}$/],
  ['localhost:0', /^http:\/\/localhost:\d+\/enter\/[\w-]{43}$/],
  ['0.0.0.0:0', /^http:\/\/127\.0\.0\.1:\d+\/enter\/[\w-]{43}$/],
])('has links while it listens: %s', async (listen, url) => {
  const console = room({ 'console.listen': listen, 'console.token_file': '/etc/tokens' });
  expect(console?.link(60)).toBeUndefined();
  await console?.endpoint.start();
  expect(console?.link(60)).toEqual({ url: expect.stringMatching(url), seconds: 60 });
  await console?.endpoint.stop();
  expect(console?.link(60)).toBeUndefined();
});
