import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { DOOR_HEADERS, doorFor, doorPage } from '../../../src/console/door.js';
import { pageOf } from '../../../src/console/pages.js';

const HTML = { accept: 'text/html,application/xhtml+xml' };
const door = (url: string, headers: Readonly<Record<string, string>> = HTML, method = 'GET') =>
  doorFor({ url, headers, method } as unknown as IncomingMessage, 'A sentence.');

it('says how one gets in, and takes a token to the page that was asked for', () => {
  const page = door('/connections?client=10.0.0.1&since=1h') ?? '';
  expect(page).toContain('<code>vslog console</code>');
  expect(page).toContain('<form method="post" action="/enter">');
  expect(page).toContain('<input type="hidden" name="to" value="/connections?client=10.0.0.1&amp;since=1h">');
  expect(page).not.toMatch(/A sentence|<script|refresh/);
});

it('says what was wrong to who has tried', () => {
  expect(door('/', { ...HTML, authorization: 'Basic eDp5' })).toContain('<p class="wrong" role="alert">A sentence.</p>');
  expect(door('/enter/a-link-that-is-none')).toContain('A sentence.');
  expect(door('/enter', HTML, 'POST')).toContain('A sentence.');
});

it('is for pages, and for browsers', () => {
  for (const [url, headers, method] of [
    ['/api/status', HTML, 'GET'],
    ['/main.js', HTML, 'GET'],
    ['/', { accept: '*/*' }, 'GET'],
    ['/', {}, 'GET'],
    ['/', HTML, 'POST'],
  ] as const)
    expect(door(url, headers, method), `${method} ${url}`).toBeUndefined();
});

it('is also where there is no page, and leads to the first one', () => {
  expect(door('/nothing?x=main.js')).toContain('<input type="hidden" name="to" value="/">');
});

it('asks once more by itself where a link elsewhere has kept the cookie back', () => {
  const followed = { ...HTML, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
  expect(door('/sql?q="', followed)).toContain('<meta http-equiv="refresh" content="0;url=/sql?q=%22">');
  expect(door('/sql', { ...followed, 'sec-fetch-site': 'same-origin' })).not.toContain('refresh');
});

it('shows text as text', () => {
  expect(doorPage({ to: '/"><script>', problem: '<b>' })).not.toMatch(/<b>|"><script>/);
});

it('may show its own style and nothing else', () => {
  const [, style = ''] = /<style>(.*)<\/style>/.exec(doorPage({ to: '/' })) ?? [];
  expect(DOOR_HEADERS['content-security-policy']).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
  expect(DOOR_HEADERS['content-security-policy']).toMatch(/^default-src 'none'; .*form-action 'self'; frame-ancestors 'none'$/);
});

it.each([
  ['/', '/'],
  ['/sql?q=1', '/sql?q=1'],
  ['/x/../sql', '/sql'],
  ['//evil.example/', undefined],
  ['/\\evil.example/', undefined],
  ['http://evil.example/', undefined],
  ['https://console/', undefined],
  ['.evil.example/', undefined],
  [':80@evil.example/', undefined],
  ['/api/status', undefined],
  ['', undefined],
])('leads from %j to a page of ours only', (path, page) => expect(pageOf(path)).toBe(page));
