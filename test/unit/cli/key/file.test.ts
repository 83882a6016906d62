import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatAddress, parseAddress } from '../../../../src/cli/address.js';
import { hashOf, keptIds, keptPath, readKey, replaceKey } from '../../../../src/cli/key/file.js';

const KEY = '000102030405060708090a0b0c0d0e0f';

function put(path: string, text = `${KEY}\n`, mode = 0o600): void {
  writeFileSync(path, text);
  chmodSync(path, mode);
}

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vslog-key-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('the key file', () => {
  it('has the id that the capture gives it', () => {
    put(join(dir, 'key'));
    expect(readKey(join(dir, 'key')).id).toBe('5f924cb3');
  });

  it('is refused where others may use it, also through a link', () => {
    const path = join(dir, 'key');
    put(path, undefined, 0o640);
    const sentence = `The key file ${path} has mode 0640, so others than its owner may use the key: chmod 600 ${path}`;
    expect(() => readKey(path)).toThrow(sentence);
    symlinkSync(path, join(dir, 'link'));
    expect(() => readKey(join(dir, 'link'))).toThrow('has mode 0640');
  });

  it('is refused where it is none', () => {
    const path = join(dir, 'key');
    expect(() => readKey(path)).toThrow(`There is no key file ${path}: "vslog key rotate" makes it.`);
    put(path, 'secret\n');
    expect(() => readKey(path)).toThrow('must be 32 hexadecimal digits');
    expect(() => readKey(dir)).toThrow('is no regular file');
  });

  it('hashes an address to one of fd00::/8, and another to another', () => {
    put(join(dir, 'key'));
    const key = readKey(join(dir, 'key'));
    const hash = (text: string): string => formatAddress(hashOf(key, parseAddress(text) ?? new Uint8Array(16)));
    expect(hash('10.0.0.1')).toMatch(/^fd/);
    expect(hash('10.0.0.1')).not.toBe(hash('10.0.0.2'));
    expect(hash('10.0.0.1')).toBe(hash('::ffff:10.0.0.1'));
  });
});

describe('replaceKey', () => {
  it('makes a key that its owner alone may read', () => {
    const path = join(dir, 'key');
    const { before, now } = replaceKey(path);
    expect(before).toBeUndefined();
    expect(readKey(path).id).toBe(now.id);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(keptIds(path)).toEqual([]);
  });

  it('keeps what it replaces under its id', () => {
    const path = join(dir, 'key');
    put(path);
    const { before, now } = replaceKey(path);
    expect(before?.id).toBe('5f924cb3');
    expect(now.id).not.toBe('5f924cb3');
    expect(keptIds(path)).toEqual(['5f924cb3']);
    expect(readFileSync(keptPath(path, '5f924cb3'), 'utf8')).toBe(`${KEY}\n`);
    expect(statSync(keptPath(path, '5f924cb3')).mode & 0o777).toBe(0o600);
    expect(readKey(path).id).toBe(now.id);
    expect(new Set([...keptIds(path), replaceKey(path).before?.id])).toEqual(new Set(['5f924cb3', now.id]));
  });

  it('leaves everything as it is where it cannot', () => {
    const path = join(dir, 'key');
    put(path, undefined, 0o644);
    expect(() => replaceKey(path)).toThrow('has mode 0644');
    chmodSync(path, 0o600);
    symlinkSync(path, join(dir, 'link'));
    expect(() => replaceKey(join(dir, 'link'))).toThrow('is a link');
    put(`${path}.next`, '');
    expect(() => replaceKey(path)).toThrow(`${path}.next is there: another rotation is under way, or one was cut off.`);
    expect(readKey(path).id).toBe('5f924cb3');
    expect(existsSync(keptPath(path, '5f924cb3'))).toBe(false);
  });
});
