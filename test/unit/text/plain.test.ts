import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { plainLines, plainOutput, plainText, plainValue, quotedText } from '../../../src/text/plain.js';

const hidden = new Set(
  readFileSync('test/contract/hidden-characters.txt', 'utf8')
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [first = 0, last = 0] = line.split('-').map((code) => Number.parseInt(code, 16));
      return Array.from({ length: last - first + 1 }, (_, at) => first + at);
    }),
);

/** A number generator that repeats: https://en.wikipedia.org/wiki/Linear_congruential_generator */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('text from outside', () => {
  it.each(['', 'sysctl -w a=1', 'Größe, größer', '\\x1b is no escape', '日本語 русский', '😀'])(
    'stays as it is when it is clean: %s',
    (text) => {
      expect(plainText(text)).toBe(text);
      expect(plainLines(text)).toBe(text);
      expect(plainOutput(text)).toBe(text);
    },
  );

  it('shows what a terminal obeys, and what nobody sees', () => {
    expect(plainText('\x1b]0;owned\x07\x1b[2J\r\n\t\x00\x7f')).toBe('\\x1b]0;owned\\x07\\x1b[2J\\x0d\\x0a\\x09\\x00\\x7f');
    expect(plainText('\u009b31m')).toBe('\\u009b31m');
    expect(plainText('a\u202e\u2066\u200f\u061cb')).toBe('a\\u202e\\u2066\\u200f\\u061cb');
    expect(plainText('a\u{e0041}')).toBe('a\\u{e0041}');
    expect(plainText('a\ud83d')).toBe('a\\ud83d');
  });

  it('hides exactly the characters of the list, and those that Unicode knows today', () => {
    expect(hidden.size).toBeGreaterThan(200);
    for (let code = 0; code <= 0x10ffff; code++) {
      const character = String.fromCodePoint(code);
      const surrogate = code >= 0xd800 && code <= 0xdfff;
      if ((plainText(character) !== character) !== (hidden.has(code) || surrogate)) expect.fail(`U+${code.toString(16)}`);
      if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(character) && !hidden.has(code)) expect.fail(`U+${code.toString(16)} is not in the list`);
    }
  });

  it('is in quotes where it could be taken for our words', () => {
    expect(quotedText('sysctl -w a=1')).toBe('sysctl -w a=1');
    expect(quotedText('x (pid 1, uid 0)\x1b')).toBe('"x (pid 1, uid 0)\\x1b"');
    expect(quotedText('say "hi"')).toBe('"say \\"hi\\""');
  });

  it('keeps lines and tabs where there may be many', () => {
    expect(plainLines('a\n\tb\r\x1b')).toBe('a\n\tb\\x0d\\x1b');
  });

  it('is made plain everywhere in a value', () => {
    const value = { a: ['\x1b', { b: '\u202e', n: -1, none: null, yes: true }] };
    expect(plainValue(value)).toEqual({ a: ['\\x1b', { b: '\\u202e', n: -1, none: null, yes: true }] });
    expect(plainValue('a\nb', plainText)).toBe('a\\x0ab');
  });

  it('of any characters is clean, and the same when it is made plain again', () => {
    const below = numbers(7);
    for (let round = 0; round < 2000; round++) {
      const text = String.fromCharCode(...Array.from({ length: below(40) }, () => (below(3) === 0 ? below(0x10000) : below(0xa0))));
      for (const plain of [plainText(text), plainText(plainOutput(text))]) {
        expect([...plain].some((character) => hidden.has(character.codePointAt(0) ?? 0))).toBe(false);
        expect(/\p{Cs}/u.test(plain)).toBe(false);
        expect(plainText(plain)).toBe(plain);
      }
    }
  });
});

describe('a whole output', () => {
  it('keeps lines and the colours that we use', () => {
    const ours = '\x1b[1mname\x1b[22m\t\x1b[31mred\x1b[39m \x1b[38;5;208m█\x1b[39m\r\n\x1b[H\x1b[2Jagain\n';
    expect(plainOutput(ours)).toBe(ours);
  });

  it.each(['\x1b[8m', '\x1b[30m', '\x1b[2K', '\x1b]0;x', '\x1bc', '\x1b[6n', '\r', '\b', '\u009b2J', '\u202e', '\x07'])(
    'lets no %j through',
    (text) => {
      expect(plainText(plainOutput(`a${text}b`))).toBe(plainOutput(`a${text}b`));
    },
  );

  it('leaves JSON with its meaning', () => {
    const value = { a: '\x1b\u009b\x7f\u202e\u{e0041}\ud800', b: 'ü' };
    const text = plainOutput(`${JSON.stringify(value, undefined, 2)}\n`);
    expect(JSON.parse(text)).toEqual(value);
    expect(plainLines(text)).toBe(text);
  });
});
