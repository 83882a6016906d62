import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { followsForeignLink, foreignOrigin, foreignPage, isLoopback, opensPage } from '../../../src/listen/loopback.js';

const request = (headers: Readonly<Record<string, string>>, method = 'GET') => ({ method, headers }) as unknown as IncomingMessage;

describe('an address of this machine only', () => {
  it.each(['localhost', '127.0.0.1', '127.255.255.254', '::1', '[::1]'])('is %s', (host) => expect(isLoopback(host)).toBe(true));
  it.each(['', '0.0.0.0', '::', '10.0.0.1', '128.0.0.1', 'localhost.example', '127.0.0.1.example', '127.1', '[::2]', '::ffff:127.0.0.1'])(
    'is not %j',
    (host) => expect(isLoopback(host)).toBe(false),
  );
});

describe('a request that a page of somebody else could have made a browser send', () => {
  it.each([
    ['asks for a name that is not ours', { host: 'evil.example' }, /"evil\.example", which is not a name of this machine's loopback/],
    ['asks for no name', {}, /"", which is not a name/],
    ['asks for another name that leads here', { host: '127.0.0.1.evil.example:9488' }, /which is not a name/],
    ['names its page', { host: 'localhost:9488', origin: 'http://evil.example' }, /pages from elsewhere are refused/],
    ['names a page of another port', { host: 'localhost:9488', origin: 'http://localhost:1' }, /pages from elsewhere are refused/],
    ['names a page over TLS, which we do not speak', { host: 'localhost', origin: 'https://localhost' }, /pages from elsewhere/],
    ['names a page without a name', { host: 'localhost', origin: 'null' }, /pages from elsewhere are refused/],
    [
      'is told to be of another port of this machine',
      { host: 'localhost:9488', 'sec-fetch-site': 'same-site' },
      /pages from elsewhere are refused/,
    ],
    ['is told to be one', { host: 'localhost:9488', 'sec-fetch-site': 'cross-site' }, /pages from elsewhere are refused/],
  ])('%s', (_what, headers, sentence) => {
    expect(foreignPage(request(headers))).toMatch(sentence);
  });

  it.each([
    ['comes from a command line', { host: 'localhost:9488' }],
    ['comes from our own page', { host: 'LocalHost:9488', origin: 'http://LocalHost:9488', 'sec-fetch-site': 'same-origin' }],
    ['comes to an address of IPv6', { host: '[::1]:9488', origin: 'http://[::1]:9488' }],
    ['was typed', { host: '127.0.0.1', 'sec-fetch-site': 'none' }],
  ])('is none that %s', (_what, headers) => {
    expect(foreignPage(request(headers))).toBeUndefined();
  });

  it('may open a page of ours by a link, and no more', () => {
    const followed = { host: 'localhost', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    expect(opensPage(request(followed))).toBe(true);
    expect(foreignPage(request(followed), true)).toBeUndefined();
    expect(opensPage(request(followed, 'POST'))).toBe(false);
    expect(opensPage(request({ ...followed, 'sec-fetch-dest': 'iframe' }))).toBe(false);
    expect(opensPage(request({ ...followed, 'sec-fetch-mode': 'no-cors' }))).toBe(false);
    expect(opensPage(request({ host: 'localhost' }))).toBe(false);
    expect(foreignPage(request({ ...followed, host: 'evil.example' }), true)).toMatch(/which is not a name/);
  });
});

describe('the same where others reach us', () => {
  it('is known by the page that it names, whatever our name is there', () => {
    const at = (headers: Readonly<Record<string, string>>) => foreignOrigin(request({ host: 'lb1.example', ...headers }));
    for (const headers of [{}, { origin: 'https://lb1.example' }, { origin: 'http://lb1.example', 'sec-fetch-site': 'same-origin' }])
      expect(at(headers)).toBeUndefined();
    for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }])
      expect(at(headers)).toMatch(/pages from elsewhere are refused/);
  });
});

it('a link in a page of somebody else is known, since a browser keeps our cookie back', () => {
  const followed = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
  for (const [site, expected] of [
    ['cross-site', true],
    ['same-site', true],
    ['same-origin', false],
    ['none', false],
  ] as const)
    expect(followsForeignLink(request({ ...followed, 'sec-fetch-site': site })), site).toBe(expected);
});
