import { writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Access } from '../../../src/console/access.js';
import { ConsoleError } from '../../../src/console/errors.js';
import { Tokens } from '../../../src/console/tokens.js';
import { withDirectory } from '../support/temporary.js';

const TOKEN = 'alice-has-this-token';
const ALICE = { authorization: `Bearer ${TOKEN}` };
const LOCAL = { host: 'localhost:9488' };
const AWAY = { host: 'lb1.example:9488' };
const LINK = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

type Headers = Readonly<Record<string, string>>;
const request = (headers: Headers) => ({ method: 'GET', headers }) as unknown as IncomingMessage;

let tokens: Tokens | undefined;
beforeAll(() =>
  withDirectory(async (dir) => {
    writeFileSync(join(dir, 'tokens'), `alice ${TOKEN}\n`, { mode: 0o600 });
    tokens = Tokens.read('console.token_file', join(dir, 'tokens'));
  }),
);

/** Undefined when it is admitted, else the status and, at 401, what the browser is asked for. */
function answer(access: Access, headers: Headers, path = '/api/status'): string | undefined {
  let asked = '';
  const response = { setHeader: (name: string, value: string) => (asked = ` ${name}: ${value}`) } as unknown as ServerResponse;
  try {
    access.admit(request(headers), response, path);
    return undefined;
  } catch (error) {
    if (!(error instanceof ConsoleError)) throw error;
    return `${error.status}${asked}`;
  }
}

describe('on loopback', () => {
  it('whoever reaches it may look, without a token', () => {
    const access = new Access(undefined, true);
    expect(answer(access, LOCAL)).toBeUndefined();
    expect(answer(access, { ...LOCAL, origin: 'http://localhost:9488' })).toBeUndefined();
    expect(answer(new Access(tokens, true), LOCAL)).toBeUndefined();
  });

  it('pages of somebody else may not, whatever their browser sends along', () => {
    const access = new Access(tokens, true);
    expect(answer(access, { ...LOCAL, ...ALICE, origin: 'http://evil.example' })).toBe('403');
    expect(answer(access, { ...LOCAL, ...ALICE, 'sec-fetch-site': 'cross-site' })).toBe('403');
    expect(answer(access, { host: 'evil.example', ...ALICE })).toBe('403');
  });

  it('a link may lead to a page of ours, and to nothing that ours asks', () => {
    const access = new Access(undefined, true);
    expect(answer(access, { ...LOCAL, ...LINK }, '/reports/who')).toBeUndefined();
    expect(answer(access, { ...LOCAL, ...LINK }, '/api/status')).toBe('403');
  });
});

describe('elsewhere', () => {
  it('only who bears a token may look; a browser is told to ask for it', () => {
    const access = new Access(tokens, false);
    expect(answer(access, { ...AWAY, ...ALICE })).toBeUndefined();
    expect(answer(access, AWAY)).toBe('401 www-authenticate: Basic realm="vslog", charset="UTF-8"');
    expect(answer(access, { ...AWAY, authorization: 'Bearer nobody-has-this-one' })).toMatch(/^401 /);
    expect(answer(new Access(undefined, false), { ...AWAY, ...ALICE })).toMatch(/^401 /);
  });

  it('pages of somebody else may not, with a token either', () => {
    const access = new Access(tokens, false);
    expect(answer(access, { ...AWAY, ...ALICE, origin: 'https://lb1.example:9488' })).toBeUndefined();
    expect(answer(access, { ...AWAY, ...ALICE, origin: 'http://lb1.example:9488' })).toBeUndefined();
    expect(answer(access, { ...AWAY, ...ALICE, origin: 'https://evil.example' })).toBe('403');
    expect(answer(access, { ...AWAY, ...ALICE, 'sec-fetch-site': 'cross-site' })).toBe('403');
    expect(answer(access, { ...AWAY, ...ALICE, ...LINK }, '/api/knobs')).toBe('403');
    expect(answer(access, { ...AWAY, ...ALICE, ...LINK }, '/knobs')).toBeUndefined();
  });
});

describe('a change', () => {
  it('takes a token everywhere', () => {
    for (const loopback of [true, false]) {
      const access = new Access(tokens, loopback);
      expect(access.settable).toBe(true);
      expect(access.changer(request({ ...LOCAL, ...ALICE }))).toBe('alice');
      expect(access.holderOf(request({ ...LOCAL, ...ALICE }))).toBe('alice');
      expect(() => access.changer(request(LOCAL))).toThrow(
        new ConsoleError(401, 'To change something takes a token of console.token_file, and this is none of them.'),
      );
    }
  });

  it('is nobody’s where there are no tokens', () => {
    const access = new Access(undefined, true);
    expect(access.settable).toBe(false);
    expect(access.holderOf(request({ ...LOCAL, ...ALICE }))).toBeUndefined();
    expect(() => access.changer(request({ ...LOCAL, ...ALICE }))).toThrow(
      new ConsoleError(
        403,
        'This console only shows: start the collector with --console-token-file, then changes can be made with a token.',
      ),
    );
  });
});
