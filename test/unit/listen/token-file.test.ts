import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { secretOf } from '../../../src/listen/authorization.js';
import { Keyring } from '../../../src/listen/keyring.js';
import { readTokenFile } from '../../../src/listen/token-file.js';
import { withDirectory } from '../support/temporary.js';

const ALICE = 'alice-has-this-token';
const BOB = "b0b's:token!with=signs";

/** The tokens of a file with this text. */
function read(text: string): Promise<Keyring> {
  return withDirectory(async (dir) => {
    const path = join(dir, 'tokens');
    writeFileSync(path, text, { mode: 0o600 });
    try {
      return new Keyring(readTokenFile('console.token_file', path));
    } catch (error) {
      throw new Error((error as Error).message.replaceAll(path, 'FILE'));
    }
  });
}

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

describe('a file of tokens', () => {
  it('is none without a path', () => {
    expect(readTokenFile('console.token_file', '')).toEqual([]);
  });

  it('has names and tokens, comments, and a token without a name', async () => {
    const tokens = await read(`# who may change something\n\nalice ${ALICE}\r\n  bob.b-2\t${BOB}  \nsixteen-or-more!\n`);
    expect(tokens.find(ALICE)).toEqual({ name: 'alice', operates: true });
    expect(tokens.find(BOB)).toEqual({ name: 'bob.b-2', operates: true });
    expect(tokens.find('sixteen-or-more!')).toEqual({ name: 'token', operates: true });
  });

  it('says of each what it lets do', async () => {
    const tokens = await read(`alice ${ALICE} operate\nbob ${BOB}\tread\n`);
    expect(tokens.find(ALICE)).toEqual({ name: 'alice', operates: true });
    expect(tokens.find(BOB)).toEqual({ name: 'bob', operates: false });
    expect(tokens.operates).toBe(true);
    expect((await read(`bob ${BOB} read\n`)).operates).toBe(false);
  });

  it.each([
    ['', 'console.token_file names FILE, which holds no token: put a line NAME TOKEN there.'],
    ['# nobody\n', 'console.token_file names FILE, which holds no token: put a line NAME TOKEN there.'],
    [
      `alice ${ALICE}\nbob short-secret-1\n`.replace('short-secret-1', 'fifteen-letters'),
      'console.token_file: the token in line 2 of FILE has 15 characters: it must have 16 at least.',
    ],
    [`alice ${ALICE}\nalice ${BOB}\n`, 'console.token_file: line 2 of FILE has the name alice a second time.'],
    [`${ALICE}\n${BOB}\n`, 'console.token_file: line 2 of FILE has the name token a second time.'],
    [
      `al/ice ${ALICE}`,
      'console.token_file: line 1 of FILE must be NAME TOKEN, or NAME TOKEN read: a name of A-Z a-z 0-9 . _ -, a blank, and the token.',
    ],
    [
      `alice ${ALICE} more`,
      'console.token_file: line 1 of FILE must be NAME TOKEN, or NAME TOKEN read: a name of A-Z a-z 0-9 . _ -, a blank, and the token.',
    ],
    [
      'alice tökens-of-letters',
      'console.token_file: line 1 of FILE must be NAME TOKEN, or NAME TOKEN read: a name of A-Z a-z 0-9 . _ -, a blank, and the token.',
    ],
  ])('that is wrong is told without its secrets: %j', async (text, sentence) => {
    await expect(read(text)).rejects.toThrow(new Error(sentence));
    expect(sentence).not.toContain(ALICE);
  });

  it('that is not there is told', () => {
    expect(() => readTokenFile('console.token_file', '/nowhere/tokens')).toThrow(
      'console.token_file names /nowhere/tokens, but there is no such file.',
    );
  });
});

describe('the holder of a token', () => {
  it('bears it by Bearer, or as the password of any name', async () => {
    const tokens = await read(`alice ${ALICE}\nbob ${BOB}\n`);
    const holderOf = (header: string) => tokens.find(secretOf(header) ?? '')?.name;
    for (const header of [`Bearer ${ALICE}`, `bearer ${ALICE}`, basic(`whoever:${ALICE}`), basic(`:${ALICE}`), basic(ALICE)])
      expect(holderOf(header), header).toBe('alice');
    // A token may have a colon itself; a name has none.
    expect(holderOf(basic(`bob:${BOB}`))).toBe('bob');
  });

  it('is nobody with anything else', async () => {
    const tokens = await read(`alice ${ALICE}\n`);
    for (const header of [
      undefined,
      '',
      'Bearer ',
      ALICE,
      `Bearer ${ALICE}x`,
      `Bearer ${ALICE.slice(0, -1)}`,
      `Bearer  ${ALICE}`,
      `Digest ${ALICE}`,
      basic('alice:wrong-token-is-long'),
      basic(`${ALICE}:alice`),
      'Basic !!!',
    ])
      expect(tokens.find(secretOf(header) ?? ''), String(header)).toBeUndefined();
  });
});
