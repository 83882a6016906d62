import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { Access } from '../../../src/console/access.js';
import { ConsoleError } from '../../../src/console/errors.js';
import type { Guard } from '../../../src/listen/guard.js';
import { keyOf } from '../../../src/listen/keyring.js';
import { Penalty } from '../../../src/listen/penalty.js';
import { closedGuard, openGuard } from '../../support/guards.js';

const READER = 'the-token-in-reader.token';
const ALICE = 'alice-has-this-token';
const BOB = 'bob-has-this-token-to-read';
const KEYS = [keyOf('reader', READER), keyOf('alice', ALICE, true), keyOf('bob', BOB)];
const LOCAL = { host: 'localhost:9488' };
const AWAY = { host: 'lb1.example:9488' };
const LINK = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

type Headers = Readonly<Record<string, string>>;
const request = (headers: Headers) => ({ method: 'GET', headers }) as unknown as IncomingMessage;
const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` });

class FakeResponse extends EventEmitter {
  readonly headers: Record<string, unknown> = {};
  setHeader(name: string, value: unknown): void {
    this.headers[name] = value;
  }
}
const response = () => new FakeResponse() as unknown as ServerResponse & FakeResponse;

/** Undefined when it is admitted, else the status, and at 401 how one may say who one is. */
async function answer(access: Access, headers: Headers, path = '/api/status'): Promise<string | undefined> {
  const to = response();
  try {
    access.refuseForeign(request(headers), path);
    await access.admit(request(headers), to);
    return undefined;
  } catch (error) {
    if (!(error instanceof ConsoleError)) throw error;
    const ways = [to.headers['www-authenticate'] ?? []].flat().map((way) => ` ${String(way).split(' ')[0]}`);
    return `${error.status}${ways.join('')}`;
  }
}

/** The cookie that Set-Cookie gave a browser. */
const cookieOf = (set: string): Headers => ({ cookie: `theme=dark; ${set.split(';')[0]}` });

describe.each([
  ['on loopback', true, LOCAL],
  ['elsewhere', false, AWAY],
])('%s', (_where, loopback, name) => {
  const access = new Access(closedGuard(KEYS, { loopback }));

  it('who bears a token may look, and nobody else', async () => {
    for (const token of [READER, ALICE, BOB]) expect(await answer(access, { ...name, ...bearer(token) })).toBeUndefined();
    expect(await answer(access, name)).toBe('401 Bearer Basic');
    expect(await answer(access, { ...name, ...bearer('nobody-has-this-one') })).toBe('401 Bearer Basic');
    expect(await answer(new Access(closedGuard([], { loopback })), { ...name, ...bearer(ALICE) })).toBe('401 Bearer Basic');
  });

  it('a browser asks nobody for a password on behalf of a page', async () => {
    expect(await answer(access, { ...name, 'sec-fetch-mode': 'cors' })).toBe('401 Bearer');
  });

  it('pages of somebody else may not, whatever their browser sends along', async () => {
    const own = { ...name, ...bearer(ALICE) };
    expect(await answer(access, { ...own, origin: `http://${name.host}` })).toBeUndefined();
    for (const more of [{ origin: 'http://evil.example' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }])
      expect(await answer(access, { ...own, ...more })).toBe('403');
  });

  it('a link may lead to a page of ours, and to nothing that ours asks', async () => {
    const own = { ...name, ...bearer(ALICE), ...LINK };
    expect(await answer(access, own, '/reports/who')).toBeUndefined();
    expect(await answer(access, own, '/api/status')).toBe('403');
  });
});

it('on loopback nobody asks by another name, with a token either', async () => {
  expect(await answer(new Access(closedGuard(KEYS)), { ...AWAY, ...bearer(READER) })).toBe('403');
});

it('where it is open, everybody may look, but a wrong token is told', async () => {
  const access = new Access(openGuard(KEYS));
  expect(await answer(access, LOCAL)).toBeUndefined();
  expect(await answer(access, { ...LOCAL, ...bearer('wrong') })).toBe('401 Bearer Basic');
});

describe('a session', () => {
  it('comes from a link, once', async () => {
    const access = new Access(closedGuard(KEYS));
    const code = access.links.make(60_000);
    const cookie = cookieOf(await access.followLink(code, response()));
    expect(await answer(access, { ...LOCAL, ...cookie })).toBeUndefined();
    await expect(access.followLink(code, response())).rejects.toThrow(/^This link was used already, or is too old/);
    // A token in an address would stay in histories and logs.
    await expect(access.followLink(READER, response())).rejects.toMatchObject({ status: 401 });
  });

  it('comes from a token that was typed', async () => {
    const access = new Access(closedGuard(KEYS));
    expect(await answer(access, { ...LOCAL, ...cookieOf(await access.enter(READER, response())) })).toBeUndefined();
    await expect(access.enter('wrong', response())).rejects.toMatchObject({ status: 401 });
  });

  it('only reads, whatever it came from', async () => {
    const access = new Access(closedGuard(KEYS));
    const cookie = cookieOf(await access.enter(ALICE, response()));
    const visitor = await access.admit(request({ ...LOCAL, ...cookie }), response());
    expect(() => access.changer(visitor)).toThrow(new ConsoleError(401, 'To change something takes a token of console.token_file.'));
    // Beside it the token of a request counts.
    expect(access.changer(await access.admit(request({ ...LOCAL, ...cookie, ...bearer(ALICE) }), response()))).toBe('alice');
    expect(await answer(access, { ...LOCAL, ...cookie, ...bearer('wrong') })).toBe('401 Bearer Basic');
  });

  it('that is none is as if there were none', async () => {
    const access = new Access(closedGuard(KEYS));
    const [name = ''] = (await access.enter(READER, response())).split('=');
    for (const cookie of [`${name}=`, `${name}=x`, name, 'vslog=x', '']) expect(await answer(access, { ...LOCAL, cookie })).toMatch(/^401/);
  });
});

describe('a change', () => {
  const visitor = async (guard: Guard, headers: Headers) => new Access(guard).admit(request({ ...LOCAL, ...headers }), response());

  it('takes an operating token everywhere', async () => {
    for (const guard of [openGuard(KEYS), closedGuard(KEYS), closedGuard(KEYS, { loopback: false })]) {
      const access = new Access(guard);
      expect(access.settable).toBe(true);
      expect(access.changer(await visitor(guard, bearer(ALICE)))).toBe('alice');
      for (const token of [READER, BOB]) {
        const reads = await visitor(guard, bearer(token));
        expect(() => access.changer(reads)).toThrow(
          new ConsoleError(403, 'This token only reads: to change something takes another one of console.token_file.'),
        );
      }
    }
  });

  it('is nobody’s where there are no operating tokens', async () => {
    const guard = closedGuard([keyOf('reader', READER), keyOf('bob', BOB)]);
    const access = new Access(guard);
    expect(access.settable).toBe(false);
    const bob = await visitor(guard, bearer(BOB));
    expect(() => access.changer(bob)).toThrow(/^This console only shows/);
  });
});

it('a crowd of wrong tokens and links is told to come again', async () => {
  const access = new Access(closedGuard(KEYS, { penalty: new Penalty({ most: 0 }) }));
  expect(await answer(access, { ...LOCAL, ...bearer('wrong') })).toBe('429');
  await expect(access.followLink('wrong', response())).rejects.toMatchObject({ status: 429 });
  await expect(access.enter('wrong', response())).rejects.toMatchObject({ status: 429 });
  expect(await answer(access, { ...LOCAL, ...bearer(READER) })).toBeUndefined();
});
